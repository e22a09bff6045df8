import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { randomBytes, randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive } from "../../providers/core/processes";
import { VBoxManageMissing, type VirtualBoxClient, VirtualBoxHangs } from "../../providers/virtualbox/client";
import { type HostSettings, openHost } from "../../providers/virtualbox/connect";
import { vboxManageClient } from "../../providers/virtualbox/vboxmanage-client";
import type { VirtualBoxBackend } from "../../stacks/config/types";
import { type Sshd, available as sshdAvailable, startSshd } from "../systems/ssh/start";
import {
  startVirtualBox,
  type VirtualBox,
  available as virtualBoxAvailable,
} from "../systems/virtualbox/start";
import { fresh, MIB } from "./virtualbox-client.fixtures";

const reason = virtualBoxAvailable() ?? sshdAvailable();

describe.skipIf(reason && !process.env.CI)(
  `VirtualBox on another host${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let virtualBox: VirtualBox;
    let sshd: Sshd;
    const clients: VirtualBoxClient[] = [];
    const backend = (more: Partial<VirtualBoxBackend> = {}): VirtualBoxBackend => ({
      kind: "virtualbox",
      host: `ssh://${sshd.user}@127.0.0.1:${sshd.port}`,
      hostKey: sshd.hostKey,
      identityFile: sshd.identityFile,
      vboxManage: virtualBox.vboxManage,
      ...more,
    });
    const connect = async (more?: Partial<VirtualBoxBackend>, settings?: HostSettings) => {
      const client = vboxManageClient(await openHost(backend(more), settings));
      clients.push(client);
      return client;
    };
    /** A program that stands in for VBoxManage there. */
    const program = (script: string): string => {
      const file = path.join(sshd.folder, fresh("vboxmanage"));
      fs.writeFileSync(file, `#!/bin/sh\n[ "$2" = runningvms ] && exit\n${script}\n`, { mode: 0o755 });
      return file;
    };

    beforeAll(async () => {
      virtualBox = await startVirtualBox();
      sshd = await startSshd();
    });
    afterAll(async () => {
      for (const client of clients) await client.close();
      await sshd?.stop();
      await virtualBox?.stop();
    });

    it("makes a machine, whatever its words hold, and reads its settings file from there", async () => {
      const client = await connect();
      expect(client.label).toBe(`VirtualBox on 127.0.0.1:${sshd.port}`);
      expect(client.via).toMatchObject({ host: "127.0.0.1", port: sshd.port, user: sshd.user });
      const name = fresh(`it's "a" $(b) \`c\` ü \\`);
      const vm = await client.createVm({
        name,
        uuid: randomUUID(),
        osType: "Debian_64",
        folder: virtualBox.folder,
      });
      const description = "line 'one'\n$HOME \\ \"two\"";
      const nics = [
        {
          slot: 1,
          type: "nat" as const,
          forwards: [{ name: "ssh", protocol: "tcp" as const, hostPort: 2222, guestPort: 22 }],
        },
      ];
      await client.modifyVm(vm.uuid, { description, cpus: 2, nics });
      const facts = await client.vm({ name });
      expect(facts).toMatchObject({ name, description, cpus: 2, osType: "Debian_64" });
      expect(facts?.nics[0]?.nat?.forwards).toMatchObject([{ name: "ssh", hostPort: 2222 }]);
      expect(await client.vm("99999999-fe74-4d77-bb14-aa02c1c394e6")).toBeUndefined();
      await expect(client.start(vm.uuid)).rejects.toThrow(
        /^VirtualBox on 127.0.0.1:\d+: no machine can be started there, because .* vboxdrv/,
      );
      await client.deleteVm(vm.uuid);
      expect(await client.listFolder(virtualBox.folder)).toEqual([]);
    });

    it("sends an image there, makes a disk of it, and tells the progress of its copy", async () => {
      const client = await connect();
      const { folder } = virtualBox.backend;
      await client.makeFolder(folder);
      const image = randomBytes(5 * MIB + 512);
      const [raw, first, copy] = ["it's.raw", "a b.vdi", "copy.vdi"].map((name) =>
        client.join(folder, name),
      ) as [string, string, string];
      let sent = 0;
      const pieces = Readable.from([
        image.subarray(0, MIB),
        image.subarray(MIB, 4 * MIB),
        image.subarray(4 * MIB),
      ]);
      await client.putFile(raw, pieces, {
        onProgress: (bytes) => {
          sent = bytes;
        },
      });
      expect(sent).toBe(image.length);
      expect(await client.fileSize(raw)).toBe(image.length);
      expect((await client.readFile(raw))?.equals(image)).toBe(true);
      expect(fs.statSync(raw).mode & 0o777).toBe(0o600);
      await client.convertFromRaw({ source: raw, path: first });
      const seen: number[] = [];
      await client.cloneMedium(
        { source: first, path: copy },
        { onProgress: (percent) => seen.push(percent) },
      );
      expect(seen.at(-1)).toBe(100);
      expect((await client.medium("disk", copy))?.accessible).toBe(true);
      for (const disk of [first, copy]) await client.closeMedium("disk", disk, { deleteFile: true });
      await client.removeFile(raw);
      expect(await client.listFolder(folder)).toEqual([]);
      await client.removeEmptyFolder(folder);
      expect(await client.fileExists(folder)).toBe(false);
    });

    it("keeps the old file when a new one breaks off, and says what cannot be written", async () => {
      const client = await connect();
      const file = path.join(sshd.folder, "whole");
      await client.putFile(file, "whole");
      const broken = Readable.from(
        (async function* () {
          yield randomBytes(MIB);
          throw new Error("the download broke");
        })(),
      );
      await expect(client.putFile(file, broken)).rejects.toThrow(/the download broke/);
      expect(`${await client.readFile(file)}`).toBe("whole");
      expect(await client.fileExists(`${file}.labplan-part`)).toBe(false);
      await expect(client.putFile("/nosuch/file", "x")).rejects.toThrow(/\/nosuch\/file cannot be written/);
      const stopped = client.putFile(file, Readable.from(forever()), { signal: AbortSignal.timeout(300) });
      await expect(stopped).rejects.toThrow(/timeout|abort/i);
    });

    it("finds VBoxManage there, or says that there is none", async () => {
      const folder = path.join(sshd.folder, "bin");
      fs.mkdirSync(folder);
      const { vboxManage: _, ...plain } = backend();
      const none = vboxManageClient(await openHost(plain));
      clients.push(none);
      const error = await none.vms().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(VBoxManageMissing);
      expect((error as Error).message).toMatch(
        /no VBoxManage there.*Install VirtualBox, or name the program by vboxManage:/,
      );
      fs.symlinkSync(virtualBox.vboxManage, path.join(folder, "VBoxManage"));
      const other = await startSshd({ config: [`SetEnv PATH=${folder}:/usr/bin:/bin`] });
      const host = `ssh://${other.user}@127.0.0.1:${other.port}`;
      const found = vboxManageClient(
        await openHost({ ...plain, host, hostKey: other.hostKey, identityFile: other.identityFile }),
      );
      expect(await found.version()).toMatch(/^7\./);
      await found.close();
      await other.stop();
    });

    it("trap virtualbox#39: gives up one that hangs there, ends it, and leaves its server alone", async () => {
      const [server, hung] = [path.join(sshd.folder, "server"), path.join(sshd.folder, "hung")];
      const script = `setsid sleep 60 & echo $! > ${server}; echo $$ > ${hung}; exec sleep 60`;
      const client = await connect({ vboxManage: program(script) }, { deadlineMs: 2_000 });
      await expect(client.vms()).rejects.toBeInstanceOf(VirtualBoxHangs);
      const pid = (file: string) => Number(fs.readFileSync(file, "utf8"));
      await expect.poll(() => isAlive(pid(hung)), { timeout: 10_000 }).toBe(false);
      expect(isAlive(pid(server))).toBe(true);
      process.kill(pid(server), "SIGKILL");
    });

    it("trap virtualbox#40: waits for a long operation while it tells of progress, and not longer", async () => {
      const script =
        'for p in 0 20 40 60 80; do printf "$p%%..." >&2; sleep 0.3; done; [ "$2" = slow ] && sleep 30; exit 0';
      const client = await connect({ vboxManage: program(script) }, { deadlineMs: 900 });
      const seen: number[] = [];
      await client.exportVm("quick", "/x.ova", { onProgress: (percent) => seen.push(percent) });
      expect(seen).toEqual([0, 20, 40, 60, 80]);
      await expect(client.exportVm("slow", "/x.ova")).rejects.toThrow(
        /VBoxSVC does not answer .*nothing for 0.9 s/,
      );
    });

    it("logs in again after the connection broke, and lets an idle one go", async () => {
      const client = await connect();
      const version = await client.version();
      sshd.endSessions();
      await expect.poll(() => client.version().catch(() => undefined), { timeout: 20_000 }).toBe(version);
      await expect.poll(() => sshd.sessions(), { timeout: 20_000, interval: 200 }).toBe(0);
      expect(await client.version()).toBe(version);
    });

    it("does not talk to a host with another key, and refuses what is no address", async () => {
      const other = await startSshd();
      const client = await connect({ hostKey: other.hostKey });
      await expect(client.vms()).rejects.toMatchObject({ reason: "host-key" });
      await other.stop();
      for (const host of ["rack1", "http://rack1", "ssh://me:pw@rack1"])
        await expect(openHost(backend({ host }))).rejects.toThrow(
          /is no place for VirtualBox|holds a password/,
        );
    });
  },
);

function* forever(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(64 * 1024);
}
