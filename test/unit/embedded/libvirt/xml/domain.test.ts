import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { normaliseDomain, parseDomain } from "../../../../../embedded/libvirt/xml/domain";
import { makeLive } from "../../../../../embedded/libvirt/xml/live";
import { all, first, parseXml, printXml, textOf } from "../../../../../embedded/libvirt/xml/tree";

const fixture = (name: string) =>
  fs.readFileSync(path.resolve(__dirname, "../../../../fixtures/embedded", name), "utf8");
const invent = { uuid: () => "11111111-2222-3333-4444-555555555555", mac: () => "52:54:00:01:02:03" };
const define = (xml: string) => normaliseDomain(parseDomain(xml), invent);
const plain = (inside = "", devices = "") =>
  `<domain type='qemu'><name>d</name><memory>65536</memory><os><type machine='q35'>hvm</type></os>${inside}<devices>${devices}</devices></domain>`;

/** The parts that libvirt makes up or quotes in its own way. */
const comparable = (xml: string) =>
  xml
    .replace(/<uuid>.*?<\/uuid>/, "<uuid/>")
    .replace(/<mac address='52:54:00:(01:02:03|53:3a:87)'\/>/, "<mac/>")
    .replaceAll('"', "'")
    .trim();

describe("a domain's definition", () => {
  for (const machine of ["q35", "i440fx"]) {
    it(`becomes what libvirt 9.0.0 made of the same text (${machine})`, () => {
      const ours = printXml(define(fixture(`domain.${machine}.xml`)));
      expect(comparable(ours)).toBe(comparable(fixture(`domain.${machine}.libvirt.xml`)));
    });

    it(`does not change when it is defined again as it is shown (${machine})`, () => {
      const shown = fixture(`domain.${machine}.libvirt.xml`);
      expect(comparable(printXml(define(shown)))).toBe(comparable(shown));
    });
  }

  it("keeps addresses when a device comes in between", () => {
    const disk = (name: string) =>
      `<disk type='file'><source file='/${name}'/><target dev='${name}' bus='virtio'/></disk>`;
    const before = define(plain("", disk("vdb")));
    const address = (root: typeof before, target: string) =>
      all(first(root, "devices"), "disk")
        .filter((one) => first(one, "target")?.attributes.dev === target)
        .map((one) => first(one, "address")?.attributes.bus)[0];
    const shown = printXml(before).replace("<devices>", `<devices>${disk("vda")}`);
    const after = define(shown);
    expect(address(after, "vdb")).toBe(address(before, "vdb"));
    expect(address(after, "vda")).not.toBe(address(before, "vdb"));
  });

  it("takes sizes in any unit and keeps them in KiB", () => {
    const root = define(plain().replace("<memory>65536", "<memory unit='GiB'>2"));
    expect(textOf(root, "memory")).toBe(String(2 * 1024 * 1024));
    expect(() => define(plain().replace("<memory>", "<memory unit='potato'>"))).toThrow(
      /unknown suffix 'potato'/,
    );
  });

  const refusals: [string, string, number, string][] = [
    ["no type", plain().replace(" type='qemu'", ""), 1, "missing domain type attribute"],
    ["an unknown type", plain().replace("'qemu'", "'foo'"), 67, "invalid domain type foo"],
    ["another driver's type", plain().replace("'qemu'", "'lxc'"), 67, "does not support virt type 'lxc'"],
    ["no name", plain().replace("<name>d</name>", ""), 21, "missing name information"],
    ["no memory", plain().replace("<memory>65536</memory>", ""), 27, "Memory size must be specified"],
    ["no os type", plain().replace(/<os>.*<\/os>/, ""), 27, "an os <type> must be specified"],
    ["another root", "<network><name>d</name></network>", 27, "expecting root element of 'domain'"],
    ["broken XML", "<domain><a", 35, "domain_definition"],
    [
      "an entity",
      "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain>&e;</domain>",
      35,
      "document type",
    ],
    [
      "two disks with one target",
      plain(
        "",
        "<disk><source file='/a'/><target dev='vda'/></disk><disk><source file='/b'/><target dev='vda'/></disk>",
      ),
      27,
      "target 'vda' duplicated",
    ],
  ];
  for (const [what, xml, code, message] of refusals) {
    it(`is refused with ${what}: code ${code}`, () => {
      expect(() => define(xml)).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(message) }),
      );
    });
  }
});

describe("a running domain", () => {
  it("shows beside its definition what only a running one has", () => {
    const config = define(fixture("domain.q35.xml"));
    let tap = 0;
    const live = makeLive(config, { id: 7, bridgeOf: () => "lpadm0", nextTap: () => `vnet${tap++}` });
    expect(live.attributes.id).toBe("7");
    const devices = first(live, "devices");
    const [nic] = all(devices, "interface");
    expect(first(nic, "target")?.attributes.dev).toBe("vnet0");
    expect(first(nic, "source")?.attributes).toMatchObject({ network: "admin", bridge: "lpadm0" });
    expect(first(nic, "alias")?.attributes.name).toBe("net0");
    expect(all(devices, "disk").map((disk) => first(disk, "alias")?.attributes.name)).toEqual([
      "virtio-disk0",
      "sata0-0-0",
    ]);
    expect(first(live, "seclabel")).toBeDefined();
    // The definition itself stays as it was.
    expect(first(config, "seclabel")).toBeUndefined();
  });
});

describe("XML", () => {
  it("keeps text, attributes and name spaces, and is printed as libvirt prints it", () => {
    const text = "<a b='1 &amp; 2'>\n  <m:c xmlns:m='urn:x'>t &lt; u</m:c>\n  <d/>\n</a>\n";
    expect(printXml(parseXml(text, "test", 20))).toBe(text);
  });
});
