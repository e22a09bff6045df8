import * as fs from "node:fs";
import type { AddressInfo } from "node:net";
import * as net from "node:net";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { embeddedClient } from "./embedded-client";
import { TestLab } from "./harness";
import { smallLab } from "./lab-config";

let lab: TestLab;
let world: Awaited<ReturnType<typeof embeddedClient>>;

beforeAll(async () => {
  lab = await TestLab.create(smallLab());
  lab.env = { LABPLAN_ALLOW_REMOVALS: "1" }; // these labs come and go
  world = await embeddedClient(lab);
});
afterAll(async () => {
  await world?.close();
  await lab?.close();
});

describe("what is not ours is never touched", () => {
  const foreign = `<domain type='qemu'><name>w1</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>`;

  test("a foreign machine of the same name is an error in the preview, and stays as it is", async () => {
    const domain = await world.domainDefine(foreign);
    const before = await world.domainXml(domain);
    const { code, text } = await lab.run(["preview"]);
    expect(code).not.toBe(0);
    expect(text).toMatch(/domain "w1" exists and was not made by this lab, so it is left alone/);
    expect((await lab.run(["up", "--yes", "--skip-preview"])).code).not.toBe(0);
    expect(await world.domainXml(domain)).toBe(before);
    await lab.run(["destroy", "--yes", "--skip-preview"]);
    expect(await world.domainXml(domain)).toBe(before);
    await world.domainUndefine(domain);
  });
});

describe("adoption", () => {
  test("trap pulumi-dynamic#16: a foreign network is taken over in place when told so, and released on destroy", async () => {
    const xml = `<network><name>admin</name><bridge name='virbr77'/><forward mode='nat'/><ip address='10.20.0.1' netmask='255.255.255.0'/></network>`;
    const network = await world.networkDefine(xml);
    await world.networkStart(network);
    lab.write({
      backends: { here: { kind: "embedded" } },
      networks: {
        admin: {
          backend: "here",
          cidr: "10.20.0.0/24",
          mode: "nat",
          bridge: "virbr77",
          dhcp: false,
          adopt: true,
        },
      },
    });
    await lab.up();
    const adopted = await world.networkByName("admin");
    expect(adopted?.uuid).toBe(network.uuid);
    expect((await lab.preview()).ops).toEqual({});
    await lab.destroy();
    const released = await world.networkByName("admin");
    expect(released?.uuid).toBe(network.uuid);
    expect(released && (await world.networkXml(released))).not.toContain("labplan");
    await world.networkDestroy(network);
    await world.networkUndefine(network);
    lab.write(smallLab());
  });
});

describe("a backend that fails", () => {
  test("up ends with the backend's own words, and the next one carries on", async () => {
    const config = smallLab();
    fs.writeFileSync(
      path.join(lab.embeddedHome, "faults.json"),
      JSON.stringify([
        { procedure: "domainCreateWithFlags", do: "error", code: 38, message: "no space left" },
      ]),
    );
    lab.write(config);
    const { code, text } = await lab.run(["up", "--yes", "--skip-preview"]);
    fs.rmSync(path.join(lab.embeddedHome, "faults.json"));
    expect(code).not.toBe(0);
    expect(text).toMatch(/no space left/);
    await lab.up();
    await lab.destroy();
    lab.write(smallLab());
  });
});

