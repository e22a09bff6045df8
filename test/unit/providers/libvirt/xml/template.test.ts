import { describe, expect, it } from "vitest";
import { render } from "../../../../../providers/libvirt/xml/element";
import { renderDefinition, renderTemplate } from "../../../../../providers/libvirt/xml/template";

const variables = {
  name: "w<1>",
  cpus: 2,
  nics: [{ mac: "m1" }, { mac: "m2" }],
  kernel: undefined,
  deep: {},
};
const text = (template: string) => renderTemplate(template, variables, "domain w1");

describe("the user's own Jinja template", () => {
  it("gets the fields, escaped", () => {
    expect(text("{{ name }} {% for nic in nics %}{{ loop.index }}{{ nic.mac }}{% endfor %}")).toBe(
      "w&lt;1&gt; 1m12m2",
    );
    expect(
      text("{% set kib = cpus * 1024 %}{{ kib }}{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(3) }}"),
    ).toBe("2048<3>");
  });

  it("names every variable that there is not, with its line", () => {
    expect(() =>
      text("{{ name }}\n{{ memry }}{% if diks %}{% endif %}\n{% for x in nicks %}{% endfor %}"),
    ).toThrow(
      /^domain w1: the template uses "memry" \(line 2\), "diks" \(line 2\), "nicks" \(line 3\), which it is not given\. It has: cpus, deep, kernel, name, nics\.$/,
    );
  });

  it("may ask whether there is one", () => {
    expect(text("{% if kernel %}k{% else %}none{% endif %}{{ other | default('d') }}")).toBe("noned");
    expect(text("{% if other is defined %}{{ other }}{% endif %}.")).toBe(".");
  });

  it("does not print what has no value", () => {
    expect(() => text("a\n<x>{{ deep.missing }}</x>")).toThrow(
      /\{\{ deep\.missing \}\} in line 2 has no value/,
    );
    expect(() => text("{{ kernel }}")).toThrow(/has no value/);
  });

  it("is told when it cannot be read", () => {
    expect(() => text("{% if cpus %}")).toThrow(/^domain w1: the template cannot be read: /);
  });

  it("cannot reach the file system", () => {
    expect(() => text("{% include '/etc/passwd' %}")).toThrow(/the template failed/);
  });
});

describe("the definition that a template makes", () => {
  const identity = { name: "w1", uuid: "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2" };

  it("has the planned identity, given in the template or not", () => {
    for (const template of ["<domain/>", "<domain><name>{{ name }}</name><uuid>{{ uuid }}</uuid></domain>"])
      expect(render(renderDefinition("domain", template, identity))).toBe(
        `<domain>\n  <name>w1</name>\n  <uuid>${identity.uuid}</uuid>\n</domain>\n`,
      );
  });

  it.each([
    ["<network/>", /makes a <network>, not a <domain>/],
    ["<domain><name>other</name></domain>", /names it "other"/],
    ["<domain>", /not well-formed/],
  ])("is refused: %s", (template, message) => {
    expect(() => renderDefinition("domain", template, identity)).toThrow(message);
  });
});
