import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Nodes } from "./start";

const FILES = ["/usr/bin/ovs-vsctl", "/usr/sbin/ovs-vswitchd", "/usr/sbin/ovsdb-server", "/dev/net/tun"];

/** Undefined when nodes can have Open vSwitch here, else the reason why not. */
export function ovsAvailable(): string | undefined {
  const missing = FILES.find((file) => !existsSync(file));
  return missing === undefined ? undefined : `no ${missing}; test/systems/nodes/install.sh gets it`;
}

/** Run the real Open vSwitch on each node, now and after each reboot. */
export async function startOvs({ nodes, inside }: Nodes): Promise<void> {
  for (const node of nodes) {
    copyFileSync(join(__dirname, "ovs.sh"), node.path("/usr/local/sbin/start-ovs"));
    copyFileSync(join(__dirname, "ovs-vsctl.sh"), node.path("/usr/local/sbin/ovs-vsctl"));
    // What is enabled is started in the order of its names, as our stand-in for systemd knows no other.
    const unit = "00-openvswitch.service";
    writeFileSync(
      node.path(`/etc/systemd/system/${unit}`),
      `[Service]\nType=oneshot\nExecStart=/bin/bash /usr/local/sbin/start-ovs ${node.underlay}\n[Install]\nWantedBy=multi-user.target\n`,
    );
    await inside(node, "chmod", "755", "/usr/local/sbin/ovs-vsctl");
    await inside(node, "systemctl", "enable", "--now", unit);
  }
}
