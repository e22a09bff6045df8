import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { load } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seedTexts } from "../../../../providers/seed/cloud-init";
import { putFiles } from "../../../../providers/seed/every-boot";

describe("files that are as the seed says, at every boot", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-boot-files-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));
  const boot = (content: string) => {
    const file = path.join(folder, "deep", "key");
    execFileSync("/bin/sh", [], { input: `${putFiles([{ path: file, mode: "0600", content }])}\n` });
    return { text: fs.readFileSync(file, "utf8"), mode: fs.statSync(file).mode & 0o777, file };
  };

  it("writes them with their rights, and their folders", () => {
    expect(boot("one $HOME `id`\ntwo\n")).toMatchObject({ text: "one $HOME `id`\ntwo\n", mode: 0o600 });
  });

  it("leaves one alone that is as it should be, and replaces another", () => {
    const { file } = boot("one");
    fs.utimesSync(file, 1, 1);
    boot("one");
    expect(fs.statSync(file).mtimeMs).toBe(1_000);
    expect(boot("two").text).toBe("two\n");
  });
});

describe("the seed of a machine made anew on a disk that stayed", () => {
  const inputs = { uuid: "u", hostName: "h", nics: [], cloudInit: {} };
  const hostKey = { privateKey: "PRIVATE\n", publicKey: "ssh-ed25519 AAAA" };
  const dataOf = (userData: object, access?: { url: string; token: string }) =>
    load(
      seedTexts({ ...inputs, cloudInit: { userData: { ...userData } } }, hostKey, () => "", access)[
        "user-data"
      ],
    ) as { bootcmd?: unknown[] };

  it("brings its host key at every boot, in no argument, before the user's own commands", () => {
    const { bootcmd } = dataOf({ bootcmd: [["mine"]] });
    expect(bootcmd).toEqual([expect.stringContaining("\nPRIVATE\n"), ["mine"]]);
    expect(bootcmd?.[0]).toContain("labplan_put /etc/ssh/ssh_host_ed25519_key 0600");
    expect(bootcmd?.[0]).toContain("\nssh-ed25519 AAAA\n");
  });

  it("brings the user's own host key where there is one, and none where there is to be none", () => {
    const ssh_keys = { ed25519_private: "THEIRS", ed25519_public: "ssh-ed25519 BBBB" };
    expect(dataOf({ ssh_keys }).bootcmd?.[0]).toMatch(/\nTHEIRS\n[\s\S]*\nssh-ed25519 BBBB\n/);
    expect(dataOf({ ssh_keys: null }).bootcmd).toBeUndefined();
  });

  it("brings the token of its boot record as well", () => {
    const token = "0123456789abcdef0123456789abcdef";
    expect(dataOf({}, { url: "http://10.0.0.1:8069", token }).bootcmd?.[0]).toContain(
      `labplan_put /etc/labplan/boot.env 0600 <<'LABPLAN_FILE_ENDS'\nLABPLAN_BOOT_URL=http://10.0.0.1:8069\nLABPLAN_BOOT_TOKEN=${token}\n`,
    );
  });
});
