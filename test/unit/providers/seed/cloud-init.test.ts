import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { utils } from "ssh2";
import { describe, expect, it } from "vitest";
import { instanceId, type SeedInputs, seedDigest, seedTexts } from "../../../../providers/seed/cloud-init";
import { makeHostKey } from "../../../../providers/seed/host-key";
import { keptIn } from "../../../../providers/seed/read-back";

/** Bytes that are the same in every run. */
const random = (bytes: number): Buffer => createHash("sha512").update(`${bytes}`).digest().subarray(0, bytes);
const hostKey = makeHostKey(random, "root@w1");

const inputs: SeedInputs = {
  uuid: "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2",
  hostName: "w1",
  cloudInit: { user: "me", sshKeys: ["ssh-ed25519 AAAAC3Nza me@home"] },
  nics: [{ mac: "52:54:00:00:00:01" }, { mac: "52:54:00:00:00:02" }],
};
const noSecret = (name: string): string => {
  throw new Error(`asked for ${name}`);
};
const texts = (more: Partial<SeedInputs["cloudInit"]> = {}, fill = noSecret) =>
  seedTexts({ ...inputs, cloudInit: { ...inputs.cloudInit, ...more } }, hostKey, fill);
const userData = (...args: Parameters<typeof texts>) =>
  load(texts(...args)["user-data"]) as Record<string, unknown>;

describe("a NoCloud seed", () => {
  it("begins as cloud-init demands, and gives the user, the keys and the host's own key", () => {
    expect(texts()["user-data"].split("\n")[0]).toBe("#cloud-config");
    expect(userData()).toMatchObject({
      hostname: "w1",
      users: [{ name: "me", ssh_authorized_keys: inputs.cloudInit.sshKeys, lock_passwd: true }],
      ssh_pwauth: false,
      ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
    });
    expect(load(texts()["meta-data"])).toEqual({ "instance-id": instanceId(inputs), "local-hostname": "w1" });
  });

  it("trap libvirt#14: asks for nothing that makes cloud-init say 'error' although all was applied", () => {
    expect(userData().locale).toBe(false);
  });

  it("finds each card by its MAC", () => {
    expect(load(texts()["network-config"])).toEqual({
      version: 2,
      ethernets: {
        nic0: { match: { macaddress: "52:54:00:00:00:01" }, dhcp4: true },
        nic1: { match: { macaddress: "52:54:00:00:00:02" }, dhcp4: true, optional: true },
      },
    });
    const own = { version: 2, ethernets: { all: { match: { name: "e*" }, dhcp6: true } } };
    expect(load(texts({ networkConfig: own })["network-config"])).toEqual(own);
  });

  it("takes the user's values over ours, key by key; null takes one out", () => {
    const merged = userData({
      userData: {
        packages: ["vim"],
        ssh_pwauth: true,
        locale: null,
        users: ["default"],
        updates: { extra: 1 },
      },
    });
    expect(merged).toMatchObject({ packages: ["vim"], ssh_pwauth: true, users: ["default"] });
    expect(merged).not.toHaveProperty("locale");
    expect(merged.updates).toEqual({ network: { when: ["boot"] }, extra: 1 });
  });

  it("fills secrets in as values, whatever they hold", () => {
    const nasty = 'a: "b"\n- c # d';
    const fill = (name: string) => (name === "pw" ? nasty : noSecret(name));
    const merged = userData(
      { userData: { token: "<{{secret:pw}}>", list: [{ "{{secret:key}}": 1 }] } },
      fill,
    );
    expect(merged.token).toBe(`<${nasty}>`);
    expect(() => userData({ userData: { x: "{{ secret:missing }}" } }, fill)).toThrow("asked for missing");
  });

  it("keeps a replacement that looks like a pattern as it is", () => {
    expect(userData({ userData: { token: "{{secret:pw}}" } }, () => "$& $1 {{secret:pw}}").token).toBe(
      "$& $1 {{secret:pw}}",
    );
  });
});

