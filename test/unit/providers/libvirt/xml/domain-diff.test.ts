import { describe, expect, it } from "vitest";
import type { DomainInputs } from "../../../../../providers/libvirt/domain";
import { domainElement } from "../../../../../providers/libvirt/xml/domain";
import { differences, digestDifferences } from "../../../../../providers/libvirt/xml/domain-diff";
import { readDomain } from "../../../../../providers/libvirt/xml/domain-facts";
import { deviceKeys } from "../../../../../providers/libvirt/xml/domain-merge";
import { render } from "../../../../../providers/libvirt/xml/element";
import { withMark } from "../../../../../providers/libvirt/xml/mark";
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
  disks: [
    { volume: "one", pool: "p", format: "qcow2" },
    { volume: "two", pool: "p", format: "raw", bus: "virtio", device: "disk" },
  ],
  nics: [
    { mac: "52:54:00:00:00:01", network: "lan", ip: "10.0.0.1" },
    { mac: "52:54:00:00:00:02", network: "lan", model: "e1000e" },
  ],
  running: true,
  autostart: false,
  wait: { for: "none" },
};
const wantedRoot = domainElement(inputs, { accel: "tcg" });
const mark = { lab: "l", stack: "s", name: "w1", devices: deviceKeys(wantedRoot) };
/** The definition after somebody edited it. */
const found = (edit: (xml: string) => string = (xml) => xml) =>
  readDomain(parseXml(edit(render(withMark(wantedRoot, mark)))));
const differ = (edit?: (xml: string) => string) => differences(inputs, readDomain(wantedRoot), found(edit));

const cut = (xml: string, what: RegExp): string => {
  const shorter = xml.replace(what, "");
  if (shorter === xml) throw new Error(`nothing matches ${what}`);
  return shorter;
};

describe("what contradicts the user in a domain that exists", () => {
  it("is nothing in one that is as planned", () => {
    expect(differ()).toEqual({});
  });

  it.each([
    ["memory", (xml: string) => xml.replaceAll(">64<", ">32<"), { memoryMiB: 32 }],
    ["a balloon", (xml: string) => xml.replace(/(<currentMemory[^>]*>)64/, "$148"), { memoryMiB: 48 }],
    ["processors", (xml: string) => xml.replace("<vcpu>2", "<vcpu>3"), { cpus: 3 }],
    ["boot order", (xml: string) => xml.replace('dev="hd"', 'dev="network"'), { boot: ["network"] }],
    [
      "power actions",
      (xml: string) => xml.replace("<on_poweroff>destroy", "<on_poweroff>restart"),
      { intact: false },
    ],
    ["the kind of domain", (xml: string) => xml.replace('type="qemu"', 'type="kvm"'), { accel: "kvm" }],
    [
      "a kernel",
      (xml: string) => xml.replace("</os>", "<kernel>/k</kernel></os>"),
      { kernel: { kernel: "/k" } },
    ],
    ["firmware", (xml: string) => xml.replace("<os>", '<os firmware="efi">'), { firmware: "uefi" }],
  ])("sees %s", (_, edit, expected) => {
    expect(differ(edit)).toEqual(expected);
  });

  it("shows cards that were taken away or moved, in the user's own words where they still fit", () => {
    expect(differ((xml) => cut(xml, /<interface[\s\S]*?<\/interface>\s*/))).toEqual({
      nics: [inputs.nics[1]],
    });
    expect(differ((xml) => xml.replace('network="lan"', 'network="dmz"')).nics).toEqual([
      { mac: "52:54:00:00:00:01", network: "dmz", model: "virtio", ip: "10.0.0.1" },
      inputs.nics[1],
    ]);
  });

  it("shows disks that were taken away, exchanged or put in another drive", () => {
    expect(differ((xml) => cut(xml, /<disk[\s\S]*?<\/disk>\s*/))).toEqual({ disks: [inputs.disks[1]] });
    expect(differ((xml) => xml.replace('volume="two"', 'volume="three"')).disks).toEqual([
      inputs.disks[0],
      { volume: "three", pool: "p", format: "raw", device: "disk", bus: "virtio" },
    ]);
    expect(differ((xml) => xml.replace('type="qcow2"', 'type="raw"')).disks?.[0]).toMatchObject({
      format: "raw",
    });
  });

  it("is not what somebody attached beside ours", () => {
    const more =
      '<disk type="file"><source file="/x"/><target dev="vdc" bus="virtio"/></disk><interface type="network"><mac address="52:54:00:99:99:99"/><source network="dmz"/></interface>';
    expect(differ((xml) => xml.replace("</devices>", `${more}</devices>`))).toEqual({});
  });

  it("is one of ours that another machine's edit left behind: it is in our mark", () => {
    const { nics, ...rest } = inputs;
    const fewer = { ...rest, nics: nics.slice(0, 1) };
    expect(differences(fewer, readDomain(domainElement(fewer, { accel: "tcg" })), found()).nics).toEqual([
      nics[0],
      { mac: "52:54:00:00:00:02", network: "lan", model: "e1000e" },
    ]);
  });

  it("is not what a template leaves to libvirt", () => {
    const template =
      "<domain type='qemu'><memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os><devices><interface type='network'><source network='lan'/></interface></devices></domain>";
    const wanted = readDomain(domainElement({ ...inputs, template }, { accel: "tcg" }));
    const real = `<domain type='qemu'><memory unit='KiB'>65536</memory><currentMemory unit='KiB'>65536</currentMemory><vcpu placement='static'>2</vcpu>
      <os><type>hvm</type><boot dev='hd'/></os><on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
      <devices><interface type='network'><mac address='52:54:00:12:34:56'/><source network='lan'/><model type='rtl8139'/></interface></devices></domain>`;
    expect(differences({ ...inputs, template }, wanted, readDomain(parseXml(real)))).toEqual({});
  });
});

describe("what cannot be read back", () => {
  it("is told by its digest in the mark", () => {
    expect(digestDifferences({}, found())).toEqual({});
    expect(digestDifferences({ seed: "a", template: "b" }, found())).toEqual({
      cloudInit: {},
      template: "(another text)",
    });
  });
});
