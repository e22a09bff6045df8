import { describe, expect, it } from "vitest";
import { attachDevice, detachDevice, parseDevice, updateDevice } from "../../../../embedded/libvirt/devices";
import { normaliseDomain, parseDomain } from "../../../../embedded/libvirt/xml/domain";
import { makeLive } from "../../../../embedded/libvirt/xml/live";
import { all, first, type XmlElement } from "../../../../embedded/libvirt/xml/tree";

const invent = { uuid: () => "11111111-2222-3333-4444-555555555555", mac: () => "52:54:00:01:02:03" };
const config = () =>
  normaliseDomain(
    parseDomain(`<domain type='qemu'><name>d</name><memory>65536</memory><os><type machine='q35'>hvm</type></os><devices>
      <disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/></disk>
      <disk type='file' device='cdrom'><source file='/iso'/><target dev='sda' bus='sata'/></disk>
      <interface type='network'><mac address='52:54:00:00:00:01'/><source network='admin'/><model type='virtio'/></interface>
      </devices></domain>`),
    invent,
  );
let tap = 0;
const context = { id: 1, bridgeOf: () => "br", nextTap: () => `vnet${tap++}` };
const change = (root: XmlElement, live = false) => ({
  root,
  newMac: invent.mac,
  ...(live ? { live: context } : {}),
});
const devices = (root: XmlElement, name: string) => all(first(root, "devices"), name);
const refusal = (code: number, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

describe("devices", () => {
  it("come with an address of their own, and with an alias when it runs", () => {
    const xml = parseDevice(
      "<interface type='network'><source network='admin'/><model type='virtio'/></interface>",
    );
    const stored = config();
    attachDevice(change(stored), xml);
    const buses = devices(stored, "interface").map((nic) => first(nic, "address")?.attributes.bus);
    expect(new Set(buses).size).toBe(2);
    const live = makeLive(config(), context);
    attachDevice(change(live, true), xml);
    expect(devices(live, "interface").map((nic) => first(nic, "alias")?.attributes.name)).toEqual([
      "net0",
      "net1",
    ]);
  });

  it("are refused under a target that is taken, and of a kind that nobody knows", () => {
    const disk = parseDevice("<disk type='file'><source file='/b'/><target dev='vda' bus='virtio'/></disk>");
    expect(() => attachDevice(change(config()), disk)).toThrow(refusal(55, "target vda already exists"));
    expect(() => attachDevice(change(config()), parseDevice("<foo/>"))).toThrow(
      refusal(67, "unknown device type 'foo'"),
    );
  });

  it("go by target or MAC, and are missing with code 99", () => {
    const root = config();
    detachDevice(change(root), parseDevice("<disk><target dev='vda'/></disk>"));
    detachDevice(
      change(root),
      parseDevice("<interface type='network'><mac address='52:54:00:00:00:01'/></interface>"),
    );
    expect([devices(root, "disk").length, devices(root, "interface").length]).toEqual([1, 0]);
    expect(() => detachDevice(change(root), parseDevice("<disk><target dev='vda'/></disk>"))).toThrow(
      refusal(99, "no target device vda"),
    );
    expect(() =>
      detachDevice(
        change(root),
        parseDevice("<interface type='network'><mac address='52:54:00:00:00:01'/></interface>"),
      ),
    ).toThrow(refusal(99, "matching MAC address '52:54:00:00:00:01'"));
  });

  it("move a running NIC to another network, but to no other model", () => {
    const live = makeLive(config(), context);
    const nic = (network: string, model: string) =>
      parseDevice(
        `<interface type='network'><mac address='52:54:00:00:00:01'/><source network='${network}'/><model type='${model}'/></interface>`,
      );
    const [before] = devices(live, "interface");
    const alias = first(before, "alias")?.attributes.name;
    updateDevice(change(live, true), nic("storage", "virtio"));
    const [after] = devices(live, "interface");
    expect(first(after, "source")?.attributes.network).toBe("storage");
    expect(first(after, "alias")?.attributes.name).toBe(alias);
    expect(() => updateDevice(change(live, true), nic("storage", "e1000"))).toThrow(
      refusal(84, "cannot modify network device model from virtio to e1000"),
    );
  });

  it("change the medium of a running drive, not the file of a disk", () => {
    const live = makeLive(config(), context);
    updateDevice(
      change(live, true),
      parseDevice("<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"),
    );
    const drive = devices(live, "disk").find((disk) => disk.attributes.device === "cdrom");
    expect(first(drive, "source")).toBeUndefined();
    expect(() =>
      updateDevice(
        change(live, true),
        parseDevice("<disk type='file'><source file='/b'/><target dev='vda' bus='virtio'/></disk>"),
      ),
    ).toThrow(refusal(84, "removable"));
  });
});
