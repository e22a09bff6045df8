import { describe, expect, it } from "vitest";
import type { EndpointInputs } from "../../providers/overlay/types";
import type { Nodes } from "../systems/nodes/start";
import { sudoAvailable } from "../systems/ssh/machine";
import { newTrace, Overlay } from "./overlay.lab";

/** What is refused before anything is touched. */
export function foreignSuite(nodes: () => Nodes): void {
  describe("refused before anything is touched", () => {
    const cases: [string, string, Partial<EndpointInputs>, RegExp][] = [
      [
        "a bridge of its name that somebody else made",
        "ip link add name br-infra type bridge",
        {},
        /^device: overlay "br-infra" on "node1": there is a device "br-infra" already that is not ours, and it is left alone.*ip link del dev br-infra/,
      ],
      [
        "a bridge of another lab",
        "ip link add name br-infra type bridge; ip link set dev br-infra alias labplan:other/dev/node1",
        {},
        /not ours \("labplan:other\/dev\/node1"\)/,
      ],
      [
        "another VXLAN device with its identifier",
        "ip link add name theirs type vxlan id 4011 dstport 4789 local 10.99.0.11",
        {},
        /^vni: .*device "theirs" there has VXLAN identifier 4011 on port 4789 already/,
      ],
      [
        "a script of another lab",
        "mkdir -p /etc/labplan/overlay; printf '#!/bin/sh\\n# labplan overlay of other/dev/node1\\n' > /etc/labplan/overlay/br-infra.sh",
        {},
        /^device: .*br-infra.sh there is of another labplan resource \(other\/dev\/node1\)/,
      ],
      [
        "a unit of somebody else",
        "echo '[Unit]' > /etc/systemd/system/labplan-overlay-br-infra.service",
        {},
        /^device: .*labplan-overlay-br-infra.service there is of somebody else/,
      ],
      [
        "an underlay of 1450 bytes under packets of 1450",
        "ip link set dev eth0 mtu 1450",
        {},
        /^mtu: .*eth0 \(10.99.0.11\) has an MTU of 1450, and packets of 1450 bytes need 1500 there \(VXLAN over IPv4 adds 50\). Set the overlay's MTU to 1400 or less/,
      ],
      [
        "trap openstack#22: an underlay over IPv6 that is 20 bytes too narrow",
        "ip link set dev eth0 mtu 1500",
        { local: "fd99::11", peers: {} },
        /^mtu: .*eth0 \(fd99::11\) has an MTU of 1500, and packets of 1450 bytes need 1520 there \(VXLAN over IPv6 adds 70\)/,
      ],
      [
        "an own address that it has not",
        "true",
        { local: "10.99.0.50" },
        /^local: .*no device there has the address 10.99.0.50 .*there are 10.99.0.11 \(eth0\)/,
      ],
      [
        "a network that another device is in",
        "ip link add name other type bridge; ip addr add 172.24.5.1/24 dev other",
        {},
        /^address: .*other there has 172.24.5.1\/24, which is in the overlay's network \(172.24.4.11\/23\)/,
      ],
      [
        "peers of another kind of address",
        "true",
        { peers: { node2: { underlay: "fd99::12", overlay: "172.24.4.12" } } },
        /^peers: .*peer fd99::12 and its own 10.99.0.11 are not of one kind/,
      ],
    ];
    const clean = [
      "for each in br-infra theirs other; do ip link del dev $each 2>/dev/null; done",
      "rm -rf /etc/labplan /etc/systemd/system/labplan*; ip link set dev eth0 mtu 1500",
    ].join("; ");

    for (const [title, given, more, said] of cases)
      it(title, async () => {
        const overlay = new Overlay(nodes(), { names: ["node1", "node2"] });
        await overlay.sh("node1", given);
        const before = await overlay.snapshot("node1");
        const problems = await overlay.precheck("node1", more);
        expect(problems[0]).toMatch(said);
        expect(problems).toHaveLength(1);
        await expect(overlay.up("node1", more)).rejects.toThrow(problems[0]?.replace(/^\w+: /, ""));
        expect(await overlay.snapshot("node1")).toBe(before);
        // Neither is it removed.
        await overlay.remove("node1", more);
        expect(await overlay.snapshot("node1")).toBe(before);
        await overlay.sh("node1", clean);
      });

    it("Open vSwitch where there is none: told in the preview, as it may be among what is installed before", async () => {
      const overlay = new Overlay(nodes(), { names: ["node1", "node2"], bridge: "ovs" });
      await overlay.sh(
        "node1",
        "[ ! -e /usr/bin/ovs-vsctl ] || mv /usr/bin/ovs-vsctl /usr/bin/ovs-vsctl.away",
      );
      const before = await overlay.snapshot("node1");
      const trace = newTrace();
      expect(await overlay.precheck("node1", {}, { trace })).toEqual([]);
      const said = /no Open vSwitch .*Install openvswitch-switch there, or write "bridge: linux"/;
      expect(trace.said.join()).toMatch(said);
      await expect(overlay.up("node1")).rejects.toThrow(said);
      expect(await overlay.snapshot("node1")).toBe(before);
      await overlay.sh(
        "node1",
        "[ ! -e /usr/bin/ovs-vsctl.away ] || mv /usr/bin/ovs-vsctl.away /usr/bin/ovs-vsctl",
      );
    });

    it("a machine that is away is not checked; it is told when it cannot be taken away there", async () => {
      const overlay = new Overlay(nodes());
      const { on } = overlay.node("node3");
      const port = on.sshPort;
      on.sshPort = 1;
      expect(await overlay.precheck("node3")).toEqual([]);
      await expect(overlay.remove("node3")).rejects.toThrow(
        /could not be taken away: .*refused[\s\S]*pulumi state delete/,
      );
      on.sshPort = port;
    });

    it("by sudo, for a login that is not root", async (context) => {
      if (sudoAvailable()) context.skip(sudoAvailable());
      const overlay = new Overlay(nodes(), { names: ["node1", "node2"] });
      await overlay.sh(
        "node1",
        "useradd -m -s /bin/sh ops; cp -r /root/.ssh /home/ops/; chown -R ops: /home/ops; printf 'ops ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/ops; chmod 440 /etc/sudoers.d/ops",
      );
      const login = { user: "ops", identityFile: overlay.node("node1").identityFile };
      const state = await overlay.up("node1", { login });
      expect(await overlay.look(state)).toEqual(state);
      expect(state.active).toBe(true);
      await overlay.remove("node1", { login });
      expect(await overlay.look(state)).toBeUndefined();
      await overlay.sh("node1", "userdel -r ops 2>/dev/null; rm /etc/sudoers.d/ops");
    });
  });
}
