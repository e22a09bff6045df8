import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHost } from "../../providers/virtualbox/connect";
import { vboxManageClient } from "../../providers/virtualbox/vboxmanage-client";
import { available, startVirtualBox, type VirtualBox } from "../systems/virtualbox/start";
import { fresh } from "./virtualbox-client.fixtures";

const reason = available();
const ROOT = path.resolve(__dirname, "..", "..");

describe.skipIf(reason && !process.env.CI)(
  `the private VirtualBox${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let virtualBox: VirtualBox;
    beforeAll(async () => {
      virtualBox = await startVirtualBox();
    });
    afterAll(() => virtualBox?.stop());

    it("trap virtualbox#3: needs a socket of its own besides a home of its own", async () => {
      const client = vboxManageClient(await openHost(virtualBox.backend));
      const vm = await client.createVm({
        name: fresh("m"),
        uuid: randomUUID(),
        osType: "Linux_64",
        folder: virtualBox.folder,
      });
      const [, socket = ""] =
        /VBOX_IPC_SOCKETID=(\S+)/.exec(fs.readFileSync(virtualBox.vboxManage, "utf8")) ?? [];
      const list = (id: string) => {
        const [program = "", ...words] = virtualBox.enter;
        const env = ["LANG=C", "HOME=/tmp/other", "VBOX_USER_HOME=/tmp/other", `VBOX_IPC_SOCKETID=${id}`];
        const argv = [...words, ...env, "/usr/lib/virtualbox/VBoxManage", "list", "vms"];
        return execFileSync(program, argv, { encoding: "utf8" });
      };
      // With the other's socket, another home is of no use.
      expect(list(socket)).toContain(vm.uuid);
      expect(list("labplan-other")).toBe("");
      expect(await seenBeside()).toEqual([]);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#1: is understood through VirtualBox's own wrapper, too", async () => {
      const other = await startVirtualBox({ wrapper: true });
      try {
        const said = execFileSync(other.vboxManage, ["--version"], { encoding: "utf8", env: { LANG: "C" } });
        expect(said).toMatch(/^WARNING: /);
        const client = vboxManageClient(await openHost(other.backend));
        expect(await client.version()).toMatch(/^7\.\S+$/);
        const vm = await client.createVm({
          name: fresh("w"),
          uuid: randomUUID(),
          osType: "Linux_64",
          folder: other.folder,
        });
        expect(await client.vms()).toEqual([vm]);
        expect(await client.vm(vm.uuid)).toMatchObject(vm);
        await client.setExtraData(vm.uuid, "k", "v");
        expect(await client.extraData(vm.uuid)).toEqual({ k: "v" });
      } finally {
        await other.stop();
      }
    });

    it("trap virtualbox#34, virtualbox#35: makes machines for two runs at once without an error", async () => {
      const code = (prefix: string) => `require("tsx/cjs");
      const { openHost } = require("./providers/virtualbox/connect");
      const { vboxManageClient } = require("./providers/virtualbox/vboxmanage-client");
      (async () => {
        const client = vboxManageClient(await openHost(${JSON.stringify(virtualBox.backend)}));
        const folder = ${JSON.stringify(virtualBox.folder)};
        await Promise.all(Array.from({ length: 6 }, async (_, at) => {
          const uuid = require("node:crypto").randomUUID();
          await client.createVm({ name: "${prefix}-" + at, uuid, osType: "Linux_64", folder });
          await client.modifyVm(uuid, { cpus: 2, memoryMiB: 64 });
          if ((await client.vm(uuid)).cpus !== 2) throw new Error("not written");
          await client.deleteVm(uuid);
        }));
      })().catch((error) => { console.error(error); process.exitCode = 1; });`;
      const runs = ["a", "b"].map(
        (prefix) =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, ["-e", code(prefix)], {
              cwd: ROOT,
              stdio: ["ignore", "ignore", "pipe"],
            });
            let said = "";
            child.stderr.on("data", (chunk: Buffer) => {
              said += chunk;
            });
            child.once("exit", (exit) => resolve(exit === 0 ? "" : `exit ${exit}: ${said}`));
          }),
      );
      expect(await Promise.all(runs)).toEqual(["", ""]);
      const client = vboxManageClient(await openHost(virtualBox.backend));
      expect(await client.vms()).toEqual([]);
      expect(await client.listFolder(virtualBox.folder)).toEqual([]);
    }, 120_000);

    it("stops with its VBoxSVC, and leaves no folder and no mount", async () => {
      const own = await startVirtualBox();
      const client = vboxManageClient(await openHost(own.backend));
      await client.vms();
      const [service = 0] = own.services();
      expect(service).toBeGreaterThan(0);
      await own.stop();
      expect(fs.existsSync(`/proc/${service}`)).toBe(false);
      expect(fs.existsSync(path.dirname(own.folder))).toBe(false);
      expect(fs.readFileSync("/proc/self/mounts", "utf8")).not.toContain(path.dirname(own.folder));
    });

    it("dies with a test run that is killed, whose folder the next start sweeps", async () => {
      const code = `require("tsx/cjs"); require(${JSON.stringify(path.join(__dirname, "../systems/virtualbox/start.ts"))})
      .startVirtualBox().then((v) => {
        require("node:child_process").execFileSync(v.vboxManage, ["list", "vms"]);
        console.log(v.folder, v.services()[0]);
        setInterval(() => {}, 1000);
      });`;
      const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
      const [folder = "", service = ""] = await new Promise<string[]>((resolve) => {
        child.stdout.once("data", (line: Buffer) => resolve(`${line}`.trim().split(" ")));
      });
      expect(fs.existsSync(`/proc/${service}`)).toBe(true);
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
      await expect.poll(() => fs.existsSync(`/proc/${service}`), { timeout: 10_000 }).toBe(false);
      expect(fs.existsSync(folder)).toBe(true);
      await (await startVirtualBox()).stop();
      expect(fs.existsSync(folder)).toBe(false);
    });

    /** What a second private VirtualBox sees, beside this one. */
    async function seenBeside(): Promise<unknown> {
      const other = await startVirtualBox();
      try {
        return await vboxManageClient(await openHost(other.backend)).vms();
      } finally {
        await other.stop();
      }
    }
  },
);
