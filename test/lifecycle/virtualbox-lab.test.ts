import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestLab } from "./harness";
import { KEY } from "./lab-config";

/** A lab on the embedded VirtualBox through its whole life, and a machine that moves there from libvirt. */

const machine = (backend: string, parts: object = {}) => ({
  backend,
  memory: "256 MiB",
  disk: "1 GiB",
  sshKeys: [KEY],
  wait: "ssh",
  ...parts,
});
const sections = (machines: object, networks: object = {}) => ({
  backends: { here: { kind: "embedded" }, desk: { kind: "virtualbox", host: "embedded:" } },
  networks: { lab: { backend: "desk", cidr: "10.77.0.0/24" }, ...networks },
  machines,
});

type Machines = Record<string, { address?: string; sshPort?: number; sshHostKey?: string; login?: string }>;

describe("a lab on VirtualBox", () => {
  let lab: TestLab;
  const w1 = { networks: [{ type: "nat", forwards: ["28080:80"] }], snapshots: ["fresh"] };
  const w2 = { networks: ["lab"] };
  let port: number | undefined;

  const outputs = async () => (await lab.outputs<{ machines: Machines }>()).machines;

  beforeAll(async () => {
    lab = await TestLab.create(sections({ w1: machine("desk", w1), w2: machine("desk", w2) }));
  }, 120_000);
  afterAll(() => lab?.close());

  test("comes up, is reached through forwarded ports, and a second look finds nothing to do", async () => {
    await lab.up();
    const machines = await outputs();
    port = machines.w1?.sshPort;
    for (const name of ["w1", "w2"]) {
      expect(machines[name]).toMatchObject({
        address: "127.0.0.1",
        sshHostKey: expect.stringMatching(/^ssh-ed25519 /),
        login: `ssh -p ${machines[name]?.sshPort} labplan@127.0.0.1`,
      });
      expect(lab.lockText).toContain(`"${machines[name]?.sshPort}": "${name} ssh"`);
    }
    expect((await lab.preview()).ops).toEqual({});
  }, 300_000);

  test("is renamed twice in one go without replacing anything, and keeps its port", async () => {
    lab.write(
      sections({
        www: machine("desk", { ...w1, formerly: ["web1", "w1"], hostName: "w1" }),
        w2: machine("desk", w2),
      }),
    );
    expect((await lab.preview()).ops).toEqual({});
    await lab.up();
    expect((await outputs()).www?.sshPort).toBe(port);
  }, 300_000);

  test("refuses a machine's move while its disk would be lost, and moves it when that is allowed", async () => {
    const onRack = { backend: "here", networks: ["rack"] };
    const networks = { rack: { backend: "here", cidr: "10.20.0.0/24" } };
    const www = machine("desk", { ...w1, hostName: "w1" });
    lab.write(sections({ www, w2: machine("desk", { ...w2, ...onRack }) }, networks));
    const refused = await lab.run(["preview"]);
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain(
      "w2 moves from desk (VirtualBox) to here (libvirt): it is made anew there",
    );

    lab.write(sections({ www, w2: machine("desk", { ...w2, ...onRack, allow: ["wipe"] }) }, networks));
    const { ops, text } = await lab.preview();
    expect(text).toContain("its disks are not copied and those on desk are deleted");
    expect(ops).toMatchObject({
      "libvirt:Domain w2": "create",
      "virtualbox:Machine w2": "delete",
      "virtualbox:Medium w2.disk0": "delete",
    });
    await lab.up();
    expect((await outputs()).w2?.address).not.toBe("127.0.0.1");
    expect(lab.lockText).not.toContain("w2 ssh");
    expect((await lab.preview()).ops).toEqual({});
  }, 400_000);

  test("is taken away", async () => {
    await lab.destroy();
    expect(JSON.parse(await lab.state()).deployment.resources ?? []).toEqual([]);
  }, 300_000);
});
