import { createPrivateKey, createPublicKey } from "node:crypto";

/** An ed25519 key pair in the forms that sshd and ssh read. */
export interface HostKey {
  /** PEM text, `-----BEGIN OPENSSH PRIVATE KEY-----`. */
  privateKey: string;
  /** `ssh-ed25519 AAAA… comment` */
  publicKey: string;
}

const TYPE = "ssh-ed25519";
/** What stands before the 32 bytes of an ed25519 private key in PKCS #8 DER (RFC 8410). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

const u32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
};
const string = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u32(bytes.length), bytes]);
};

/**
 * A host key made here, before the machine boots: its public half is known to the first login, and a guest without
 * entropy or under emulation need not make one.
 */
export function makeHostKey(random: (bytes: number) => Buffer, comment: string): HostKey {
  const secret = random(32);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, secret]), format: "der", type: "pkcs8" });
  const x = createPublicKey(key).export({ format: "jwk" }).x ?? "";
  const raw = Buffer.from(x, "base64url");
  const blob = Buffer.concat([string(TYPE), string(raw)]);
  return {
    privateKey: pem(openSshKey(secret, raw, blob, random(4), comment)),
    publicKey: `${TYPE} ${blob.toString("base64")} ${comment}`,
  };
}

/** OpenSSH's PROTOCOL.key, without a passphrase. */
function openSshKey(secret: Buffer, raw: Buffer, blob: Buffer, check: Buffer, comment: string): Buffer {
  const inside = Buffer.concat([
    check,
    check,
    string(TYPE),
    string(raw),
    string(Buffer.concat([secret, raw])),
    string(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (inside.length % 8)) % 8 }, (_, i) => i + 1));
  return Buffer.concat([
    Buffer.from("openssh-key-v1\0", "latin1"),
    string("none"),
    string("none"),
    string(""),
    u32(1),
    string(blob),
    string(Buffer.concat([inside, padding])),
  ]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,70}/g) ?? [];
  const label = "OPENSSH PRIVATE KEY";
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
