import { expect, test } from "vitest";
import type { LabConfig, MachineConfig } from "../../../stacks/config/types";
import { loginLine, loginOf } from "../../../stacks/login";
import { deskLab, deskMachine } from "./plan/desk";
import { machine, planned } from "./plan/lab";
import { guest, host, metalLab } from "./plan/metal";

/** What a preview can say already, and what is said once the machine has been seen. */
function linesOf(config: MachineConfig, more: Partial<LabConfig> = {}): (string | undefined)[] {
  const { resources } = planned(deskLab({ machines: { w1: config }, ...more }));
  const found = resources.find(({ kind }) => kind === "libvirt:Domain" || kind === "virtualbox:Machine");
  const login = found && loginOf(found);
  if (!login) return [];
  return [loginLine(login, {}), loginLine(login, { address: "127.9.9.9", sshPort: 4022 })];
}

const networks: LabConfig["networks"] = {
  admin: { backend: "rack", cidr: "10.20.0.0/24" },
  control: { backend: "desk", mode: "hostonly", cidr: "192.168.57.0/24" },
};
const same = (line: string) => [line, line];

test("through the forwarded port of this computer's VirtualBox", () => {
  const forwards = [{ protocol: "tcp" as const, hostPort: 2222, guestPort: 22 }];
  expect(linesOf(deskMachine({ networks: [{ type: "nat", forwards }] }))).toEqual(
    same("ssh -p 2222 labplan@127.0.0.1"),
  );
});

test("through that of another host, by way of it", () => {
  const backends: LabConfig["backends"] = { desk: { kind: "virtualbox", host: "ssh://ann@desk1:2200" } };
  const forwards = [{ protocol: "tcp" as const, hostPort: 2222, guestPort: 22 }];
  expect(
    linesOf(deskMachine({ networks: [{ type: "nat", forwards }], cloudInit: { user: "bob" } }), { backends }),
  ).toEqual(same("ssh -J ann@desk1:2200 -p 2222 bob@127.0.0.1"));
});

test("at its own address, on a host-only network or the office's", () => {
  expect(linesOf(deskMachine({ networks: [{ network: "control" }] }), { networks })).toEqual(
    same("ssh labplan@192.168.57.3"),
  );
  expect(linesOf(deskMachine({ networks: [{ bridge: "eth0", ip: "192.0.2.5" }] }))).toEqual(
    same("ssh labplan@192.0.2.5"),
  );
});

test("of a libvirt machine at its planned address, by way of a hypervisor that is elsewhere", () => {
  expect(linesOf(machine(), { networks })).toEqual(same("ssh -J root@rack1.example labplan@10.20.0.2"));
  const backends: LabConfig["backends"] = { rack: { kind: "libvirt", uri: "qemu:///system" } };
  const { control: _, ...local } = networks;
  expect(linesOf(machine(), { networks: local, backends })).toEqual(same("ssh labplan@10.20.0.2"));
});

test("of the embedded lab where it was seen: its addresses are on loopback", () => {
  const backends: LabConfig["backends"] = { here: { kind: "embedded" } };
  const own = { own: { backend: "here", cidr: "10.30.0.0/24" } };
  expect(
    linesOf(machine({ backend: "here", networks: [{ network: "own" }] }), { backends, networks: own }),
  ).toEqual([undefined, "ssh -p 4022 labplan@127.9.9.9"]);
});

test("nowhere without cloud-init, or behind an internal network of VirtualBox's", () => {
  const { cloudInit: _, ...blank } = deskMachine({ disks: [{ sizeBytes: 2 ** 30 }] });
  expect(linesOf(blank)).toEqual([]);
  expect(linesOf(deskMachine({ networks: [{ type: "intnet", attachment: "x" }] }))).toEqual([]);
});

test("at a host of bare metal, by the bastion of its FOG server", () => {
  const line = (parts: object, backend: object) => {
    const config = metalLab({ node1: host(parts) });
    Object.assign(config.backends.metal ?? {}, backend);
    const found = planned(config).resources.find(({ kind }) => kind === "fog:ImagedHost");
    const login = found && loginOf(found);
    return login && [loginLine(login, {}), loginLine(login, { address: "192.0.2.7", sshPort: 2222 })];
  };
  expect(line({}, {})).toEqual([undefined, "ssh -p 2222 root@192.0.2.7"]);
  expect(line({ address: "192.0.2.5" }, { bastion: "ssh://jump@gate:2200" })).toEqual(
    same("ssh -J jump@gate:2200 root@192.0.2.5"),
  );
});

test("in a virtual machine on a host of this lab, by way of the address that the host was found at", () => {
  const backends: LabConfig["backends"] = {
    ...metalLab({}).backends,
    inner: { kind: "libvirt", uri: "qemu+ssh://root@node1/system", machine: "node1" },
  };
  const parts = { backends, networks: { lab: { backend: "inner", cidr: "10.20.0.0/24" } } };
  const vm = guest({ backend: "inner", networks: [{ network: "lab" }] });
  const { resources } = planned(metalLab({ node1: host(), vm }, parts));
  const found = resources.find(({ kind }) => kind === "libvirt:Domain");
  const login = found && loginOf(found);
  if (!login) throw new Error("no login");
  expect(loginLine(login, {})).toBeUndefined();
  expect(loginLine(login, { jump: { address: "192.0.2.7", sshPort: 22 } })).toBe(
    "ssh -J root@192.0.2.7 labplan@10.20.0.2",
  );
  expect(loginLine(login, { jump: { address: "192.0.2.7", sshPort: 2222 } })).toBe(
    "ssh -J root@192.0.2.7:2222 labplan@10.20.0.2",
  );
});
