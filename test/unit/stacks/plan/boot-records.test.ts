import { describe, expect, test } from "vitest";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { deskLab, deskMachine, vmOf } from "./desk";
import { inputsOf, machine, planned, resource, told } from "./lab";

const boot = { for: "boot" as const, timeoutS: 300 };
const local: LabConfig["backends"] = {
  rack: { kind: "libvirt", uri: "qemu:///system" },
  desk: { kind: "virtualbox" },
  here: { kind: "embedded" },
};
const networks: LabConfig["networks"] = {
  admin: { backend: "rack", cidr: "10.20.0.0/24" },
  own: { backend: "here", cidr: "10.40.0.0/24" },
  lab: { backend: "desk", cidr: "10.77.0.0/24" },
  control: { backend: "desk", mode: "hostonly", cidr: "192.168.57.0/24" },
  back: { backend: "desk", mode: "isolated", cidr: "10.78.0.0/24", dhcp: true },
};
const lone = (config: MachineConfig, more: Partial<LabConfig> = {}): LabConfig =>
  deskLab({ backends: local, networks, machines: { w1: config }, ...more });
const serverOf = (config: LabConfig) => inputsOf(planned(config), "boot:Record", "w1").server;

describe("a machine that waits for its own call", () => {
  test("has a record after it, of its first card, with its deadline", () => {
    const result = planned(lone(machine({ wait: boot })));
    const domain = inputsOf(result, "libvirt:Domain", "w1") as { uuid: string; nics: { mac: string }[] };
    expect(resource(result, "boot:Record", "w1")).toMatchObject({
      inputs: {
        name: "w1",
        backend: "rack",
        uuid: domain.uuid,
        mac: domain.nics[0]?.mac,
        hostName: "w1",
        timeoutS: 300,
      },
      dependsOn: ["libvirt:Domain w1"],
      recreateWith: ["libvirt:Domain w1"],
    });
    expect(domain).toMatchObject({ bootRecord: { url: "http://10.20.0.1:8069" }, wait: boot });
  });

  test("waits for ten minutes by default", () => {
    const result = planned(lone(machine({ wait: { for: "boot" } })));
    expect(inputsOf(result, "boot:Record", "w1").timeoutS).toBe(600);
  });

  test("keeps its record through a rename", () => {
    const before = planned(lone(machine({ wait: boot })));
    const after = planned(
      { ...lone(machine()), machines: { web1: machine({ wait: boot, formerly: "w1", hostName: "w1" }) } },
      before.lock,
    );
    expect(resource(after, "boot:Record", "web1")).toMatchObject({ formerNames: ["w1"], markName: "w1" });
  });

  test("others have none, and their seed no unit that calls", () => {
    const result = planned(lone(machine()));
    expect(result.resources.filter(({ kind }) => kind === "boot:Record")).toEqual([]);
    expect(inputsOf(result, "libvirt:Domain", "w1")).not.toHaveProperty("bootRecord");
  });
});

describe("where it finds the boot server", () => {
  test.each([
    [
      "libvirt here: the network's gateway, which is this machine",
      machine({ wait: boot }),
      "10.20.0.1",
      "10.20.0.1",
    ],
    [
      "the embedded lab: the gateway inside, loopback outside",
      machine({ backend: "here", networks: [{ network: "own" }], wait: boot }),
      "10.40.0.1",
      "127.0.0.1",
    ],
    ["VirtualBox's NAT", deskMachine({ wait: boot }), "10.0.2.2", "127.0.0.1"],
    [
      "a NAT network of VirtualBox's",
      deskMachine({ networks: [{ network: "lab" }], wait: boot }),
      "10.77.0.2",
      "127.0.0.1",
    ],
    [
      "a host-only network",
      deskMachine({ networks: [{ network: "back" }, { network: "control" }], wait: boot }),
      "192.168.57.1",
      "192.168.57.1",
    ],
  ])("%s", (_, config, host, bind) => {
    expect(serverOf(lone(config))).toEqual({ url: `http://${host}:8069`, bind, httpPort: 8069, tftpPort: 0 });
  });

  test("as the config says, and by another port", () => {
    const bootServer = { address: "192.0.2.10", httpPort: 9000, tftpPort: 69 };
    expect(serverOf(lone(deskMachine({ wait: boot }), { bootServer }))).toEqual({
      url: "http://192.0.2.10:9000",
      bind: "192.0.2.10",
      httpPort: 9000,
      tftpPort: 0,
    });
    expect(vmOf(planned(lone(deskMachine({ wait: boot }), { bootServer })), "w1").bootRecord).toEqual({
      url: "http://192.0.2.10:9000",
    });
  });

  test("nowhere from an internal network of VirtualBox's", () => {
    expect(told(lone(deskMachine({ networks: [{ network: "back" }], wait: boot })))).toEqual([
      expect.stringContaining(
        "An isolated network of VirtualBox's does not reach its host: add a card of `type: nat`.",
      ),
    ]);
  });

  test("on another machine's hypervisor it must be said", () => {
    const far: LabConfig["backends"] = {
      ...local,
      desk: { kind: "virtualbox", host: "ssh://ann@desk1:2222" },
    };
    expect(told(lone(deskMachine({ wait: boot }), { backends: far }))).toEqual([
      expect.stringContaining("its hypervisor is desk1: how it is reached from there is not known"),
    ]);
  });
});
