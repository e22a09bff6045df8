import { describe, expect, test } from "vitest";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { emptyLock, parseLock, renderLock } from "../../../../stacks/plan/lock-file";
import type { LabPlan } from "../../../../stacks/plan/types";
import { deskLab, deskMachine, vmOf } from "./desk";
import { planned, told } from "./lab";

const sshOf = (plan: LabPlan, name: string) => vmOf(plan, name).ssh?.port;
const forwarding = (hostPort: number, guestPort: number, hostIp?: string): MachineConfig =>
  deskMachine({
    networks: [
      {
        type: "nat",
        forwards: [{ protocol: "tcp", hostPort, guestPort, ...(hostIp === undefined ? {} : { hostIp }) }],
      },
    ],
  });
const labWith = (machines: LabConfig["machines"]) => deskLab({ machines });

describe("ports of the host that lead to a machine's SSH", () => {
  test("are kept in the lock file, by backend, and told as new facts", () => {
    const result = planned(labWith({ w1: deskMachine(), w2: deskMachine() }));
    const [one, two] = [sshOf(result, "w1"), sshOf(result, "w2")];
    expect(one).not.toBe(two);
    expect(result.lock.ports).toEqual({ desk: { [String(one)]: "w1 ssh", [String(two)]: "w2 ssh" } });
    expect(result.newFacts).toContain(`w1 has its SSH at port ${one} of its host`);
    const again = planned(labWith({ w2: deskMachine() }), parseLock(renderLock(result.lock), "lock"));
    expect(sshOf(again, "w2")).toBe(two);
    expect(again.newFacts).toEqual([]);
    expect(again.lock.ports).toEqual({ desk: { [String(two)]: "w2 ssh" } });
  });

  test("go along when a machine is renamed", () => {
    const before = planned(labWith({ w1: deskMachine() }));
    const after = planned(labWith({ web1: deskMachine({ formerly: "w1" }) }), before.lock);
    expect(sshOf(after, "web1")).toBe(sshOf(before, "w1"));
    expect(Object.values(after.lock.ports?.desk ?? {})).toEqual(["web1 ssh"]);
  });

  test("are not taken where the user forwards one to SSH, or the machine has an address of its own", () => {
    const result = planned(
      deskLab({
        networks: { control: { backend: "desk", mode: "hostonly", cidr: "192.168.57.0/24" } },
        machines: {
          w1: forwarding(2222, 22, "0.0.0.0"),
          w2: deskMachine({ networks: [{ type: "nat" }, { network: "control" }] }),
          w3: deskMachine({ networks: [{ bridge: "eth0", ip: "192.0.2.7" }] }),
          w4: deskMachine({ networks: [{ bridge: "eth0" }] }),
        },
      }),
    );
    expect(vmOf(result, "w1").ssh).toEqual({ host: "127.0.0.1", port: 2222 });
    for (const name of ["w2", "w3", "w4"]) expect(vmOf(result, name)).not.toHaveProperty("ssh");
    expect(vmOf(result, "w2").wait.for).toBe("ssh");
    // Nobody tells us where the DHCP server of the office has put it.
    expect(vmOf(result, "w4").wait.for).toBe("none");
    expect(result.lock).not.toHaveProperty("ports");
  });

  test("lead to the port that SSH is waited for at", () => {
    const result = planned(labWith({ w1: deskMachine({ wait: { for: "ssh", port: 2022 } }) }));
    expect(vmOf(result, "w1").nics[0]?.forwards).toMatchObject([{ name: "ssh", guestPort: 2022 }]);
  });

  test("600 machines on one host have 600 of them", () => {
    const machines = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`w${i}`, deskMachine()]));
    const result = planned(labWith(machines));
    const ports = Object.keys(machines).map((name) => sshOf(result, name) ?? 0);
    expect(new Set(ports).size).toBe(600);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(2200);
    expect(Math.max(...ports)).toBeLessThanOrEqual(2999);
  });

  test("and the 801st machine is told what to do", () => {
    const machines = Object.fromEntries(Array.from({ length: 801 }, (_, i) => [`w${i}`, deskMachine()]));
    expect(told(labWith(machines))).toEqual([
      expect.stringContaining(
        'no port from 2200 to 2999 of the host is left for its SSH. Give it one: `forwards: ["3022:22"]`',
      ),
    ]);
  });

  test("never take one that somebody forwards", () => {
    const port = sshOf(planned(labWith({ w1: deskMachine() })), "w1") ?? 0;
    const result = planned(labWith({ w1: deskMachine(), w2: forwarding(port, 80) }));
    expect(sshOf(result, "w1")).toBe(port === 2999 ? 2200 : port + 1);
  });

  test("that were handed out are not taken away by a new forward: that is told at the forward", () => {
    const before = planned(labWith({ w1: deskMachine() }));
    const port = sshOf(before, "w1") ?? 0;
    expect(told(labWith({ w1: deskMachine(), w2: forwarding(port, 80) }), before.lock)).toEqual([
      `machines.w2.networks.0.forwards.0: port ${port} of the host was handed out to the SSH of w1 before (lock file), and w2 claims it too. Choose another, or delete that line of the lock file.`,
    ]);
  });

  test("of a lock file merged by hand are told when two machines of one host have the same", () => {
    const config = deskLab({
      backends: { desk: { kind: "virtualbox" }, too: { kind: "virtualbox" } },
      machines: { w1: deskMachine(), w2: deskMachine({ backend: "too" }) },
    });
    const lock = { ...emptyLock(), ports: { desk: { "2300": "w1 ssh" }, too: { "2300": "w2 ssh" } } };
    expect(told(config, lock)).toEqual([
      expect.stringContaining("port 2300 of the host was handed out to the SSH of w2"),
    ]);
  });
});

