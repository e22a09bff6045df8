import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  childDn,
  dnKey,
  escapeValue,
  isUnder,
  parentDn,
  parseDn,
  rdnOf,
  sameDn,
} from "../../../../providers/ldap/dn";

/** Text as people and attackers put it into names: any characters but NUL, and many that are special somewhere. */
const value = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
    fc
      .array(
        fc.constantFrom(
          "\u00a0",
          "\u2003",
          "\ufeff",
          "\t",
          "\n",
          " ",
          "a",
          "é",
          "\\",
          ",",
          "+",
          '"',
          "#",
          "=",
        ),
        {
          minLength: 1,
          maxLength: 6,
        },
      )
      .map((characters) => characters.join("")),
  )
  .filter((text) => text.trim() !== "" && !text.includes("\0"));

describe("distinguished names", () => {
  it("any value survives being put into a DN and read back", () => {
    fc.assert(
      fc.property(value, value, (uid, ou) => {
        const dn = childDn("uid", uid, childDn("ou", ou, "dc=lab"));
        expect(parseDn(dn)).toEqual([
          [{ type: "uid", value: uid }],
          [{ type: "ou", value: ou }],
          [{ type: "dc", value: "lab" }],
        ]);
      }),
    );
  });

  it("no value reaches out of its own part of the DN", () => {
    fc.assert(
      fc.property(value, (uid) => {
        const dn = childDn("uid", uid, "ou=People,dc=lab");
        expect(parentDn(dn)).toBe("ou=People,dc=lab");
        expect(isUnder(dn, "ou=People,dc=lab")).toBe(true);
      }),
    );
  });

  it("trap ldap-vpn#32: no comma but those between parts follows anything else than a part's end", () => {
    fc.assert(
      fc.property(value, (uid) => {
        const dn = childDn("uid", uid, "ou=People,dc=lab");
        // As ldapts cuts the new DN of a rename.
        const at = dn.search(/[^\\],/);
        expect(dn.slice(0, at + 1)).toBe(rdnOf(dn));
        expect(dn.slice(at + 2)).toBe("ou=People,dc=lab");
      }),
    );
    expect(escapeValue("back\\")).toBe("back\\5C");
  });

  it("names that a server spells otherwise are the same", () => {
    for (const [a, b] of [
      ["uid=alice,ou=People,dc=lab", "UID=Alice , OU=people,DC=Lab"],
      ["uid=a\\,b,dc=lab", "uid=a\\2Cb,dc=lab"],
      ["uid=é,dc=lab", "uid=\\C3\\A9,dc=lab"],
      ["uid=é,dc=lab", "uid=e\u0301,dc=lab"],
      ["cn=a+sn=b,dc=lab", "sn=B+cn=A,dc=lab"],
      ["userid=x,dc=lab", "0.9.2342.19200300.100.1.1=x,dc=lab"],
      ['cn="a,b",dc=lab', "cn=a\\,b,dc=lab"],
      ["cn=two  words,dc=lab", "cn=Two Words,dc=lab"],
    ] as const)
      expect(sameDn(a, b), `${a} and ${b}`).toBe(true);
  });

  it("names that differ are not", () => {
    for (const [a, b] of [
      ["uid=alice,dc=lab", "uid=alic,dc=lab"],
      ["uid=alice,dc=lab", "cn=alice,dc=lab"],
      ["uid=a,ou=b,dc=lab", "uid=a\\,ou=b,dc=lab"],
      ["uid=a+cn=b,dc=lab", "uid=a\\+cn\\=b,dc=lab"],
      ["uid=a,dc=lab", "uid=a,dc=lab,dc=lab"],
    ] as const)
      expect(sameDn(a, b), `${a} and ${b}`).toBe(false);
    expect(isUnder("dc=notlab", "dc=lab")).toBe(false);
    expect(isUnder("uid=x,dc=lab", "")).toBe(true);
  });

  it("what is no DN is refused", () => {
    for (const text of ["alice", "uid", "=x", "uid=a,,dc=lab", "uid=a\\", "u id=x"])
      expect(() => dnKey(text), text).toThrow(RangeError);
    expect(dnKey("")).toBe("");
  });
});
