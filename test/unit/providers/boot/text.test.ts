import { describe, expect, it } from "vitest";
import { checkPasswords, differingLines, servedFiles } from "../../../../providers/boot/text";
import type { SecretRef } from "../../../../stacks/config/types";

const HASH = "$6$rounds=4096$salt$abcDEF0123456789./";
const values: Record<string, string> = {
  rootHash: HASH,
  yescrypt: "$y$j9T$abc$def",
  plain: "hunter2",
  key: "k-12345",
};
const secret = (ref: SecretRef): string => {
  const value = values["secret" in ref ? ref.secret : ""];
  if (value === undefined) throw new Error("no such secret");
  return value;
};
const token = "0123456789abcdef0123456789abcdef";
const server = { url: "http://10.20.0.1:8069", bind: "10.20.0.1", httpPort: 8069, tftpPort: 0 };
const inputs = {
  name: "rocky9",
  installer: "kickstart",
  text: "url={{boot:url}}\ntoken={{boot:token}}\nrootpw --iscrypted {{secret:rootHash}}\n",
  cmdline: "inst.ks={{boot:config}} ip=dhcp",
  server,
} as const;
const files = { kernel: "/k", initrd: "/i" };

describe("what is served", () => {
  it("has URL, token, config and secrets in their places", () => {
    expect(servedFiles(inputs, files, token, secret)).toEqual({
      installer: "kickstart",
      text: `url=http://10.20.0.1:8069\ntoken=${token}\nrootpw --iscrypted ${HASH}\n`,
      cmdline: `inst.ks=http://10.20.0.1:8069/config/${token}/ks.cfg ip=dhcp`,
      ...files,
      secrets: [HASH],
    });
  });

  it("has no secret on the kernel's command line", () => {
    const cmdline = "inst.ks={{boot:config}} password={{secret:key}}";
    expect(() => servedFiles({ ...inputs, cmdline }, files, token, secret)).toThrow(
      /\{\{secret:key\}\} cannot be on/,
    );
  });
});

describe("a password that is not crypted", () => {
  it.each([
    "rootpw --iscrypted {{secret:plain}}",
    "user --name=me --iscrypted --password={{secret:plain}}",
    "d-i passwd/root-password-crypted password {{secret:plain}}",
    "      echo 'root:{{secret:plain}}' | chpasswd -e",
    "    password: '{{secret:plain}}'",
  ])("is refused by name and line, and never shown: %s", (line) => {
    const check = () => checkPasswords("rocky9", `lang en_US\n${line}\n`, secret);
    expect(check).toThrow(/\{\{secret:plain\}\} in line 2 .* must be a crypted password/);
    expect(check).not.toThrow(/hunter2/);
    expect(() => checkPasswords("rocky9", line.replace("plain", "rootHash"), secret)).not.toThrow();
    expect(() => checkPasswords("rocky9", line.replace("plain", "yescrypt"), secret)).not.toThrow();
  });

  it("is one only where a password stands", () => {
    expect(() => checkPasswords("rocky9", "echo {{secret:plain}} > /etc/key", secret)).not.toThrow();
  });
});

describe("lines that differ", () => {
  it("show one line for one line, wherever it is", () => {
    expect(differingLines("a\nb\nc\nd", "a\nb\nx\nc\nd")).toEqual(["+ x"]);
    expect(differingLines("a\nb\nc\nd\ne", "a\nB\nc\nd\nE")).toEqual(["- b", "+ B", "- e", "+ E"]);
    expect(differingLines("a", "a")).toEqual([]);
  });

  it("are 20 at most, and say how many there are more", () => {
    const old = Array.from({ length: 30 }, (_, i) => `old ${i}`).join("\n");
    const lines = differingLines(old, "new");
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("… and 11 lines more");
  });

  it("take no time of two long texts", () => {
    const text = (word: string) => Array.from({ length: 5000 }, (_, i) => `${word} ${i}`).join("\n");
    expect(differingLines(text("a"), text("b"))).toHaveLength(21);
  });
});
