import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { heldPassword, saltedHash } from "../../../../providers/ldap/password";
import type { UserState } from "../../../../providers/ldap/user";

describe("passwords", () => {
  it("trap ldap-vpn#8: two hashes of one password differ, so they are never compared", () => {
    const [a, b] = [saltedHash("one password", randomBytes(8)), saltedHash("one password", randomBytes(8))];
    expect(a).not.toBe(b);
    const bytes = Buffer.from(a.slice("{SSHA}".length), "base64");
    const digest = createHash("sha1").update("one password").update(bytes.subarray(20)).digest();
    expect(bytes.subarray(0, 20)).toEqual(digest);
  });

  describe("which one is in force", () => {
    const state = { passwordSerial: "s1", appliedPasswordVersion: 1, generatedPassword: "p1" } as UserState;
    const notes = { mark: "m", adopted: false, groups: [] };

    it("the state's, when the entry names the same serial", () => {
      expect(heldPassword({ ...notes, passwordSerial: "s1" }, state)).toEqual({
        version: 1,
        generated: "p1",
        serial: "s1",
      });
    });
    it("none that is known, when a later change was begun, the state is lost, or the entry is locked", () => {
      expect(heldPassword({ ...notes, passwordSerial: "s2" }, state)).toEqual({});
      expect(heldPassword({ ...notes, passwordSerial: "s1" }, undefined)).toEqual({});
      expect(heldPassword({ ...notes, passwordSerial: "s1", lock: "done" }, state)).toEqual({});
      expect(heldPassword(notes, undefined)).toEqual({});
    });
    it("the owner's, as version 1, for an entry that was adopted and never given another", () => {
      expect(heldPassword({ ...notes, adopted: true }, undefined)).toEqual({ version: 1 });
    });
  });
});
