import { describe, expect, test } from "vitest";
import { localConfChanges, localConfWithSources } from "../../../../providers/devstack/local-conf-diff";
import { nodeDefinition } from "../../../../providers/devstack/node.handlers";

const before = {
  localConf: "[[local|localrc]]\nLIBVIRT_TYPE=qemu\nADMIN_PASSWORD='{{secret:a}}'\n",
  sources: ["labplan", "devstack.localConf.localrc.LIBVIRT_TYPE", "devstack.passwords"],
};
const after = {
  localConf: "[[local|localrc]]\nLIBVIRT_TYPE=kvm\nADMIN_PASSWORD='{{secret:a}}'\ndisable_service tempest\n",
  sources: [
    "labplan",
    "devstack.roles.compute.localConf.localrc.LIBVIRT_TYPE",
    "devstack.passwords",
    "devstack.services.tempest",
  ],
};

describe("what a preview shows of a local.conf", () => {
  test("of a new node every line with its source, secrets by name", () => {
    expect(localConfWithSources(before)).toEqual([
      "[[local|localrc]]",
      "LIBVIRT_TYPE=qemu              ← devstack.localConf.localrc.LIBVIRT_TYPE",
      "ADMIN_PASSWORD='{{secret:a}}'  ← devstack.passwords",
    ]);
    expect(nodeDefinition.announce?.({ name: "hv1", ...before } as never)).toEqual([
      expect.stringMatching(/^local\.conf of hv1:\n\[\[local\|localrc\]\]\nLIBVIRT_TYPE=qemu +← devstack/),
    ]);
  });

  test("of a changed one the lines that differ, old and new, each with its source", () => {
    const lines = [
      "- LIBVIRT_TYPE=qemu  ← devstack.localConf.localrc.LIBVIRT_TYPE",
      "+ LIBVIRT_TYPE=kvm  ← devstack.roles.compute.localConf.localrc.LIBVIRT_TYPE",
      "+ disable_service tempest  ← devstack.services.tempest",
    ];
    expect(localConfChanges(before, after)).toEqual(lines);
    const inputs = { name: "hv1", ...after } as never;
    expect(nodeDefinition.notes?.(inputs, before as never)).toEqual([
      `local.conf of hv1:\n${lines.join("\n")}`,
    ]);
  });

  test("nothing while the text is the same, wherever its lines come from now", () => {
    const elsewhere = { ...before, sources: before.sources.map(() => "devstack.nodes.hv1") };
    expect(localConfChanges(before, elsewhere)).toEqual([]);
    expect(nodeDefinition.notes?.({ name: "hv1", ...elsewhere } as never, before as never)).toEqual([]);
  });

  test("of two equal lines each has its own source", () => {
    const one = { localConf: "[a]\n", sources: ["x"] };
    const two = { localConf: "[a]\nx = 1\n[a]\n", sources: ["first", "second", "third"] };
    expect(localConfChanges(one, two)).toEqual(["+ x = 1  ← second", "+ [a]  ← third"]);
  });
});
