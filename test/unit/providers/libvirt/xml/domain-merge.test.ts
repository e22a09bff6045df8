import { describe, expect, it } from "vitest";
import type { DomainInputs } from "../../../../../providers/libvirt/domain";
import { domainElement } from "../../../../../providers/libvirt/xml/domain";
import { readDomain } from "../../../../../providers/libvirt/xml/domain-facts";
import { mergeDomain } from "../../../../../providers/libvirt/xml/domain-merge";
import { find, render } from "../../../../../providers/libvirt/xml/element";
import { parseXml } from "../../../../../providers/libvirt/xml/parse";

const inputs: DomainInputs = {
  name: "w1",
  uuid: "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2",
  backend: "rack",
  hostName: "w1",
  cpus: 2,
  memoryMiB: 64,
  firmware: "bios",
  accel: "tcg",
  boot: ["hd"],
  disks: [{ volume: "one", pool: "p", format: "qcow2" }],
  nics: [{ mac: "52:54:00:00:00:01", network: "lan" }],
  running: true,
  autostart: false,
  wait: { for: "none" },
};

/** As libvirt gives it back, with what it and others added. */
const existing = parseXml(`<domain type='qemu'>
  <name>w1</name><uuid>0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2</uuid>
  <title>somebody's</title>
  <memory unit='KiB'>32768</memory><currentMemory unit='KiB'>32768</currentMemory><vcpu placement='static'>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='network'/></os>
  <cpu mode='maximum' check='none'/>
  <seclabel type='dynamic' model='apparmor'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='p' volume='one'/><target dev='vda' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></disk>
    <disk type='file' device='disk'><source file='/srv/theirs'/><target dev='vdb' bus='virtio'/></disk>
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='lan'/><model type='virtio'/>
      <address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x0'/></interface>
    <interface type='network'><mac address='52:54:00:00:00:02'/><source network='old'/><model type='virtio'/></interface>
    <interface type='network'><mac address='52:54:00:99:99:99'/><source network='theirs'/><model type='virtio'/></interface>
    <hostdev mode='subsystem' type='usb'/>
  </devices>
</domain>`);
const ours = new Set(["vda", "52:54:00:00:00:01", "52:54:00:00:00:02"]);
const merge = (more: Partial<DomainInputs> = {}, accel: "kvm" | "tcg" = "tcg") =>
  mergeDomain(existing, domainElement({ ...inputs, ...more }, { accel }), ours);

describe("an existing definition changed into the wanted one", () => {
  it("has what is wanted, and all that libvirt and others added", () => {
    const { root } = merge();
    expect(readDomain(root)).toMatchObject({ memoryMiB: 64, cpus: 2, boot: ["hd"] });
    const text = render(root);
    for (const kept of [
      "somebody's",
      "seclabel",
      "hostdev",
      "/srv/theirs",
      "52:54:00:99:99:99",
      "pc-q35-7.2",
      "qemu-system",
    ])
      expect(text).toContain(kept.replace("'", "'"));
    expect(text).not.toContain("52:54:00:00:00:02");
  });

  it("keeps our devices in their slots", () => {
    const text = render(merge().root);
    expect(text).toMatch(/52:54:00:00:00:01[\s\S]*?bus="0x07"/);
    expect(text).toMatch(/volume="one"[\s\S]*?bus="0x05"/);
  });

  it("gives a card of another model another slot", () => {
    const { root } = merge({ nics: [{ mac: "52:54:00:00:00:01", network: "lan", model: "e1000e" }] });
    expect(render(root)).not.toContain('bus="0x07"');
  });

  it("puts a new disk where no foreign one is, and knows it for ours", () => {
    const { root, devices } = merge({
      disks: [...inputs.disks, { volume: "two", pool: "p", format: "raw" }],
    });
    const targets = readDomain(root).disks.map(({ target, volume }) => [target, volume]);
    expect(targets).toEqual([
      ["vda", "one"],
      ["vdb", undefined],
      ["vdc", "two"],
    ]);
    expect(devices).toEqual(["52:54:00:00:00:01", "vda", "vdc"]);
  });

  it("takes away only what was ours", () => {
    const { root, devices } = merge({ disks: [], nics: [] });
    expect(readDomain(root).disks.map(({ target }) => target)).toEqual(["vdb"]);
    expect(readDomain(root).nics.map(({ mac }) => mac)).toEqual(["52:54:00:99:99:99"]);
    expect(devices).toEqual([]);
  });

  it("under another kind of virtualisation gets its processor and emulator anew", () => {
    const { root } = merge({}, "kvm");
    expect(root.attributes.type).toBe("kvm");
    expect(find(root, "cpu")?.attributes.mode).toBe("host-passthrough");
    expect(find(root, "devices", "emulator")).toBeUndefined();
  });

  it("brings the controller that a new disk needs, once", () => {
    const disks = [{ volume: "one", pool: "p", format: "qcow2" as const, bus: "scsi" as const }];
    const wanted = domainElement({ ...inputs, disks }, { accel: "tcg" });
    const once = mergeDomain(existing, wanted, ours).root;
    const twice = mergeDomain(once, wanted, ours).root;
    for (const root of [once, twice]) expect(render(root).match(/virtio-scsi/g)).toHaveLength(1);
  });

  it("changes nothing the second time", () => {
    const { root, devices } = merge();
    const again = mergeDomain(root, domainElement(inputs, { accel: "tcg" }), new Set(devices));
    expect(render(again.root)).toBe(render(root));
  });

  it("keeps UEFI's variables while it stays UEFI", () => {
    const uefi = parseXml(
      "<domain type='qemu'><os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><nvram>/vars</nvram></os><devices/></domain>",
    );
    const nvram = (firmware: "uefi" | "bios") =>
      find(
        mergeDomain(uefi, domainElement({ ...inputs, firmware }, { accel: "tcg" }), new Set()).root,
        "os",
        "nvram",
      );
    expect(nvram("uefi")).toBeDefined();
    expect(nvram("bios")).toBeUndefined();
  });
});
