import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { embeddedClient } from "./embedded-client";
import { TestLab } from "./harness";
import { smallLab } from "./lab-config";

let lab: TestLab;
let rows = "";
let world: Awaited<ReturnType<typeof embeddedClient>>;

beforeAll(async () => {
  lab = await TestLab.create(smallLab());
  world = await embeddedClient(lab);
});
afterAll(async () => {
  await world?.close();
  await lab?.close();
});

const edit = (change: (config: ReturnType<typeof smallLab>) => void) => {
  const config = smallLab();
  change(config);
  lab.write(config);
};

describe("from nothing to nothing, one step after another", () => {
  test("trap pulumi-dynamic#8: the first preview knows every input", async () => {
    const { ops } = await lab.preview();
    expect(ops).toEqual({
      "libvirt:Pool here": "create",
      "libvirt:Network admin": "create",
      "libvirt:Volume w1.disk0": "create",
      "libvirt:Domain w1": "create",
      "ldap:User alice": "create",
    });
    expect(await world.domainByName("w1")).toBeUndefined();
    expect(lab.lockText).toBe("");
  });

  test("up makes it, and the next preview says unchanged", async () => {
    rows = await lab.up();
    const domain = await world.domainByName("w1");
    expect(domain && (await world.domainState(domain))).toBe("running");
    expect(lab.lockText).toContain("10.20.0.");
    const { ops } = await lab.preview();
    expect(ops).toEqual({});
  });

  test("trap pulumi-dynamic#32: each step shows on its resource's own row", () => {
    expect(rows).toMatch(/libvirt:Network admin creating \(\d+s\) \[1\/\d define\]/);
    expect(rows).toMatch(/ldap:User alice creating \(\d+s\) \[1\/\d /);
    expect(rows).not.toMatch(/pulumi:pulumi:Stack \S+ creating \(\d+s\) \[\d\/\d /);
  });

  test("the machine answers ssh with the key that the state pins", async () => {
    const { machines } = await lab.outputs<{
      machines: Record<string, { address: string; sshHostKey: string }>;
    }>();
    expect(machines.w1?.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(machines.w1?.sshHostKey).toMatch(/^ssh-ed25519 /);
  });

  test("more memory: a restart, said with its reason, and done", async () => {
    edit((config) => {
      Object.assign(config.machines.w1 ?? {}, { memory: "512 MiB" });
    });
    const { ops, text } = await lab.preview();
    expect(ops["libvirt:Domain w1"]).toBe("update");
    expect(text).toMatch(/memoryMiB 256 → 512: needs a restart \(/);
    await lab.up();
    const domain = await world.domainByName("w1");
    expect(domain && (await world.domainXml(domain))).toContain(">524288<");
    expect(domain && (await world.domainState(domain))).toBe("running");
    expect((await lab.preview()).ops).toEqual({});
  });

  test("a machine stopped from outside is drift, told, and started again", async () => {
    const domain = await world.domainByName("w1");
    if (domain) await world.domainDestroy(domain);
    const { ops, text } = await lab.preview();
    expect(ops["libvirt:Domain w1"]).toBe("update");
    expect(text).toContain("running false → true");
    await lab.up();
    expect(domain && (await world.domainState(domain))).toBe("running");
  });

  test("another CIDR: the machine goes before its network, and both come back", async () => {
    edit((config) => {
      Object.assign(config.networks.admin ?? {}, { cidr: "10.21.0.0/24" });
      Object.assign(config.machines.w1 ?? {}, { memory: "512 MiB" });
    });
    const { text } = await lab.preview();
    expect(text).toContain("cidr 10.20.0.0/24 → 10.21.0.0/24: recreated");
    const printed = await lab.up();
    const order = [...printed.matchAll(/(libvirt:Domain w1|libvirt:Network admin) (deleted|created)/g)].map(
      ([, what, done]) => `${what} ${done}`,
    );
    expect(order.filter((entry, index) => order.indexOf(entry) === index)).toEqual([
      "libvirt:Domain w1 deleted",
      "libvirt:Network admin deleted",
      "libvirt:Network admin created",
      "libvirt:Domain w1 created",
    ]);
    const { machines } = await lab.outputs<{ machines: Record<string, { address: string }> }>();
    expect(machines.w1).toBeDefined();
    expect((await lab.preview()).ops).toEqual({});
  });

  test("`formerly` renames without replacing, and keeps every fact", async () => {
    edit((config) => {
      Object.assign(config.networks.admin ?? {}, { cidr: "10.21.0.0/24" });
      const { w1 } = config.machines;
      config.machines = { worker: { ...w1, memory: "512 MiB", formerly: "w1" } };
    });
    const uuid = (await world.domainByName("w1"))?.uuid;
    const { ops } = await lab.preview();
    expect(Object.values(ops).filter((op) => op !== "update")).toEqual([]);
    await lab.up();
    const names = (await world.domains()).map(({ uuid: id }) => id);
    expect(names).toEqual([uuid]);
  });

  test("offline, a preview contacts nothing and says so", async () => {
    const { ops, text } = await lab.preview({ LABPLAN_OFFLINE: "1" });
    expect(ops).toEqual({});
    expect(text).toContain("offline preview");
  });

  test("destroy leaves nothing", async () => {
    await lab.destroy();
    expect(await world.domains()).toEqual([]);
    expect(await world.networks()).toEqual([]);
    expect(await world.pools()).toEqual([]);
  });
});
