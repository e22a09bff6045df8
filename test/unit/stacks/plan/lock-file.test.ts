import fc from "fast-check";
import { load as loadYaml } from "js-yaml";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { emptyLock, LockFileError, parseLock, renderLock } from "../../../../stacks/plan/lock-file";
import type { Lock } from "../../../../stacks/plan/types";
import { lab, machine, planned } from "./lab";

const FILE = "stacks/dev.lock.yaml";
const read = (text: string): Lock => parseLock(text, FILE);
const refusal = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    if (error instanceof LockFileError) return error.message;
    throw error;
  }
  return "";
};

describe("the lock file", () => {
  test("comes back as it was written", () => {
    const { lock } = planned(
      lab({ networks: { admin: { backend: "rack" } }, machines: { w1: machine(), w2: machine() } }),
    );
    expect(read(renderLock(lock))).toEqual(lock);
    expect(read(renderLock(emptyLock()))).toEqual(emptyLock());
    expect(read("")).toEqual(emptyLock());
  });

  test("has the same bytes whatever the order of its entries", () => {
    const one: Lock = { version: 1, cidrs: { b: "10.1.0.0/24", a: "10.2.0.0/24" }, addresses: {} };
    const other: Lock = { addresses: {}, cidrs: { a: "10.2.0.0/24", b: "10.1.0.0/24" }, version: 1 };
    expect(renderLock(one)).toBe(renderLock(other));
  });

  test("looks as people expect, and says what it is", () => {
    expect(
      renderLock({
        version: 1,
        cidrs: { storage: "10.200.3.0/24" },
        addresses: { admin: { w1: "10.20.0.2" } },
        macs: { w1: { admin: "52:54:00:12:34:56" } },
        seeds: { "machines/web1": "w1" },
      }),
    ).toMatchInlineSnapshot(`
      "# Addresses and names that labplan has handed out for this stack. Written by "up"; commit it.
      # To free one, delete its line.
      version: 1
      cidrs:
        storage: "10.200.3.0/24"
      addresses:
        admin:
          w1: "10.20.0.2"
      macs:
        w1:
          admin: "52:54:00:12:34:56"
      seeds:
        machines/web1: w1
      "
    `);
  });

  test("any names come back through any YAML reader, also those that look like numbers or booleans", () => {
    const name = fc.oneof(
      fc.constantFrom(
        "on",
        "no",
        "null",
        "~",
        "12",
        "1e3",
        "0x1f",
        "2026-11-21",
        "a: b",
        "#x",
        "w1#2",
        "__proto__",
        "12:34:56",
      ),
      fc.string({ minLength: 1 }),
    );
    const lock = fc.record({
      version: fc.constant(1 as const),
      cidrs: fc.dictionary(name, fc.constant("10.0.0.0/24"), { noNullPrototype: true }),
      addresses: fc.dictionary(
        name,
        fc.dictionary(name, fc.constant("10.0.0.1"), { minKeys: 1, noNullPrototype: true }),
        { noNullPrototype: true },
      ),
    });
    fc.assert(
      fc.property(lock, (given) => {
        const text = renderLock(given);
        expect(read(text)).toEqual(given);
        expect(renderLock(read(text))).toBe(text);
        for (const other of [parseYaml(text, { version: "1.1" }), loadYaml(text)])
          expect(JSON.parse(JSON.stringify({ ...emptyLock(), ...other }))).toEqual(
            JSON.parse(JSON.stringify(given)),
          );
      }),
    );
  });
});

describe("a lock file that cannot be used says where and what to do", () => {
  const cases: [string, string, string][] = [
    [
      "merge marks",
      "version: 1\n<<<<<<< HEAD\ncidrs: {}\n=======\n>>>>>>> b\n",
      `${FILE}:2:1: a merge left its marks here`,
    ],
    ["broken YAML", "version: 1\ncidrs: {a: b\n", `${FILE}:`],
    [
      "a key twice, as a merge leaves it",
      "version: 1\naddresses:\n  admin:\n    w1: 10.0.0.1\n    w1: 10.0.0.2\n",
      `${FILE}:5:5: Map keys must be unique`,
    ],
    ["a list", "- 1\n", "this is no lock file"],
    ["no version", "cidrs: {}\n", "has no `version: 1`"],
    [
      "a later version",
      "version: 2\n",
      `${FILE}:1:10: the lock file has version 2, and this labplan reads version 1. Update labplan.`,
    ],
    ["an unknown section", "version: 1\nmoons: {}\n", '"moons" is no section'],
    [
      "a cidr with host bits",
      "version: 1\ncidrs: { a: 10.0.0.1/24 }\n",
      `${FILE}:2:13: cidrs.a is not an IPv4 network like 10.200.3.0/24. Repair or delete the line.`,
    ],
    [
      "an address that is none",
      "version: 1\naddresses:\n  admin:\n    w1: 10.0.0\n",
      `${FILE}:4:9: addresses.admin.w1 is not an IPv4 address`,
    ],
    [
      "a MAC that is none",
      "version: 1\nmacs: { w1: { admin: 53:54:00:00:00:01 } }\n",
      "macs.w1.admin is not a MAC address",
    ],
    ["a section that is no map", "version: 1\ncidrs: [a]\n", "cidrs must hold names and values"],
  ];
  test.each(cases)("%s", (_, text, message) => {
    expect(refusal(text)).toContain(message);
  });

  test("an empty section is none", () => {
    expect(read("version: 1\ncidrs:\naddresses:\n")).toEqual(emptyLock());
  });
});
