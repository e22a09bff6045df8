import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint, lookUp, parseHostKey, trustedKeys } from "../../../../providers/ssh/known-hosts";
import { ECDSA, ED25519, ED25519_B, RSA } from "./keys";

const keysOf = (text: string, host: string, port = 22) =>
  trustedKeys(text, host, port).map(({ type, key }) => `${type} ${key}`);

describe("known_hosts", () => {
  it("finds a plain host and nothing for another", () => {
    const text = `rack1.example ${ED25519}\n`;
    expect(keysOf(text, "rack1.example")).toEqual([ED25519]);
    expect(keysOf(text, "rack2.example")).toEqual([]);
    expect(keysOf(text, "rack1.example.org")).toEqual([]);
  });

  it("tells ports apart: [host]:port is not host", () => {
    const text = `rack1 ${ED25519}\n[rack1]:2222 ${RSA}\n`;
    expect(keysOf(text, "rack1", 22)).toEqual([ED25519]);
    expect(keysOf(text, "rack1", 2222)).toEqual([RSA]);
    expect(keysOf(text, "rack1", 2223)).toEqual([]);
  });

  it("reads lists of names, several keys for a host, comments, blank lines and CRLF", () => {
    const text = `# mine\n\n  rack1,10.0.0.1,[::1]:2222 ${ED25519} me@desk\r\nrack1 ${RSA}\r\n`;
    expect(keysOf(text, "rack1")).toEqual([ED25519, RSA]);
    expect(keysOf(text, "10.0.0.1")).toEqual([ED25519]);
    expect(keysOf(text, "::1", 2222)).toEqual([ED25519]);
  });

  it("ignores the case of names", () => {
    expect(keysOf(`Rack1.Example ${ED25519}`, "rACK1.example")).toEqual([ED25519]);
  });

  it("matches wildcards, with * across dots and ? for one character", () => {
    const text = `*.example,10.0.0.? ${ED25519}`;
    expect(keysOf(text, "a.b.example")).toEqual([ED25519]);
    expect(keysOf(text, "example")).toEqual([]);
    expect(keysOf(text, "10.0.0.7")).toEqual([ED25519]);
    expect(keysOf(text, "10.0.0.17")).toEqual([]);
  });

  it("takes the brackets of a pattern as they are, not as a set of characters", () => {
    expect(keysOf(`[ab]:2222 ${ED25519}`, "a", 2222)).toEqual([]);
    expect(keysOf(`[*.example]:2222 ${ED25519}`, "x.example", 2222)).toEqual([ED25519]);
  });

  it("lets a negated pattern rule out the whole line, wherever it stands", () => {
    for (const names of ["*.example,!bad.example", "!bad.example,*.example"]) {
      expect(keysOf(`${names} ${ED25519}`, "good.example")).toEqual([ED25519]);
      expect(keysOf(`${names} ${ED25519}`, "bad.example")).toEqual([]);
    }
    expect(keysOf(`!bad.example ${ED25519}`, "good.example")).toEqual([]);
  });

  it("does not trust a key that any line revokes, and says that it is revoked", () => {
    const text = `rack1 ${ED25519}\nrack1 ${RSA}\n@revoked * ${ED25519}\n`;
    expect(keysOf(text, "rack1")).toEqual([RSA]);
    expect(lookUp(text, "rack1", 22).revoked).toMatchObject([{ line: 3, type: "ssh-ed25519" }]);
  });

  it("never trusts a certificate authority's key as a host key", () => {
    const text = `@cert-authority *.example ${ED25519}`;
    expect(keysOf(text, "rack1.example")).toEqual([]);
    expect(lookUp(text, "rack1.example", 22).ignored).toMatchObject([
      { line: 1, reason: expect.stringContaining("certificates are not supported") },
    ]);
  });

  it("skips lines that it cannot use, with the reason", () => {
    const blob = ED25519.split(" ")[1];
    const text = [
      "rack1",
      "rack1 ssh-ed25519",
      "rack1 ssh-ed25519 !!!",
      `rack1 ssh-rsa ${blob}`,
      `@strange rack1 ${ED25519}`,
      "rack1 1024 35 1234567890",
      `|2|AAAA|BBBB ${ED25519}`,
      "|1|broken",
    ].join("\n");
    expect(keysOf(text, "rack1")).toEqual([]);
    expect(lookUp(text, "rack1", 22).ignored.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(lookUp(text, "rack1", 22).ignored[3]?.reason).toContain("says that it is ssh-ed25519");
  });

  it("never fails, and never trusts a key that the text does not hold", () => {
    const blob = ED25519.split(" ")[1] ?? "";
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, host) => {
        expect(trustedKeys(text.replaceAll(blob, ""), host, 22)).not.toContainEqual(parseHostKey(ED25519));
      }),
    );
  });
});

describe("what ssh-keygen wrote", () => {
  /** `ssh-keygen -H` over the names rack1.example, [rack1.example]:2222 and 10.0.0.1. */
  const text = [
    `|1|Onay5LVC+NTHHCgzHaEHkreskYo=|Eqy+JWeY8wYCCt+gusUZ78gsN9c= ${ED25519}`,
    `|1|0lsbs3CXyqIxnJkb+rX9OK+QcCI=|Fn844+/quFulnWEQtxX2pGNPVh0= ${RSA}`,
    `|1|7wu/hhL9iAyTvgdPw4uHR/MWIE0=|9GjCbuCNzYzLq2shx8xj0TEfyh0= ${ECDSA}`,
  ].join("\n");

  it("finds the hosts of a hashed file", () => {
    expect(keysOf(text, "RACK1.example")).toEqual([ED25519]);
    expect(keysOf(text, "rack1.example", 2222)).toEqual([RSA]);
    expect(keysOf(text, "10.0.0.1")).toEqual([ECDSA]);
    expect(keysOf(text, "10.0.0.2")).toEqual([]);
  });

  it("shows the same fingerprint as ssh-keygen -l", () => {
    const shown = [ED25519, ED25519_B, ECDSA, RSA].map((key) => fingerprint(key.split(" ")[1] ?? ""));
    expect(shown).toEqual([
      "SHA256:SzI2sDFA7eg+lY9hl3UZP8BoRDJzVgtQ3ltde/8ueEY",
      "SHA256:zmoWNUF+YClbGJh+j/1zQeMxUeXaFPP0OIOPW1Pu4M4",
      "SHA256:9P7LyomF7uYFE6Tfo2YLlcAvjwsKSOzQGdaUtx0YVck",
      "SHA256:XMfz5BGoGn+UelRs4ATTAq7qn46/XIjKtxE9sAA7ynY",
    ]);
  });
});
