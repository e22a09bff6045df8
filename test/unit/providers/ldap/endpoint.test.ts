import { describe, expect, it } from "vitest";
import { open } from "../../../../providers/ldap/connection";
import { addressOf, isLoopback } from "../../../../providers/ldap/endpoint";

describe("the address of a directory", () => {
  it("knows the schemes and their ports", () => {
    expect(addressOf({ url: "ldaps://ldap.example" })).toEqual({
      host: "ldap.example",
      port: 636,
      tls: "at once",
    });
    expect(addressOf({ url: "ldap://ldap.example:1389", startTls: true })).toEqual({
      host: "ldap.example",
      port: 1389,
      tls: "after StartTLS",
    });
    expect(addressOf({ url: "ldap://127.0.0.1" })).toEqual({ host: "127.0.0.1", port: 389, tls: "none" });
    expect(addressOf({ url: "ldap://[::1]:4000" })).toEqual({ host: "::1", port: 4000, tls: "none" });
  });

  it("trap ldap-vpn#23: ldap:// without StartTLS is refused off loopback", () => {
    for (const host of [
      "ldap.example",
      "10.0.0.1",
      "127.0.0.1.example.org",
      "localhost.example.org",
      "127.1",
      "0x7f.0.0.1",
      "2130706433",
      "0.0.0.0",
      "[::ffff:10.0.0.1]",
      "[::]",
      "127.0.0.256",
    ])
      expect(() => addressOf({ url: `ldap://${host}` }), host).toThrow(
        /refused off loopback.*Use ldaps:\/\//,
      );
    expect(() => addressOf({ url: "ldap://127.0.0.1@ldap.example" })).toThrow(/no name or password/);
    expect(isLoopback("127.255.0.9")).toBe(true);
  });

  it("refuses before it looks the name up", async () => {
    // A name that does not exist would fail as "unreachable" had anything been sent.
    await expect(
      open({ url: "ldap://no-such-host.invalid", bindDn: "cn=x", password: "secret" }),
    ).rejects.toMatchObject({
      failure: "insecure",
    });
  });

  it("shows no password that someone wrote into the URL", () => {
    for (const url of ["ldaps://admin:s3cret@ldap.example", "ldap://admin:s3cret@ldap.example"])
      expect(() => addressOf({ url })).toThrow(/^(?!.*s3cret).*"bindDn"/);
  });

  it("refuses what is no LDAP URL", () => {
    for (const url of ["ldap.example", "http://ldap.example", "ldapi://%2Frun%2Fldapi", "ldaps://", ""])
      expect(() => addressOf({ url }), url).toThrow();
  });
});
