import { isElement, type XmlElement } from "./tree";

/** The orders in which libvirt prints children (src/conf/domain_conf.c, as its output shows). */
export const ORDER = {
  domain: [
    ..."name uuid title description metadata maxMemory memory currentMemory memtune memoryBacking".split(" "),
    ..."vcpu vcpus iothreads cputune numatune resource sysinfo os idmap features cpu clock".split(" "),
    ..."on_poweroff on_reboot on_crash pm perf devices seclabel".split(" "),
  ],
  devices: [
    ..."emulator disk controller lease filesystem interface smartcard serial parallel console channel".split(
      " ",
    ),
    ..."input tpm graphics sound audio video hostdev redirdev watchdog memballoon rng panic vsock".split(" "),
  ],
  disk: "driver auth source backingStore mirror target iotune readonly shareable serial wwn vendor product boot alias address".split(
    " ",
  ),
  interface:
    "mac source virtualport target model driver backend filterref bandwidth vlan link mtu rom boot alias address".split(
      " ",
    ),
  network:
    "name uuid metadata forward bridge mtu mac domain dns vlan bandwidth port ip route portgroup dnsmasq:options".split(
      " ",
    ),
} as const satisfies Record<string, readonly string[]>;

/** Sort the children as libvirt prints them; what it does not know goes last, before alias and address. */
export function sortChildren(of: XmlElement, order: readonly string[]): void {
  const rank = (child: XmlElement): number => {
    const index = order.indexOf(child.name);
    if (index >= 0) return index;
    return order.includes("alias") ? order.indexOf("alias") - 0.5 : order.length;
  };
  const children = of.children.filter(isElement);
  of.children = children
    .map((child, position) => ({ child, position }))
    .sort((a, b) => rank(a.child) - rank(b.child) || a.position - b.position)
    .map(({ child }) => child);
}
