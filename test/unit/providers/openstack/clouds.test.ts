import { describe, expect, test } from "vitest";
import { cloudFromYaml, findCloud, type Sources } from "../../../../providers/openstack/clouds";

const YAML = `
clouds:
  devcloud:
    auth:
      auth_url: https://cloud.example:5000/v3/
      username: ann
      password: canary-1
      project_name: lab
      user_domain_name: People
      project_domain_id: default
    region_name: RegionTwo
    interface: internal
    cacert: /etc/ssl/cloud.pem
  app:
    auth_type: v3applicationcredential
    auth: { auth_url: http://cloud.example:5000, application_credential_id: a1, application_credential_secret: canary-2 }
`;

const sources = (files: Record<string, string>, env: NodeJS.ProcessEnv = {}): Sources => ({
  env,
  folders: [".", "/home/ann/.config/openstack", "/etc/openstack"],
  readFile: (file) => files[file],
});

describe("a cloud of clouds.yaml", () => {
  test("has all that is needed to log in", () => {
    expect(cloudFromYaml(YAML, "devcloud")).toEqual({
      name: "devcloud",
      authUrl: "https://cloud.example:5000/v3",
      auth: {
        kind: "password",
        user: { name: "ann", domain: { name: "People" } },
        password: "canary-1",
        project: { name: "lab", domain: { id: "default" } },
      },
      region: "RegionTwo",
      interface: "internal",
      ca: "/etc/ssl/cloud.pem",
      verify: true,
    });
    expect(cloudFromYaml(YAML, "app").auth).toEqual({
      kind: "application",
      id: { id: "a1" },
      secret: "canary-2",
    });
  });

  test("is looked for here, then in the home folder, then in /etc", () => {
    const other = YAML.replace("username: ann", "username: bob");
    const userIn = (files: Record<string, string>) => {
      const { auth } = findCloud({ cloud: "devcloud" }, sources(files));
      return auth.kind === "password" && "name" in auth.user ? auth.user.name : undefined;
    };
    expect(userIn({ "clouds.yaml": YAML, "/etc/openstack/clouds.yaml": other })).toBe("ann");
    expect(
      userIn({ "/home/ann/.config/openstack/clouds.yml": other, "/etc/openstack/clouds.yaml": YAML }),
    ).toBe("bob");
  });

  test("has its secrets in secure.yaml, where they are split", () => {
    const found = findCloud(
      { cloud: "devcloud", region: "RegionThree" },
      sources({
        "clouds.yaml": YAML.replace("      password: canary-1\n", ""),
        "/home/ann/.config/openstack/secure.yaml": "clouds: { devcloud: { auth: { password: canary-3 } } }",
      }),
    );
    expect(found.auth).toMatchObject({ password: "canary-3" });
    expect(found.region).toBe("RegionThree");
  });

  test("that is not there is told with those that are, and no secret is in any message", () => {
    const messageOf = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    expect(messageOf(() => cloudFromYaml(YAML, "devclout"))).toBe(
      'clouds.yaml has no cloud "devclout". It has: devcloud, app.',
    );
    expect(messageOf(() => findCloud({ cloud: "x" }, sources({})))).toMatch(/no clouds\.yaml is there/);
    const broken = messageOf(() => cloudFromYaml(`${YAML}\n  password: [canary-1`, "devcloud"));
    expect(broken).toBe("clouds.yaml is no YAML. Repair it.");
    expect(messageOf(() => cloudFromYaml(YAML.replace("username: ann", ""), "devcloud"))).toBe(
      'cloud "devcloud" of clouds.yaml does not say how to log in: auth.username or auth.user_id is missing.',
    );
  });
});

describe("a cloud of the OS_* variables", () => {
  test("the old builder's four variables are enough, with an address of keystone v2", () => {
    const env = {
      OS_AUTH_URL: "http://10.0.0.1:5000/v2.0",
      OS_USERNAME: "ann",
      OS_TENANT_NAME: "lab",
      OS_PASSWORD: "canary-4",
    };
    expect(findCloud({}, sources({}, env))).toEqual({
      name: "http://10.0.0.1:5000/v2.0",
      authUrl: "http://10.0.0.1:5000/v3",
      auth: {
        kind: "password",
        user: { name: "ann", domain: { id: "default" } },
        password: "canary-4",
        project: { name: "lab", domain: { id: "default" } },
      },
      interface: "public",
      verify: true,
    });
  });

  test("OS_CLOUD names an entry of clouds.yaml; the backend's own word wins", () => {
    const files = { "clouds.yaml": YAML };
    expect(findCloud({}, sources(files, { OS_CLOUD: "app" })).name).toBe("app");
    expect(findCloud({ cloud: "devcloud" }, sources(files, { OS_CLOUD: "app" })).name).toBe("devcloud");
  });

  test("what is missing is told at once", () => {
    expect(() => findCloud({}, sources({}, { OS_USERNAME: "ann" }))).toThrow(
      "the OS_* variables do not say how to log in: OS_AUTH_URL, OS_PASSWORD, OS_PROJECT_NAME or OS_PROJECT_ID are missing.",
    );
  });
});
