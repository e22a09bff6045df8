import { describe, expect, it } from "vitest";
import { hostKeyPolicy, judgeHostKey, offeredAlgorithms } from "../../../../providers/ssh/host-key";
import { fingerprint, type HostKey, parseHostKey } from "../../../../providers/ssh/known-hosts";
import type { SshTarget } from "../../../../providers/ssh/target";
import { ECDSA, ED25519, ED25519_B, RSA } from "./keys";

const shownKey = (text: string): HostKey => {
  const key = parseHostKey(text);
  if (typeof key === "string") throw new Error(key);
  return key;
};
const known = (text: string) => [{ path: "/home/me/.ssh/known_hosts", text }];
const judge = (target: SshTarget, files: string, shown: string) =>
  judgeHostKey(target, hostKeyPolicy(target, known(files)), shownKey(shown));
const print = (key: string) => fingerprint(key.split(" ")[1] ?? "");

describe("host key policy", () => {
  it("accepts the pinned key, with or without a comment", () => {
    expect(judge({ host: "rack1", hostKey: ED25519 }, "", ED25519)).toBeUndefined();
    expect(judge({ host: "rack1", hostKey: `${ED25519} root@rack1\n` }, "", ED25519)).toBeUndefined();
    expect(judge({ host: "rack1", hostKey: [RSA, ED25519] }, "", ED25519)).toBeUndefined();
  });

  it("lets the pin win over known_hosts, both ways", () => {
    const target = { host: "rack1", hostKey: ED25519 };
    expect(judge(target, `rack1 ${ED25519_B}`, ED25519)).toBeUndefined();
    expect(judge(target, `rack1 ${ED25519_B}`, ED25519_B)).toMatchObject({ reason: "host-key" });
  });

  it("refuses an unknown host with the fingerprint and the exact lines to paste", () => {
    const error = judge({ host: "rack1.example", port: 2222 }, `other ${ED25519}`, ED25519);
    expect(error).toMatchObject({ reason: "host-key", target: "rack1.example:2222" });
    const lines = error?.message.split("\n").map((line) => line.trim());
    expect(error?.message).toContain(print(ED25519));
    expect(lines).toContain(`hostKey: ${ED25519}`);
    expect(lines).toContain(`[rack1.example]:2222 ${ED25519}`);
    // The lines to paste do what they promise.
    expect(judge({ host: "rack1.example", port: 2222, hostKey: ED25519 }, "", ED25519)).toBeUndefined();
    const line = lines?.find((text) => text.startsWith("[rack1")) ?? "";
    expect(judge({ host: "rack1.example", port: 2222 }, line, ED25519)).toBeUndefined();
  });

  it("refuses a changed key and shows both fingerprints and where the old one stands", () => {
    const error = judge({ host: "rack1" }, `# old\nrack1 ${ED25519}`, ED25519_B);
    expect(error?.message).toMatch(/CHANGED/);
    expect(error?.message).toContain(print(ED25519));
    expect(error?.message).toContain(print(ED25519_B));
    expect(error?.message).toContain("/home/me/.ssh/known_hosts:2");
    expect(error?.message).toContain(`hostKey: ${ED25519_B}`);
  });

  it("refuses a key of another type than the known ones as changed", () => {
    expect(judge({ host: "rack1" }, `rack1 ${ED25519}`, RSA)?.message).toMatch(/CHANGED/);
  });

  it("refuses a revoked key even where another line trusts it", () => {
    const error = judge({ host: "rack1" }, `rack1 ${ED25519}\n@revoked * ${ED25519}`, ED25519);
    expect(error?.message).toMatch(/revoked key.*known_hosts:2/);
    expect(
      judge({ host: "rack1", port: 2222 }, `rack1 ${ED25519}\n@revoked rack1 ${ED25519}`, ED25519),
    ).toMatchObject({ reason: "host-key" });
  });

  it("believes a host's key on any of its ports, as ssh does, but calls another one new, not changed", () => {
    const target = { host: "rack1", port: 2222 };
    expect(judge(target, `rack1 ${ED25519}`, ED25519)).toBeUndefined();
    expect(judge(target, `rack1 ${ED25519}`, ED25519_B)?.message).toMatch(/not known/);
    expect(judge(target, `rack1 ${ED25519}\n[rack1]:2222 ${RSA}`, ED25519)?.message).toMatch(/CHANGED/);
  });

  it("says why a line of known_hosts about the host was no help", () => {
    expect(judge({ host: "rack1" }, `@cert-authority rack1 ${ED25519}`, RSA)?.message).toContain(
      "known_hosts:1 was skipped: @cert-authority",
    );
  });

  it("refuses a pin that is no key, before anything is sent", () => {
    const pins = [
      "SHA256:abc",
      "ssh-ed25519",
      `rack1 ${ED25519}`,
      ED25519.replace("ssh-ed25519", "ssh-rsa"),
      "",
    ];
    for (const hostKey of pins) {
      expect(() => hostKeyPolicy({ host: "rack1", hostKey }, [])).toThrow(
        /rack1: hostKey is no usable public key/,
      );
    }
  });
});

describe("offered algorithms", () => {
  it("puts the types that we can check first, and keeps the others to show what the host has", () => {
    const offer = (target: SshTarget, text = "") => offeredAlgorithms(hostKeyPolicy(target, known(text)));
    expect(offer({ host: "rack1", hostKey: RSA }).slice(0, 3)).toEqual([
      "rsa-sha2-512",
      "rsa-sha2-256",
      "ssh-ed25519",
    ]);
    expect(offer({ host: "rack1" }, `rack1 ${ECDSA}`)[0]).toBe("ecdsa-sha2-nistp256");
    expect(offer({ host: "rack1" })[0]).toBe("ssh-ed25519");
    expect(new Set(offer({ host: "rack1", hostKey: RSA }))).toEqual(new Set(offer({ host: "rack1" })));
    expect(offer({ host: "rack1", port: 2222 }, `rack1 ${RSA}`)[0]).toBe("rsa-sha2-512");
  });

  it("never offers SHA-1 signatures", () => {
    expect(offeredAlgorithms(hostKeyPolicy({ host: "rack1", hostKey: RSA }, []))).not.toContain("ssh-rsa");
  });
});
