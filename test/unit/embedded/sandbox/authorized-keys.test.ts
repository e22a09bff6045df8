import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applySeedKeys, loginOf } from "../../../../embedded/sandbox/authorized-keys";
import type { Seed } from "../../../../embedded/sandbox/seed";

const [ONE, TWO] = ["ssh-ed25519 AAAAone", "ssh-ed25519 AAAAtwo"];

describe("who can log in to a sandbox", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-keys-"));
    write("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
  const write = (file: string, text: string): void => {
    const at = path.join(folder, "root", file);
    fs.mkdirSync(path.dirname(at), { recursive: true });
    fs.writeFileSync(at, text);
  };
  const file = (user = "ann"): string =>
    fs.readFileSync(path.join(folder, "root/home", user, ".ssh/authorized_keys"), "utf8");
  const seed = (keys: string[], instanceId = "i-1"): Seed => ({
    instanceId,
    keys: new Map([["ann", keys]]),
    files: [],
    commands: [],
  });
  const login = (keys = new Map<string, string[]>()) => loginOf(path.join(folder, "root"), keys);

  it("puts the seed's keys in once, so that they can be taken out for good", () => {
    applySeedKeys(folder, seed([ONE]));
    expect(login().keys("ann")).toEqual([ONE]);
    write("home/ann/.ssh/authorized_keys", `${TWO} mine\n`);
    applySeedKeys(folder, seed([ONE]));
    expect(login(seed([ONE]).keys).keys("ann")).toEqual([TWO]);
    applySeedKeys(folder, seed([ONE], "i-2"));
    expect(file()).toBe(`${TWO} mine\n${ONE}\n`);
  });

  it("reads keys with options and comments, and no others", () => {
    write("home/ann/.ssh/authorized_keys", `# ${ONE}\nno-pty,command="x" ${TWO} comment\nnonsense\n`);
    expect(login().keys("ann")).toEqual([TWO]);
  });

  it("lets nobody in who has no account, and the seed's users where there is no file", () => {
    write("home/bob/.ssh/authorized_keys", `${ONE}\n`);
    expect(login().keys("bob")).toEqual([]);
    expect(login(seed([ONE]).keys).keys("ann")).toEqual([ONE]);
  });

  it("follows no link out of the sandbox", () => {
    fs.writeFileSync(path.join(folder, "outside"), `${ONE}\n`);
    fs.mkdirSync(path.join(folder, "root/root/.ssh"), { recursive: true });
    fs.symlinkSync(path.join(folder, "outside"), path.join(folder, "root/root/.ssh/authorized_keys"));
    expect(login().keys("root")).toEqual([]);
  });

  it("knows the password that chpasswd there made, and no locked account", () => {
    const digest = createHash("sha256").update("saltsecret").digest("hex");
    write("etc/shadow", `ann:$lp$salt$${digest}:19000::::::\nroot:*:19000::::::\n`);
    expect([login().isPassword("ann", "secret"), login().isPassword("ann", "other")]).toEqual([true, false]);
    expect([login().hasPassword("root"), login().isPassword("root", "*")]).toEqual([false, false]);
  });
});
