import type { PortForward } from "../../stacks/config/types";
import { LabError } from "../core/errors";
import { checkPort, checkRuleName, macForVirtualBox } from "./checks";
import type { NicSettings } from "./client";

const SLOTS = 8;

/** Option with what a NIC of that type is on. */
const ATTACHMENTS = {
  bridged: "--bridge-adapter",
  intnet: "--intnet",
  hostonly: "--host-only-adapter",
  natnetwork: "--nat-network",
  generic: "--nic-generic-drv",
} as const;

const MODELS = { virtio: "virtio", e1000: "82540EM", e1000e: "82583V" } as const;

/** Options of one modifyvm for a NIC. */
export function nicOptions(nic: NicSettings): string[] {
  const { slot, type, attachment, mac, model = "virtio", cable = true, tftp } = nic;
  if (!Number.isInteger(slot) || slot < 1 || slot > SLOTS)
    throw new LabError(
      `a machine on VirtualBox has at most ${SLOTS} network cards; there is no card ${slot}`,
    );
  if (type === "none") return [`--nic${slot}`, "none"];
  if (model === "rtl8139")
    throw new LabError("VirtualBox has no rtl8139 network card. Write model: virtio, e1000 or e1000e.");
  const options = [`--nic${slot}`, type];
  const set = (option: string, value: string | undefined) => {
    if (value !== undefined) options.push(`${option}${slot}`, value);
  };
  if (type !== "nat") {
    if (!attachment) throw new LabError(`network card ${slot} of type ${type} needs what it is attached to`);
    set(ATTACHMENTS[type], attachment);
  }
  for (const [key, value] of Object.entries(nic.properties ?? {})) set("--nic-property", `${key}=${value}`);
  set("--mac-address", mac && macForVirtualBox(mac));
  set("--nic-type", MODELS[model]);
  set("--cable-connected", cable ? "on" : "off");
  if (type !== "nat") return options;
  set(
    "--nat-localhostreachable",
    nic.localhostReachable === undefined ? undefined : onOff(nic.localhostReachable),
  );
  if (tftp) {
    // Without this one, the others do nothing.
    set("--nat-enable-tftp", onOff(tftp.enabled));
    set("--nat-tftp-prefix", tftp.prefix ?? "");
    set("--nat-tftp-file", tftp.bootFile ?? "");
    set("--nat-tftp-server", tftp.nextServer ?? "");
  }
  for (const forward of nic.forwards ?? []) set("--natpf", ruleOf(forward));
  return options;
}

const onOff = (on: boolean): string => (on ? "on" : "off");

/** `name,tcp,127.0.0.1,2222,,22`: to whichever address the guest has. */
export function ruleOf(forward: PortForward & { name: string; guestIp?: string }): string {
  const { name, protocol, hostIp = "127.0.0.1", hostPort, guestIp = "", guestPort } = forward;
  const host = checkPort(hostPort, `host port of "${name}"`);
  const guest = checkPort(guestPort, `guest port of "${name}"`);
  return [checkRuleName(name, ","), protocol, hostIp, host, guestIp, guest].join(",");
}
