import * as fs from "node:fs";
import * as path from "node:path";
import type { Seed } from "./seed";
import { SHIMS } from "./shims";

/** Where our own commands are, inside. */
export const SHIM_FOLDER = "/opt/labplan/bin";
export const SANDBOX_PATH = `${SHIM_FOLDER}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** The URL that programs inside ask; only this sandbox has it. */
export const LINK_FILE = "/opt/labplan/devstack-api";

const FOLDERS = [
  "etc",
  "home",
  "root",
  "tmp",
  "var/tmp",
  "var/log",
  "var/lib",
  "run",
  "srv",
  "mnt",
  "usr",
  "proc",
  "dev",
  "opt/labplan/bin",
];

/** Names of users become path parts. */
const isSafeName = (name: string): boolean => /^[a-z_][a-z0-9_-]{0,31}$/.test(name);

/**
 * The machine's disk: a folder with what every Unix has, filled at the first boot and kept until the machine is gone.
 * Only this folder can be written to from inside.
 */
export function prepareRoot(
  root: string,
  machine: { hostName: string; address: string; link?: { url: string; gitBase: string } },
  seed: Seed,
): void {
  for (const folder of FOLDERS) realFolder(root, folder);
  fs.chmodSync(path.join(root, "tmp"), 0o1777);
  const users = [...seed.keys.keys()].filter((name) => name !== "root" && isSafeName(name));
  const write = (file: string, text: string, mode = 0o644): void => {
    const at = path.join(root, file);
    // Not through a link that the guest may have put there.
    fs.rmSync(at, { recursive: true, force: true });
    fs.writeFileSync(at, text, { flag: "wx" });
    fs.chmodSync(at, mode);
  };
  const once = (file: string, text: string): void => {
    if (!fs.lstatSync(path.join(root, file), { throwIfNoEntry: false })) write(file, text);
  };
  const account = (name: string, index: number): string => `${name}:x:${1000 + index}:${1000 + index}`;
  const lines = (line: (name: string, index: number) => string): string => users.map(line).join("");
  const people = lines((name, index) => `${account(name, index)}::/home/${name}:/bin/sh\n`);
  once("etc/passwd", `root:x:0:0:root:/root:/bin/sh\n${people}nobody:x:65534:65534:nobody:/:/bin/false\n`);
  const groups = lines((name, index) => `${name}:x:${1000 + index}:\n`);
  once("etc/group", `root:x:0:\n${groups}nogroup:x:65534:\n`);
  once("etc/shadow", ["root", ...users].map((name) => `${name}:*:19000:0:99999:7:::\n`).join(""));
  once("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
  once("etc/os-release", 'NAME="labplan sandbox"\nID=labplan\nPRETTY_NAME="labplan sandbox"\n');
  write("etc/hostname", `${machine.hostName}\n`);
  write("etc/hosts", `127.0.0.1 localhost\n${machine.address} ${machine.hostName}\n`);
  // Which units run is known to the sandbox that runs them only.
  fs.rmSync(path.join(root, "run/units"), { recursive: true, force: true });
  if (machine.link) {
    write(LINK_FILE, `${machine.link.url}\n`);
    // There is no way to the real one from here.
    write("etc/gitconfig", `[url "${machine.link.gitBase}/"]\n\tinsteadOf = https://opendev.org/\n`);
  }
  for (const user of users) realFolder(root, `home/${user}`);
  for (const [name, text] of Object.entries(SHIMS)) write(path.join(SHIM_FOLDER, name), text, 0o755);
}

/** A folder with each part of its way a real one: a guest that is off cannot have left a link out of its disk. */
function realFolder(root: string, folder: string): void {
  fs.mkdirSync(root, { recursive: true, mode: 0o755 });
  let at = root;
  for (const part of folder.split("/")) {
    at = path.join(at, part);
    const status = fs.lstatSync(at, { throwIfNoEntry: false });
    if (status?.isDirectory()) continue;
    if (status) fs.rmSync(at, { force: true });
    fs.mkdirSync(at);
    // Past our own mask: inside, these are the rights that everybody expects.
    fs.chmodSync(at, 0o755);
  }
}
