import { describe, expect, it } from "vitest";
import { updateNetwork } from "../../../../embedded/libvirt/network-update";
import { normaliseNetwork, parseNetwork } from "../../../../embedded/libvirt/xml/network";
import { printXml } from "../../../../embedded/libvirt/xml/tree";

const COMMAND = { modify: 1, delete: 2, add: 3, addFirst: 4 };
const SECTION = { host: 4, range: 5, dns: 10 };
const invent = { uuid: () => "11111111-2222-3333-4444-555555555555", mac: () => "52:54:00:01:02:03" };
const make = () =>
  normaliseNetwork(
    parseNetwork(`<network><name>n</name><ip address='10.20.0.1' prefix='24'><dhcp>
      <range start='10.20.0.100' end='10.20.0.200'/><host mac='52:54:00:AA:00:01' name='w1' ip='10.20.0.5'/></dhcp></ip></network>`),
    invent,
    () => false,
  );
const host = (mac: string, name: string, ip: string) => `<host mac='${mac}' name='${name}' ip='${ip}'/>`;
const refusal = (code: number, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

describe("a network update, as libvirt 9.0.0 does it", () => {
  it("adds, changes and deletes a reservation", () => {
    const network = make();
    updateNetwork(network, COMMAND.add, SECTION.host, -1, host("52:54:00:00:00:02", "w2", "10.20.0.6"));
    updateNetwork(network, COMMAND.modify, SECTION.host, -1, host("52:54:00:00:00:02", "w2", "10.20.0.7"));
    expect(printXml(network)).toContain("name='w2' ip='10.20.0.7'");
    updateNetwork(network, COMMAND.delete, SECTION.host, -1, host("52:54:00:00:00:02", "w2", "10.20.0.7"));
    expect(printXml(network)).not.toContain("w2");
  });

  it("rewrites another entry when only the address is known: the trap, kept as it is", () => {
    const network = make();
    updateNetwork(network, COMMAND.modify, SECTION.host, -1, host("52:54:00:00:00:99", "w9", "10.20.0.5"));
    const xml = printXml(network);
    expect(xml).toContain("52:54:00:00:00:99");
    expect(xml).not.toContain("52:54:00:AA:00:01");
  });

  it("takes letters of a MAC in either case for the same", () => {
    expect(() =>
      updateNetwork(make(), COMMAND.add, SECTION.host, -1, host("52:54:00:aa:00:01", "x", "10.20.0.9")),
    ).toThrow(refusal(55, "there is an existing dhcp host entry"));
  });

  it("refuses duplicates and what is not there with code 55, one field being enough", () => {
    for (const entry of [
      host("52:54:00:00:00:02", "w1", "10.20.0.9"),
      host("52:54:00:00:00:02", "x", "10.20.0.5"),
    ]) {
      expect(() => updateNetwork(make(), COMMAND.add, SECTION.host, -1, entry)).toThrow(
        refusal(55, "existing dhcp host"),
      );
    }
    const other = host("52:54:00:00:00:02", "w2", "10.20.0.6");
    expect(() => updateNetwork(make(), COMMAND.modify, SECTION.host, -1, other)).toThrow(
      refusal(55, "couldn't locate an existing"),
    );
    expect(() => updateNetwork(make(), COMMAND.delete, SECTION.host, -1, other)).toThrow(
      refusal(55, "couldn't locate a matching"),
    );
  });

  it("adds and deletes ranges and names, and modifies neither", () => {
    const network = make();
    const range = "<range start='10.20.0.210' end='10.20.0.220'/>";
    updateNetwork(network, COMMAND.add, SECTION.range, -1, range);
    expect(() => updateNetwork(network, COMMAND.modify, SECTION.range, -1, range)).toThrow(
      refusal(84, "cannot be modified"),
    );
    updateNetwork(network, COMMAND.delete, SECTION.range, -1, range);
    expect(printXml(network)).not.toContain("10.20.0.210");
    const dns = "<host ip='10.20.0.9'><hostname>foo</hostname></host>";
    updateNetwork(network, COMMAND.add, SECTION.dns, -1, dns);
    expect(() => updateNetwork(network, COMMAND.add, SECTION.dns, -1, dns)).toThrow(
      refusal(55, "already at least one DNS HOST"),
    );
    updateNetwork(network, COMMAND.delete, SECTION.dns, -1, "<host ip='10.20.0.9'/>");
    expect(printXml(network)).not.toContain("foo");
  });

  it("refuses other sections with code 84, and wrong elements with 27", () => {
    expect(() => updateNetwork(make(), COMMAND.modify, 1, -1, "<bridge/>")).toThrow(
      refusal(84, "can't update 'bridge' section"),
    );
    expect(() => updateNetwork(make(), COMMAND.modify, 99, -1, "<x/>")).toThrow(
      refusal(84, "unrecognized section"),
    );
    expect(() => updateNetwork(make(), COMMAND.add, SECTION.host, -1, "<foo/>")).toThrow(
      refusal(27, "unexpected element <foo>"),
    );
    expect(() =>
      updateNetwork(make(), COMMAND.add, SECTION.range, -1, "<range start='10.9.0.1' end='10.9.0.2'/>"),
    ).toThrow(refusal(1, "is not entirely within network 10.20.0.1/24"));
  });
});