describe("wrong configs", () => {
  const FOLDER = path.resolve(__dirname, "../fixtures/bad-configs");
  const some = fs
    .readdirSync(FOLDER)
    .filter((name) => name.endsWith(".yaml"))
    .filter((_, index) => index % 12 === 0);

  /** Pulumi itself refuses a made-up one, before any program runs. */
  let ciphertext: string;
  beforeAll(async () => {
    const file = path.join(lab.folder, "stacks", `Pulumi.${lab.stack}.yaml`);
    const good = fs.readFileSync(file, "utf8");
    await lab.mustSucceed(["config", "set", "--secret", "canary", "x"]);
    ciphertext = /secure: (\S+)/.exec(fs.readFileSync(file, "utf8"))?.[1] ?? "";
    fs.writeFileSync(file, good);
  });

  test.each(some)("%s ends the preview with its message at its line, and touches nothing", async (name) => {
    const file = path.join(lab.folder, "stacks", `Pulumi.${lab.stack}.yaml`);
    const good = fs.readFileSync(file, "utf8");
    const bad = fs.readFileSync(path.join(FOLDER, name), "utf8");
    const salt = /^encryptionsalt:.*$/m.exec(good)?.[0] ?? "";
    fs.writeFileSync(file, `${bad.replaceAll(/v1:[\w+/=]+:[\w+/=]+/g, ciphertext)}\n${salt}\n`);
    const { code, text } = await lab.run(["preview"]);
    fs.writeFileSync(file, good);
    expect(code).not.toBe(0);
    expect(text).toMatch(/Pulumi\.t\.yaml:\d+:\d+: |\(?line \d+|yaml: /);
    expect(await world.domains()).toEqual([]);
    expect(await world.networks()).toEqual([]);
  });
});

describe("a hostile edit in a pull request", () => {
  test("makes no connection and reads no secret file", async () => {
    let connections = 0;
    const server = net.createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const secret = path.join(lab.folder, "secret");
    fs.writeFileSync(secret, "offline-canary");
    const accessed = fs.statSync(secret).atimeMs;
    const config = smallLab();
    config.backends = {
      here: { kind: "libvirt", uri: `qemu+ssh://root@127.0.0.1:${port}/system` },
      people: {
        kind: "ldap",
        url: `ldaps://127.0.0.1:${port}`,
        bindDn: "cn=x,dc=lab",
        password: { file: secret },
      },
    };
    if (config.vpn) config.vpn.backend = "people";
    Object.assign(config.machines.w1 ?? {}, { wait: "none" });
    lab.write(config);
    // As a pull request's runner would do it: nothing in the config says so.
    const { ops, text } = await lab.preview({
      LABPLAN_OFFLINE: "",
      GITHUB_EVENT_NAME: "pull_request",
      CI: "true",
    });
    lab.write(smallLab());
    server.close();
    expect(ops["libvirt:Domain w1"]).toBe("create");
    expect(text).toContain("offline preview");
    expect(connections).toBe(0);
    expect(fs.statSync(secret).atimeMs).toBe(accessed);
  });
});

describe("state and plans", () => {
  test("trap pulumi-dynamic#33: at most 4 kB of state for a machine with a disk and a card", async () => {
    await lab.up();
    const { deployment } = JSON.parse(await lab.state()) as {
      deployment: { resources: { urn: string; inputs: object; outputs: object }[] };
    };
    const own = deployment.resources.filter(({ urn }) => urn.includes("dynamic/"));
    expect(own).toHaveLength(5);
    const size = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
    const shown = (bag: object) =>
      size(Object.fromEntries(Object.entries(bag).filter(([key]) => !key.startsWith("__"))));
    const domain = own.find(({ urn }) => urn.includes("libvirt:Domain"));
    expect(size(domain)).toBeLessThanOrEqual(4_096);
    for (const resource of own)
      expect(
        size(resource) - shown(resource.inputs) - shown(resource.outputs),
        resource.urn,
      ).toBeLessThanOrEqual(1_600);
  });

  test("trap pulumi-dynamic#3: the code in the state is short, and the same for all of a type", async () => {
    const codes = [...(await lab.state()).matchAll(/"__provider": "((?:[^"\\]|\\.)*)"/g)].map(
      ([, code]) => code ?? "",
    );
    expect(codes.length).toBeGreaterThan(0);
    expect(Math.max(...codes.map((code) => JSON.parse(`"${code}"`).length))).toBeLessThanOrEqual(120);
    expect(new Set(codes).size).toBe(5);
  });

  test("trap pulumi-dynamic#34: a saved plan refuses what changed since", async () => {
    const edited = smallLab();
    Object.assign(edited.machines.w1 ?? {}, { memory: "300 MiB" });
    lab.write(edited);
    await lab.mustSucceed(["preview", "--save-plan", "plan.json"]);
    Object.assign(edited.machines.w1 ?? {}, { memory: "400 MiB" });
    lab.write(edited);
    const { code, text } = await lab.run(["up", "--plan", "plan.json", "--yes", "--skip-preview"]);
    expect(code).not.toBe(0);
    expect(text).toMatch(/violates plan/);
    lab.write(smallLab());
  });

  test("a backend and all that is on it go in one edit", async () => {
    lab.write({ backends: {}, networks: {}, machines: {} });
    const { code, text } = await lab.run(["up", "--yes", "--skip-preview"]);
    expect(text).not.toContain("error:");
    expect(code).toBe(0);
    expect(await world.domains()).toEqual([]);
    expect(await world.networks()).toEqual([]);
  });
});
