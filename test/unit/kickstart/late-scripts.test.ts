import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { autoinstallScripts } from "../../../kickstart/lint/autoinstall";
import { commentScripts } from "../../../kickstart/lint/preseed-file";
import { renderKickstart } from "../../../kickstart/render";
import type { InstallFacts } from "../../../kickstart/variables";
import { DISTRIBUTIONS, KEY, variablesOf } from "./fixtures";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kickstart-late-"));
  // What the installer has put there.
  const folders = [
    "sudoers.d",
    "ssh/sshd_config.d",
    "chrony/sources.d",
    "network",
    "cloud/cloud.cfg.d",
    "netplan",
    "tmpfiles.d",
  ];
  for (const name of [...folders, "systemd/network", "systemd/system"])
    mkdirSync(at(`etc/${name}`), { recursive: true });
  for (const name of [
    "root",
    "home/labplan/.ssh",
    "usr/local/sbin",
    "var/lib/cloud/old",
    "var/lib/dhcp",
    "var/lib/systemd",
    "var/lib/dbus",
    "var/log/installer",
  ])
    mkdirSync(at(name), { recursive: true });
  for (const name of [
    "etc/ssh/ssh_host_rsa_key",
    "etc/machine-id",
    "etc/cloud/cloud.cfg.d/99-installer.cfg",
    "etc/netplan/00-installer.yaml",
  ])
    writeFileSync(at(name), "of the builder\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, "target", name);
const read = (name: string): string => readFileSync(at(name), "utf8");
const mode = (name: string): string => (statSync(at(name)).mode & 0o777).toString(8);

/**
 * Run the scripts at the end of an installation, with the new system in a folder of ours. What they run inside of it
 * is noted; `install` is done, and the user's commands are read.
 */
function run(scripts: readonly string[]): { inTarget: string[]; reported: string[] } {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  mkdirSync(join(folder, "tmp"));
  const inTarget = `#!/bin/sh
if [ "$1" = in-target ]; then shift 3; fi
echo "$*" >>'${folder}/in-target'
case "$1 $2" in
  "install -d") for last; do :; done; mkdir -p "${folder}/target$last" ;;
  "install -m") for last; do :; done; install -m "$3" /dev/null "${folder}/target$last" ;;
  "sh -e") cat "${folder}/target$3" >>'${folder}/commands' ;;
  "cat ") exit 1 ;;
esac
`;
  for (const name of ["in-target", "curtin"]) writeFileSync(join(bin, name), inTarget, { mode: 0o755 });
  writeFileSync(
    join(folder, "tmp", "labplan-report"),
    `labplan_report() { echo "$1" >>'${folder}/reported'; }\n`,
  );
  scripts.forEach((script, index) => {
    const file = join(folder, `script${index}`);
    const moved = script.replace(/\/target\/|\/tmp\/labplan/g, (place) => `${folder}${place}`);
    // Nothing of this machine's own may be meant.
    expect(moved.replaceAll(folder, "").match(/(?<!\S)>+\s*\/(?!target|tmp|dev\/null)\S*/g)).toBeNull();
    writeFileSync(file, moved);
    chmodSync(file, 0o700);
    execFileSync("sh", [file], { env: { PATH: `${bin}:/usr/bin:/bin` }, stdio: "pipe" });
  });
  const lines = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8").trimEnd().split("\n") : [];
  return { inTarget: lines("in-target"), reported: lines("reported") };
}

const install = {
  sshKeys: [KEY],
  openPorts: [9999],
  commands: ["echo 'it is' | wc", 'a="\\n"\n\necho "$a" | cat'],
};
const machine: Partial<InstallFacts> = {
  purpose: "machine",
  nics: [
    { mac: "08:00:27:aa:bb:01" },
    { mac: "08:00:27:aa:bb:02", ip: "192.0.2.11", prefix: 24, gateway: "192.0.2.1" },
  ],
};
const debian = (facts: Partial<InstallFacts> = {}): string[] => {
  const { text } = renderKickstart(variablesOf({ ...DISTRIBUTIONS[6], ...install }, facts));
  return commentScripts(text)
    .filter(({ name }) => name === "#finish|")
    .map(({ lines }) => lines.join("\n"));
};
const ubuntu = (facts: Partial<InstallFacts> = {}): string[] => {
  const { text } = renderKickstart(variablesOf({ ...DISTRIBUTIONS[9], ...install }, facts));
  return autoinstallScripts(text)
    .filter(({ name }) => name.startsWith("late"))
    .map(({ lines }) => lines.join("\n"));
};

describe.each([
  ["Debian", debian],
  ["Ubuntu", ubuntu],
])("the end of an installation of %s", (name, scriptsOf) => {
  test("lets people in by key alone, through a firewall, with sudo", () => {
    const { inTarget, reported } = run(scriptsOf());
    expect(read("etc/sudoers.d/labplan")).toBe("labplan ALL=(ALL) NOPASSWD: ALL\n");
    expect(mode("etc/sudoers.d/labplan")).toBe("440");
    expect(read("etc/ssh/sshd_config.d/10-labplan.conf")).toContain("PasswordAuthentication no\n");
    expect(read("home/labplan/.ssh/authorized_keys")).toBe(`${KEY}\n`);
    expect(mode("home/labplan/.ssh/authorized_keys")).toBe("600");
    expect(inTarget).toContain("chown labplan:labplan /home/labplan/.ssh/authorized_keys");
    expect(read("etc/nftables.conf")).toContain("tcp dport { 22, 9999 } accept\n");
    expect(read("etc/chrony/sources.d/labplan.sources")).toMatch(/^(pool|server) \S+ iburst\n$/);
    expect(inTarget.find((line) => line.startsWith("systemctl enable nftables.service"))).toBeDefined();
    expect(reported).toEqual(["installed"]);
  });

  test("runs the user's commands as they were written, in the new system", () => {
    run(scriptsOf());
    expect(readFileSync(join(folder, "commands"), "utf8")).toBe(`${install.commands.join("\n")}\n`);
    expect(readdirSync(at("root"))).toEqual([]);
  });

  test("leaves an image that is nobody's: its clones are told who they are", () => {
    const { inTarget } = run(scriptsOf());
    expect(read("etc/machine-id")).toBe("");
    expect(existsSync(at("etc/ssh/ssh_host_rsa_key"))).toBe(false);
    expect(readdirSync(at("var/lib/cloud"))).toEqual([]);
    expect(read("etc/cloud/cloud.cfg.d/90-labplan.cfg")).toBe("datasource_list: [ NoCloud, None ]\n");
    expect(existsSync(at("etc/labplan"))).toBe(false);
    expect(inTarget.join("\n")).toMatch(/cloud-init-local/);
    // The installer's own logs hold this file, and with it a token.
    const gone =
      name === "Debian"
        ? !existsSync(at("var/log/installer"))
        : read("etc/tmpfiles.d/labplan.conf") === "R! /var/log/installer\n";
    expect(gone).toBe(true);
    if (name === "Ubuntu") {
      expect(readdirSync(at("etc/cloud/cloud.cfg.d"))).toEqual(["90-labplan.cfg"]);
      expect(readdirSync(at("etc/netplan"))).toEqual([]);
    } else
      expect(read("etc/network/interfaces")).toBe(
        "auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n",
      );
  });

  test("leaves a machine that knows itself, and calls home with a token that root alone reads", () => {
    const { inTarget } = run(scriptsOf(machine));
    expect(read("etc/machine-id")).toBe("of the builder\n");
    expect(read("etc/labplan/boot.env")).toBe(
      "LABPLAN_BOOT_URL={{boot:url}}\nLABPLAN_BOOT_TOKEN={{boot:token}}\n",
    );
    expect(mode("etc/labplan/boot.env")).toBe("600");
    expect(mode("usr/local/sbin/labplan-booted")).toBe("755");
    expect(read("etc/systemd/system/labplan-booted.service")).toContain(
      "ExecStart=/usr/local/sbin/labplan-booted\n",
    );
    expect(inTarget).toContain("systemctl enable labplan-booted.service");
    if (name === "Debian")
      expect(read("etc/systemd/network/10-labplan1.network")).toBe(
        "[Match]\nMACAddress=08:00:27:aa:bb:02\n[Network]\nAddress=192.0.2.11/24\nGateway=192.0.2.1\n",
      );
  });
});

test("a failure at the end of a Debian installation is reported, with what it said", () => {
  rmSync(at("etc/chrony"), { recursive: true });
  const { reported } = run(debian());
  expect(reported).toEqual(["failed"]);
  expect(readFileSync(join(folder, "tmp", "labplan-late"), "utf8")).toContain(
    dirname("/etc/chrony/sources.d/x"),
  );
});