describe("ports that people forward", () => {
  test("trap virtualbox#21: one host port for two machines is refused, VirtualBox lets it pass", () => {
    expect(told(labWith({ w1: forwarding(8080, 80), w2: forwarding(8080, 81) }))).toEqual([
      "machines.w2.networks.0.forwards.0: tcp port 8080 of the host is that of w1 too, and VirtualBox would let one of them fail in silence. Choose another.",
    ]);
  });

  test("meet on every address of the host, and not on two different ones or with another protocol", () => {
    const config = labWith({
      w1: forwarding(8080, 80, "192.0.2.1"),
      w2: forwarding(8080, 80, "192.0.2.2"),
      w3: deskMachine({
        networks: [{ type: "nat", forwards: [{ protocol: "udp", hostPort: 8080, guestPort: 80 }] }],
      }),
    });
    expect(told(config)).toEqual([]);
    expect(
      told({ ...config, machines: { ...config.machines, w4: forwarding(8080, 80, "0.0.0.0") } }),
    ).toHaveLength(1);
  });

  test("meet across backends of one host, and not across hosts", () => {
    const backends: LabConfig["backends"] = {
      desk: { kind: "virtualbox" },
      mine: { kind: "virtualbox", host: "embedded:" },
      far: { kind: "virtualbox", host: "ssh://ann@desk2.example" },
      same: { kind: "virtualbox", host: "ssh://bob@DESK2.example:2222" },
    };
    const on = (backend: string) => ({ ...forwarding(8080, 80), backend });
    const problems = (a: string, b: string) =>
      told(deskLab({ backends, machines: { w1: on(a), w2: on(b) } }));
    expect(problems("desk", "mine")).toHaveLength(1);
    expect(problems("far", "same")).toHaveLength(1);
    expect(problems("desk", "far")).toEqual([]);
  });

  test("on a NAT network go to the network, with the machine's planned address", () => {
    const result = planned(
      deskLab({
        networks: { lab: { backend: "desk", cidr: "10.77.0.0/24" } },
        machines: {
          w1: deskMachine({
            networks: [{ network: "lab", forwards: [{ protocol: "tcp", hostPort: 8080, guestPort: 80 }] }],
          }),
        },
      }),
    );
    const network = result.resources.find(({ kind }) => kind === "virtualbox:Network");
    expect(network?.inputs.forwards).toMatchObject([
      { name: "w1-ssh", guestIp: "10.77.0.4", guestPort: 22 },
      { name: "w1-tcp-8080", guestIp: "10.77.0.4", hostPort: 8080, guestPort: 80 },
    ]);
  });
});

test("a lock file with a port that is none is refused at its line", () => {
  expect(() => parseLock('version: 1\nports:\n  desk:\n    "70000": w1 ssh\n', "dev.lock.yaml")).toThrow(
    'dev.lock.yaml:4:14: "70000" is no port. Repair or delete the line.',
  );
  expect(() => parseLock('version: 1\nports: { desk: { "2200": w1 } }\n', "f")).toThrow(
    "is not what the port leads to",
  );
});
