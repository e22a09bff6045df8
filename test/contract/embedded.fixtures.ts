import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "ssh2";
import { it } from "vitest";
import { embeddedMachines, embeddedStatus, ensureEmbedded, stopEmbedded } from "../../embedded/start";
import { isAlive } from "../../providers/core/processes";
import type { DomainRef, LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { makeHostKey } from "../../providers/seed/host-key";
import { writeIso } from "../../providers/seed/iso9660";

/** A home of its own, in a folder that others may pass: root's daemon is somebody else. */
export function makeHome(): { home: string; remove: () => Promise<void> } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-embedded-"));
  fs.chmodSync(folder, 0o755);
  const home = path.join(folder, "home");
  return {
    home,
    remove: async () => {
      await stopEmbedded({ home, forget: true });
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether its sandboxes have processes and networks of their own here. */
export const hasNamespaces = async (home: string): Promise<boolean> =>
  (await embeddedStatus({ home }))?.isolation === "namespaces";

/** `it` for what needs that of a lab that has started: skipped, with the reason, where it has not. */
export const itInNamespaces = (home: string) => (title: string, work: () => Promise<void>) =>
  it(title, async (context) => {
    if (!(await hasNamespaces(home))) context.skip("no name spaces here");
    await work();
  });

export async function connectTo(home: string): Promise<LibvirtClient> {
  const { libvirtSocket } = await ensureEmbedded({ home });
  return connectLibvirt(`qemu+unix:///system?socket=${libvirtSocket}`);
}

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  deadlineMs = 15_000,
): Promise<T> {
  for (const end = Date.now() + deadlineMs; ; await sleep(10)) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`);
  }
}

export const hasEnded = (pid: number): boolean => !isAlive(pid);

export const keyPair = () => makeHostKey(randomBytes, "test");

export const NETWORK = `<network><name>admin</name><bridge name='lpadmin'/>
  <ip address='10.20.0.1' netmask='255.255.255.0'><dhcp><range start='10.20.0.100' end='10.20.0.200'/>
  <host mac='52:54:00:00:00:05' name='w1' ip='10.20.0.5'/></dhcp></ip></network>`;

/** A machine with a NoCloud seed that lets `publicKey` in as user labplan; defined, not started. */
export async function defineMachine(
  client: LibvirtClient,
  options: { name: string; mac: string; publicKey: string; hostKey?: string; userData?: string },
): Promise<DomainRef> {
  const { name, mac, publicKey, hostKey, userData = "" } = options;
  const network = (await client.networkByName("admin")) ?? (await client.networkDefine(NETWORK));
  if (!(await client.networkIsActive(network))) await client.networkStart(network);
  let pool = await client.poolByName("seeds");
  if (!pool) {
    pool = await client.poolDefine(
      "<pool type='dir'><name>seeds</name><target><path>/seeds</path></target></pool>",
    );
    await client.poolBuild(pool);
    await client.poolStart(pool);
  }
  const keys = hostKey ? `ssh_keys:\n  ed25519_private: |\n${hostKey.replace(/^/gm, "    ")}\n` : "";
  const users = `users:\n- name: labplan\n  ssh_authorized_keys:\n  - ${publicKey}\n`;
  const file = (fileName: string, text: string) => ({ name: fileName, data: Buffer.from(text) });
  const iso = writeIso("cidata", [
    file("user-data", `#cloud-config\n${users}${keys}${userData}`),
    file("meta-data", `instance-id: ${name}-1\nlocal-hostname: ${name}\n`),
  ]);
  const volume = await client.volumeCreate(
    pool,
    `<volume><name>${name}.iso</name><capacity>${iso.length}</capacity></volume>`,
  );
  await client.volumeUpload(volume, Readable.from([iso]), iso.length);
  return client.domainDefine(`<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory>
    <os><type machine='q35'>hvm</type></os><devices>
    <disk type='volume' device='cdrom'><source pool='seeds' volume='${name}.iso'/><target dev='sda' bus='sata'/></disk>
    <interface type='network'><mac address='${mac}'/><source network='admin'/></interface>
    <serial type='pty'/></devices></domain>`);
}

/** Where a started machine answers. */
export async function addressOf(home: string, name: string) {
  return until(`machine ${name} answers`, async () =>
    (await embeddedMachines({ home })).find((machine) => machine.domain === name),
  );
}

export interface Login {
  run(command: string, input?: string): Promise<{ out: string; code: number }>;
  end(): void;
}

export async function login(
  at: { address: string; sshPort: number },
  auth: { privateKey?: string; password?: string },
  username = "labplan",
): Promise<Login & { hostKey: string }> {
  const ssh = new Client();
  let hostKey = "";
  await new Promise<void>((resolve, reject) => {
    ssh.on("ready", resolve).on("error", reject);
    ssh.connect({
      host: at.address,
      port: at.sshPort,
      username,
      ...auth,
      hostVerifier: (key: Buffer) => {
        hostKey = `ssh-ed25519 ${key.toString("base64")}`;
        return true;
      },
    });
  });
  return {
    hostKey,
    end: () => ssh.end(),
    run: (command, input) =>
      new Promise((resolve, reject) => {
        ssh.exec(command, (error, channel) => {
          if (error) return reject(error);
          let out = "";
          channel.on("data", (data: Buffer) => {
            out += data;
          });
          channel.stderr.on("data", (data: Buffer) => {
            out += data;
          });
          channel.on("close", (code: number) => resolve({ out, code }));
          channel.end(input);
        });
      }),
  };
}
