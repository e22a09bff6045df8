import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  assignMacs,
  badMac,
  bridgeOf,
  type Digest,
  type MacRequest,
  type Origin,
  sha256,
  uuidOf,
} from "../../../../stacks/plan/identity";

const origin: Origin = { lab: "k3v9q2x7", stack: "dev", backend: "rack", kind: "machine", seed: "w1" };

const request = (key: string, more: Partial<MacRequest> = {}): MacRequest => ({
  key,
  origin: { ...origin, seed: key },
  card: "admin",
  ...more,
});

/** A hash in which everything meets: only the counter tells two attempts apart. */
const colliding: Digest = (parts) => Buffer.from([0, 0, Number(parts.at(-1))]);

describe("hashed facts", () => {
  test("stay the same for ever: a change here would recreate every lab", () => {
    expect(uuidOf(origin)).toBe("b6a6eb3c-5dcf-8ea7-bf6b-e5981a1fd7e7");
    expect(bridgeOf({ ...origin, kind: "network", seed: "admin" })).toBe("lp72461yo7ld");
    expect(assignMacs([request("w1")]).get("w1")).toBe("52:54:00:28:5b:c4");
  });

  test("a UUID is a valid one of version 8", () => {
    for (const seed of ["w1", "w2", "w3", "", "ü"])
      expect(uuidOf({ ...origin, seed })).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
  });

  test("differ by each part: lab, stack, backend, kind and name", () => {
    const others = Object.keys(origin).map((part) => ({ ...origin, [part]: "other" }));
    const all = [origin, ...others];
    expect(new Set(all.map(uuidOf)).size).toBe(6);
    expect(new Set(all.map(bridgeOf)).size).toBe(6);
    const macs = assignMacs(all.map((o, i) => ({ key: String(i), origin: o, card: "admin" })));
    expect(new Set(macs.values()).size).toBe(6);
  });

  test("a part that ends where the next begins makes no difference vanish", () => {
    expect(sha256(["ab", "c"]).equals(sha256(["a", "bc"]))).toBe(false);
    expect(sha256(["1:a"]).equals(sha256(["", "a"]))).toBe(false);
  });

  test("a bridge name fits in what Linux allows", () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        expect(bridgeOf({ ...origin, seed })).toMatch(/^lp[0-9a-z]{10}$/);
      }),
    );
  });
});

describe("MAC addresses", () => {
  test("are under libvirt's prefix and no group addresses", () => {
    const macs = assignMacs(Array.from({ length: 200 }, (_, i) => request(`w${i}`)));
    for (const mac of macs.values()) {
      expect(mac).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
      expect(badMac(mac)).toBeUndefined();
    }
  });

  test("are all different in a lab so large that hashes meet", () => {
    const macs = assignMacs(Array.from({ length: 20_000 }, (_, i) => request(`w${i}`)));
    expect(new Set(macs.values()).size).toBe(20_000);
  });

  test("when two hashes meet, the newcomer takes the next one and the old one stays", () => {
    const before = assignMacs([request("b")], colliding);
    const locked = before.get("b");
    const after = assignMacs([request("a"), request("b", { locked })], colliding);
    expect(after.get("b")).toBe(locked);
    expect(after.get("a")).toBe("52:54:00:00:00:01");
  });

  test("one that the config gives is never hashed onto", () => {
    const macs = assignMacs([request("a"), request("b", { given: "52:54:00:00:00:00" })], colliding);
    expect(macs.get("a")).toBe("52:54:00:00:00:01");
  });

  test("a given one goes before the lock file's", () => {
    const given = "52:54:00:aa:bb:cc";
    expect(assignMacs([request("a", { given, locked: "52:54:00:00:00:09" })]).get("a")).toBe(given);
  });

  test("are refused in a form that no card can have", () => {
    expect(badMac("52:54:00:12:34")).toContain("six pairs");
    expect(badMac("52-54-00-12-34-56")).toContain("six pairs");
    expect(badMac("53:54:00:12:34:56")).toContain("multicast");
    expect(badMac("fe:54:00:12:34:56")).toContain("libvirt keeps fe:");
    expect(badMac("00:00:00:00:00:00")).toContain("all zeros");
    expect(badMac("52:54:00:AB:CD:EF")).toBeUndefined();
  });
});