describe("a seed with a boot record", () => {
  const access = { url: "http://10.20.0.1:8069", token: "0123456789abcdef0123456789abcdef" };
  const recorded = (more: Partial<SeedInputs["cloudInit"]> = {}): SeedInputs => ({
    ...inputs,
    cloudInit: { ...inputs.cloudInit, ...more },
    bootRecord: { url: access.url },
  });
  const data = (more?: Partial<SeedInputs["cloudInit"]>) =>
    load(seedTexts(recorded(more), hostKey, noSecret, access)["user-data"]) as {
      write_files: { path: string; permissions: string; content: string }[];
      runcmd: unknown[];
    };

  it("brings the token in a file of root's alone, and the unit that sends it", () => {
    const { write_files: files, runcmd } = data();
    expect(files.map(({ path, permissions }) => [path, permissions])).toEqual([
      ["/etc/labplan/boot.env", "0600"],
      ["/usr/local/sbin/labplan-booted", "0755"],
      ["/etc/systemd/system/labplan-booted.service", "0644"],
    ]);
    expect(files[0]?.content).toBe(`LABPLAN_BOOT_URL=${access.url}\nLABPLAN_BOOT_TOKEN=${access.token}\n`);
    expect(files.slice(1).map(({ content }) => content)).not.toContain(expect.stringContaining(access.token));
    expect(runcmd).toContainEqual(["systemctl", "enable", "labplan-booted.service"]);
    // Waiting for it would hold up the boot for as long as nobody listens.
    expect(runcmd).toContainEqual(["systemctl", "start", "--no-block", "labplan-booted.service"]);
  });

  it("adds to the user's own files and commands, and replaces none", () => {
    const own = { write_files: [{ path: "/etc/motd", content: "hi" }], runcmd: ["echo hi", "exit 1"] };
    const { write_files: files, runcmd } = data({ userData: own });
    expect(files).toHaveLength(4);
    expect(files.at(-1)).toEqual(own.write_files[0]);
    // Ours first: the user's may end the script.
    expect(runcmd.slice(-2)).toEqual(own.runcmd);
    expect(() => data({ userData: { runcmd: "echo hi" } })).toThrow(/"runcmd" must be a list/);
  });

  it("is another seed and instance than one without, whatever the token", () => {
    expect(seedDigest(recorded())).not.toBe(seedDigest(inputs));
    expect(instanceId(recorded())).not.toBe(instanceId(inputs));
    const other = seedTexts(recorded(), hostKey, noSecret, { ...access, token: "f".repeat(32) });
    expect(other["meta-data"]).toBe(seedTexts(recorded(), hostKey, noSecret, access)["meta-data"]);
  });

  it("gives its host key and its token back to the run after one that was killed", () => {
    expect(keptIn(seedTexts(recorded(), hostKey, noSecret, access)["user-data"])).toEqual({
      hostKey,
      bootToken: access.token,
    });
    expect(keptIn(texts()["user-data"])).toEqual({ hostKey });
  });
});

describe("its digest and its instance id", () => {
  const changed = (more: Partial<SeedInputs>) => ({ ...inputs, ...more });

  it("a new card or host name is a new seed, but no new instance: the user's commands do not run again", () => {
    for (const more of [{ hostName: "w2" }, { nics: inputs.nics.slice(1) }]) {
      expect(seedDigest(changed(more))).not.toBe(seedDigest(inputs));
      expect(instanceId(changed(more))).toBe(instanceId(inputs));
    }
  });

  it("new keys or commands are both", () => {
    for (const more of [{ sshKeys: [] }, { user: "you" }, { userData: { runcmd: ["x"] } }]) {
      const other = changed({ cloudInit: { ...inputs.cloudInit, ...more } });
      expect(seedDigest(other)).not.toBe(seedDigest(inputs));
      expect(instanceId(other)).not.toBe(instanceId(inputs));
    }
  });
});

describe("a host key made before the boot", () => {
  it("is read by ssh2, and by OpenSSH where there is one", () => {
    const parsed = utils.parseKey(hostKey.privateKey);
    if (parsed instanceof Error) throw parsed;
    expect(parsed.type).toBe("ssh-ed25519");
    expect(`ssh-ed25519 ${parsed.getPublicSSH().toString("base64")} root@w1`).toBe(hostKey.publicKey);
    const signature = parsed.sign("data");
    const other = utils.parseKey(hostKey.publicKey);
    if (other instanceof Error || signature instanceof Error) throw other;
    expect(other.verify("data", signature)).toBe(true);
  });

  it.skipIf(!existsSync("/usr/bin/ssh-keygen"))("is what ssh-keygen says it is", () => {
    const folder = mkdtempSync(join(tmpdir(), "labplan-key-"));
    try {
      writeFileSync(join(folder, "key"), hostKey.privateKey, { mode: 0o600 });
      chmodSync(join(folder, "key"), 0o600);
      const shown = execFileSync("ssh-keygen", ["-y", "-f", join(folder, "key")], { encoding: "utf8" });
      expect(shown.trim()).toBe(hostKey.publicKey);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
