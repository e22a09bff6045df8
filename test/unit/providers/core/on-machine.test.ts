import { describe, expect, test } from "vitest";
import { UNKNOWN } from "../../../../providers/core/change";
import {
  atMachine,
  goesDown,
  hear,
  isAwaited,
  isWipedOut,
  onChange,
  onMachine,
  refuseUnplaced,
} from "../../../../providers/core/on-machine";
import type { LibvirtBackend } from "../../../../stacks/config/types";

const ON = {
  key: "fog:ImagedHost node1",
  edition: "fog node1 c7 1",
  deletedWith: false,
  address: "192.0.2.7",
  sshPort: 22,
  sshHostKey: "ssh-ed25519 AAAA",
  since: "2026-11-21T10:00:00Z",
};

describe("what a handler is told of the machine that its thing is on", () => {
  test("is what is known of it", () => {
    expect(onMachine({ __on: ON })).toEqual({
      address: "192.0.2.7",
      sshPort: 22,
      sshHostKey: "ssh-ed25519 AAAA",
      since: "2026-11-21T10:00:00Z",
    });
    expect(onMachine({ __on: { ...ON, address: UNKNOWN, sshPort: null } })).toEqual({
      sshHostKey: "ssh-ed25519 AAAA",
      since: "2026-11-21T10:00:00Z",
    });
    expect(onMachine({ __on: UNKNOWN })).toBeUndefined();
    expect(onMachine({})).toBeUndefined();
  });

  test("is waited for while anything of it is unknown", () => {
    expect([ON, { ...ON, since: UNKNOWN }, UNKNOWN, undefined].map((__on) => isAwaited({ __on }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe("a backend on a machine", () => {
  const backend: LibvirtBackend = { kind: "libvirt", uri: "qemu+ssh://root@node1/system", machine: "node1" };
  const at = (parts: object) => atMachine(backend, { ...ON, ...parts });

  test("is reached at the machine's address, with the machine's key", () => {
    expect(at({})).toEqual({
      ...backend,
      uri: "qemu+ssh://root@192.0.2.7/system",
      hostKey: "ssh-ed25519 AAAA",
    });
    expect(at({ sshPort: 2222 })).toMatchObject({ uri: "qemu+ssh://root@192.0.2.7:2222/system" });
    expect(at({ address: "2001:db8::7", sshPort: 2222 })).toMatchObject({
      uri: "qemu+ssh://root@[2001:db8::7]:2222/system",
    });
    expect(atMachine({ ...backend, uri: "qemu+ssh://node1/system?keyfile=/k" }, ON)).toMatchObject({
      uri: "qemu+ssh://192.0.2.7/system?keyfile=/k",
    });
  });

  test("is not asked while nobody knows where that is", () => {
    expect(atMachine(backend, undefined)).toBe(backend);
    expect(() => refuseUnplaced(backend, {})).toThrow('it is on machine "node1", whose address is not known');
    expect(() => refuseUnplaced(backend, ON)).not.toThrow();
  });

  test("is another's affair otherwise", () => {
    const plain: LibvirtBackend = { kind: "libvirt", uri: "qemu:///system" };
    expect(atMachine(plain, ON)).toBe(plain);
    expect(atMachine({ kind: "embedded" }, ON)).toEqual({ kind: "embedded" });
    expect(() => refuseUnplaced(plain, undefined)).not.toThrow();
  });
});

describe("what becomes of a thing when its machine changes", () => {
  const later = "2026-11-21T12:00:00Z";

  test.each([
    ["nothing, as long as nothing did", { ...ON }, undefined],
    [
      "nothing in a preview of an edit that does not image it",
      { ...ON, since: UNKNOWN, address: UNKNOWN },
      undefined,
    ],
    ["anew, where it was imaged", { ...ON, since: later }, true],
    ["anew, in a preview of another image", { ...ON, since: UNKNOWN, edition: "fog node1 c8 1" }, true],
    ["anew, when the engine asks what goes down with it", UNKNOWN, true],
    ["told the new way, where only that is another", { ...ON, address: "192.0.2.8" }, false],
    [
      "told the new image, where the machine was not imaged after all",
      { ...ON, edition: "fog node1 c8 1" },
      false,
    ],
  ])("%s", (_, now, anew) => {
    expect(onChange(ON, now)?.anew).toBe(anew);
  });

  test("it says why", () => {
    expect(onChange(ON, { ...ON, since: later })?.sentence).toBe(
      `node1 was imaged anew at ${later}: made again there`,
    );
    expect(onChange(ON, { ...ON, since: UNKNOWN, edition: "x" })?.sentence).toBe(
      "node1 is imaged anew: made again there",
    );
    expect(onChange(ON, { ...ON, address: "192.0.2.8" })?.sentence).toBeUndefined();
  });

  test("one that was on no declared machine before is told of it, and stays", () => {
    expect(onChange(undefined, ON)).toEqual({ anew: false });
    expect(onChange(undefined, undefined)).toBeUndefined();
    expect(onChange(ON, undefined)).toBeUndefined();
  });
});

describe("removing what is on a machine", () => {
  const on = (since: string, deletedWith = false) => ({
    __on: { ...ON, key: "fog:ImagedHost gone", since, deletedWith },
  });

  test("is nothing once that machine was imaged anew", () => {
    expect(isWipedOut("a:B x", on("1"))).toBe(false);
    hear("fog:ImagedHost gone", "1");
    expect(isWipedOut("a:B x", on("1"))).toBe(false);
    hear("fog:ImagedHost gone", UNKNOWN);
    expect(isWipedOut("a:B x", on("1"))).toBe(false);
    hear("fog:ImagedHost gone", "2");
    expect(isWipedOut("a:B x", on("1"))).toBe(true);
    expect(isWipedOut("a:B x", on("2"))).toBe(false);
    expect(isWipedOut("a:B x", {})).toBe(false);
  });

  test("is nothing with a machine that gives up all it has, once, and work with one that keeps it", () => {
    goesDown("a:B y", on("2", true).__on);
    goesDown("a:B z", on("2", false).__on);
    expect(isWipedOut("a:B y", on("2", true))).toBe(true);
    expect(isWipedOut("a:B y", on("2", true))).toBe(false);
    expect(isWipedOut("a:B z", on("2", false))).toBe(false);
  });
});
