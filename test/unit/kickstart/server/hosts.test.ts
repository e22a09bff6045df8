import { describe, expect, it } from "vitest";
import { checkHosts, type Host, hostsOf } from "../../../../kickstart/server/hosts";
import type { MachineProgress } from "../../../../kickstart/server/progress";
import type { Registration } from "../../../../kickstart/server/types";
import type { SshTarget } from "../../../../providers/ssh/target";

const KEY = "ssh-ed25519 AAAA";
const registered = (machine: string, more: Partial<Registration> = {}): Registration => ({
  machine,
  build: `${machine}-b2`,
  mac: "08:00:27:aa:bb:01",
  purpose: "record",
  token: "0123456789abcdef0123456789abcdef",
  begun: "2026-11-21T10:00:00.000Z",
  expires: "2026-11-21T11:00:00.000Z",
  ...more,
});
const seen = (machine: string, more: Partial<MachineProgress> = {}): MachineProgress => ({
  machine,
  build: `${machine}-b2`,
  stage: "booted",
  at: "2026-11-21T10:00:00.000Z",
  address: "192.0.2.11",
  sshHostKey: KEY,
  ...more,
});

describe("the list of hosts", () => {
  it("has the registered machines and what is known of their present build, and no token", () => {
    const hosts = hostsOf(
      [registered("w2"), registered("w1"), registered("w3")],
      [seen("w1"), seen("w2", { build: "w2-b1" }), seen("gone")],
    );
    expect(hosts.map(({ machine, stage, address }) => [machine, stage, address])).toEqual([
      ["w1", "booted", "192.0.2.11"],
      ["w2", "waiting", undefined],
      ["w3", "waiting", undefined],
    ]);
    expect(JSON.stringify(hosts)).not.toContain("0123456789abcdef");
  });

  const check = async (
    host: Partial<Host>,
    embedded: Parameters<typeof checkHosts>[1] = [],
    failure?: Error,
  ) => {
    const asked: SshTarget[] = [];
    const [checked] = await checkHosts(
      [
        {
          machine: "w1",
          mac: "08:00:27:aa:bb:01",
          stage: "booted",
          address: "192.0.2.11",
          sshHostKey: KEY,
          ...host,
        },
      ],
      embedded,
      async (target) => {
        asked.push(target);
        if (failure) throw failure;
      },
    );
    return { checked, asked };
  };

  it("asks a machine at its own address, by the key that it told itself", async () => {
    const { checked, asked } = await check({});
    expect(asked).toEqual([{ host: "192.0.2.11", port: 22, hostKey: KEY }]);
    expect(checked).toMatchObject({ answers: true });
    expect((await check({}, [], new Error("the host key CHANGED"))).checked).toMatchObject({
      answers: false,
      why: "the host key CHANGED",
    });
  });

  it("asks behind NAT at the forwarded port, and an embedded machine where it answers", async () => {
    const nat = { address: "127.0.0.1" };
    expect((await check({ ...nat, ssh: { host: "127.0.0.1", port: 2_201 } })).asked).toMatchObject([
      { port: 2_201 },
    ]);
    const inside = { domain: "lab-w1", address: "127.20.0.5", sshPort: 2_222, hostKey: KEY };
    expect((await check(nat, [inside])).asked).toMatchObject([{ host: "127.20.0.5", port: 2_222 }]);
    expect((await check(nat)).checked).toMatchObject({ answers: false, why: /behind NAT/ });
  });

  it("asks nobody who told no key, or has not booted", async () => {
    const { sshHostKey: _, ...keyless } = { sshHostKey: KEY, stage: "booted" as const };
    const without = await checkHosts(
      [{ machine: "w1", mac: "x", ...keyless, address: "192.0.2.11" }],
      [],
      async () => {
        throw new Error("asked");
      },
    );
    expect(without[0]?.why).toContain("told no ssh host key");
    for (const stage of ["waiting", "installed", "failed"] as const) {
      const { asked, checked } = await check({ stage });
      expect([asked, checked?.answers]).toEqual([[], false]);
    }
  });

  it("asks many at once, though not all, and keeps their order", async () => {
    let now = 0;
    let most = 0;
    const hosts = Array.from(
      { length: 50 },
      (_, i): Host => ({
        machine: `w${i}`,
        mac: "x",
        stage: "booted",
        address: `192.0.2.${i}`,
        sshHostKey: KEY,
      }),
    );
    const checked = await checkHosts(hosts, [], async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now--;
    });
    expect(checked.map(({ machine }) => machine)).toEqual(hosts.map(({ machine }) => machine));
    expect(most).toBe(16);
  });
});
