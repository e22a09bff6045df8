import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import type { Definition } from "../../../../providers/core/definition";
import { domainDefinition } from "../../../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../../../providers/libvirt/pool.handlers";
import { volumeDefinition } from "../../../../providers/libvirt/volume.handlers";
import { completeMarker } from "../../../../providers/libvirt/volume-look";
import { kinds } from "../../../../providers/registry";

const definitions = [
  networkDefinition,
  poolDefinition,
  volumeDefinition,
  domainDefinition,
] as unknown as Definition<object>[];

describe.each(definitions.map((definition) => [definition.kind, definition] as const))(
  "%s",
  (kind, definition) => {
    it("has a class and a reason for every input, and for nothing else", () => {
      const { properties } = definition.schema as { properties: object };
      expect(Object.keys(definition.changes).sort()).toEqual(Object.keys(properties).sort());
      for (const [field, rule] of Object.entries(definition.changes as Record<string, { reason: string }>))
        expect(rule.reason, field).toMatch(/^\S.{8,110}[^.]$/);
    });

    it("is registered, with a schema that compiles", () => {
      expect(kinds[kind]).toBeDefined();
      expect(() => new Ajv({ strict: false }).compile(definition.schema)).not.toThrow();
    });
  },
);

describe("classes", () => {
  it("trap libvirt#48: nothing that can be changed in place replaces a domain", () => {
    const recreated = Object.entries(domainDefinition.changes)
      .filter(([, rule]) => rule.class === "recreate")
      .map(([field]) => field);
    expect(recreated.sort()).toEqual(["backend", "name", "seedPool", "uuid"]);
  });

  it("no data are lost by an edit of a disk's size", () => {
    expect(volumeDefinition.changes.capacity.class).toBe("live");
  });
});

describe("the inputs' schemas", () => {
  const valid = (definition: { schema: object }, value: object) =>
    new Ajv({ strict: false }).compile(definition.schema)(value);
  const nic = { mac: "52:54:00:00:00:01", network: "lan" };
  const domain = {
    name: "w1",
    uuid: "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2",
    backend: "b",
    hostName: "w1",
    cpus: 1,
    memoryMiB: 64,
    firmware: "bios",
    accel: "auto",
    boot: ["hd"],
    disks: [],
    nics: [nic],
    running: true,
    autostart: false,
    wait: { for: "none" },
  };

  it("take what the plan gives, and refuse what libvirt would misread", () => {
    expect(valid(domainDefinition, domain)).toBe(true);
    for (const wrong of [
      { name: "a/b" },
      { uuid: "0BFE" },
      { cpus: 0 },
      { memoryMiB: 1.5 },
      { nics: [{ ...nic, bridge: "br0" }] },
      { nics: [{ mac: nic.mac }] },
      { unknown: 1 },
    ])
      expect(valid(domainDefinition, { ...domain, ...wrong }), JSON.stringify(wrong)).toBe(false);
  });
});

describe("the marker of a whole upload", () => {
  const inputs = {
    name: "img",
    backend: "b",
    pool: "p",
    format: "raw" as const,
    source: { url: "http://a/b" },
  };

  it("belongs to one content: by its checksum, or where there is none, by where it came from", () => {
    const checksum = `sha256:${"a".repeat(64)}`;
    const marker = completeMarker({ ...inputs, checksum });
    expect(marker).toMatch(/^img\.[0-9a-f]{12}\.ok$/);
    expect(completeMarker({ ...inputs, checksum, source: { url: "http://mirror/b" } })).toBe(marker);
    expect(completeMarker({ ...inputs, checksum: checksum.replaceAll("a", "b") })).not.toBe(marker);
    expect(completeMarker(inputs)).not.toBe(completeMarker({ ...inputs, source: { path: "/b" } }));
  });
});
