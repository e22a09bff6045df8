import { describe, expect, test } from "vitest";
import { cloudFromYaml, entryValues, findCloud, type Sources } from "../../../../providers/openstack/clouds";
import { oldKeystone, pluginSettings, strayVariables } from "../../../../providers/openstack/identity";

const CLOUDS = `clouds:
  dev:
    region_name: West
    interface: internal
    auth: { auth_url: "https://a:5000", username: ann, password: canary-1, project_name: lab }
`;

const login = {
  OS_AUTH_URL: "https://a:5000/v2.0",
  OS_USERNAME: "ann",
  OS_PASSWORD: "canary-2",
  OS_TENANT_NAME: "lab",
};
const sources = (env: NodeJS.ProcessEnv): Sources => ({
  env,
  folders: ["/c"],
  readFile: (file) => (file === "/c/clouds.yaml" ? CLOUDS : undefined),
});

describe("trap openstack#29: what the plugin is told of a login", () => {
  test("is where it is and for which project, and never who with which secret", () => {
    const found = findCloud({ region: "East" }, sources(login));
    expect(pluginSettings(found, "p1")).toEqual({
      authUrl: "https://a:5000/v3",
      endpointType: "public",
      region: "East",
      tenantId: "p1",
    });
  });

  test("is the credential's id, where that is for one project", () => {
    const { OS_AUTH_URL } = login;
    const env = {
      OS_AUTH_URL,
      OS_APPLICATION_CREDENTIAL_ID: "c1",
      OS_APPLICATION_CREDENTIAL_SECRET: "canary",
    };
    expect(pluginSettings(findCloud({}, sources(env)), "p1")).toEqual({
      authUrl: "https://a:5000/v3",
      endpointType: "public",
      applicationCredentialId: "c1",
    });
  });

  test("is the entry of clouds.yaml, with the region and the endpoints that we use ourselves", () => {
    expect(pluginSettings(cloudFromYaml(CLOUDS, "dev"), "p1", "dev")).toEqual({
      cloud: "dev",
      region: "West",
      endpointType: "internal",
    });
  });
});

test("trap openstack#29: variables of another login than the entry's are named, and its own are not", () => {
  const stray = (env: NodeJS.ProcessEnv) => strayVariables(entryValues("dev", sources(env)), env);
  expect(stray(login)).toEqual([]);
  expect(stray({ OS_PROJECT_ID: "p2", OS_TENANT_NAME: "other", OS_TOKEN: "t", OS_CLOUD: "dev" })).toEqual([
    "OS_PROJECT_ID",
    "OS_TENANT_NAME",
    "OS_TOKEN",
  ]);
});

describe("trap openstack#32: a login that asks for keystone's version 2.0, which the plugin obeys", () => {
  const asked = (entry: string, env: NodeJS.ProcessEnv = {}) => {
    const text = CLOUDS.replace("region_name: West", entry);
    const value = entryValues("dev", { ...sources(env), readFile: () => text });
    return oldKeystone({ name: "dev", value }, env);
  };

  test("is told with what to change: in the environment", () => {
    const old = { ...login, OS_IDENTITY_API_VERSION: "2" };
    expect(oldKeystone(undefined, old)).toBe(
      'OS_IDENTITY_API_VERSION is 2, and of keystone\'s APIs only version 3 is left: "export OS_IDENTITY_API_VERSION=3".',
    );
    // Keystone's old address we mend ourselves.
    expect(oldKeystone(undefined, login)).toBeUndefined();
    expect(oldKeystone(undefined, { ...login, OS_IDENTITY_API_VERSION: "3" })).toBeUndefined();
  });

  test("and in an entry of clouds.yaml, which the plugin reads by itself", () => {
    expect(asked("region_name: West")).toBeUndefined();
    expect(asked("identity_api_version: 3")).toBeUndefined();
    expect(asked("identity_api_version: '2.0'")).toMatch(
      /^cloud "dev" .* identity_api_version 2\.0, .*Write 3\.$/,
    );
    expect(asked("auth_type: v2password")).toMatch(/auth_type v2password/);
    expect(asked("auth_url: 'https://a:5000/v3'")).toBeUndefined();
    const old = CLOUDS.replace("https://a:5000", "https://a:5000/v2.0/");
    const value = entryValues("dev", { ...sources({}), readFile: () => old });
    expect(oldKeystone({ name: "dev", value }, {})).toMatch(/auth_url that ends in \/v2\.0/);
    // The environment's word counts for it, too, and more.
    expect(asked("identity_api_version: 2", { OS_IDENTITY_API_VERSION: "3" })).toBeUndefined();
    expect(asked("identity_api_version: 3", { OS_IDENTITY_API_VERSION: "2.0" })).toMatch(
      /OS_IDENTITY_API_VERSION/,
    );
  });
});
