import type { Notes } from "../import/notes";
import type { BootedFolder } from "./folder";

/** What the files say that has no place in a stack, or another one. */
export function noteElsewhere(folder: BootedFolder, notes: Notes): void {
  if (folder.pxe) notePxe(folder.pxe.path, folder.pxe.text, notes);
  for (const { path, text } of folder.nginx) {
    const ports = [...text.matchAll(/\blisten\s+(?:\S+:)?(\d+)/g)].map(([, port]) => port);
    const about = /kickstart/.test(text)
      ? "the kickstart, to anyone at any time"
      : "the boot log, by address alone";
    notes.add(
      `${path}${ports.length > 0 ? ` (port ${ports.join(", ")})` : ""}`,
      `served ${about}. labplan's boot server does it, to the machines of this lab alone, with a token for each`,
    );
  }
  for (const { path, text } of folder.credentials)
    if (/BOOTED_(USER|PW)|password/i.test(text))
      notes.add(
        path,
        "users and passwords from the environment are not imported: machines are logged in to with SSH keys. Write sshKeys and user on the image",
      );
  if (folder.hosts)
    notes.add(
      folder.hosts.path,
      'addresses of hosts that called once; "npm run lab -- hosts" lists those of this lab',
    );
  const services = [...(folder.deploy?.text ?? "").matchAll(/^def (\w+)_deploy\b/gm)].map(([, name]) => name);
  for (const service of services)
    notes.add(
      `${folder.deploy?.path}: ${service}_deploy, _start, _stop, _test`,
      "services are no section of labplan's yet: nothing is deployed. Its port is open on the image",
    );
}

function notePxe(path: string, text: string, notes: Notes): void {
  if (/^\s*default\b/im.test(text))
    notes.add(
      `${path}: its default entry`,
      "any machine on the network installed itself; labplan serves an entry for each MAC, and only while that machine is being built",
    );
  const words = text.split(/\s+/);
  const has = (name: string) =>
    words.some((word) => word.toLowerCase().startsWith(`${name}=`) || word === name);
  if (has("ks"))
    notes.add(
      `${path}: ks=`,
      "Enterprise Linux 9 reads inst.ks=; the boot server writes it, with a token in the path",
    );
  if (has("ksdevice"))
    notes.add(`${path}: ksdevice=`, "gone; the card is known by BOOTIF=, which the boot server adds");
  if (has("vncpassword"))
    notes.add(`${path}: vncpassword=`, "a password in clear; dropped. Progress is told by stages");
  if (has("vnc") || has("vncconnect"))
    notes.add(`${path}: vnc`, "an open screen; dropped. Progress is told by stages");
  for (const word of ["ramdisk_size", "unsupported_hardware", "text"])
    if (has(word)) notes.add(`${path}: ${word}`, "no argument of today's installer; dropped");
}

/** TCP ports that deploy.py opened in the guests' firewalls. */
export const openPortsOf = (deploy: string): number[] => [
  ...new Set(
    [...deploy.matchAll(/--dport\s+(\d+)/g)]
      .map(([, port]) => Number(port))
      .filter((port) => port > 0 && port < 65536),
  ),
];
