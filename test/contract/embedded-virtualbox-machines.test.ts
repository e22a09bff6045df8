import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedLab, ensureEmbedded, stopEmbedded } from "../../embedded/start";
import { BootLog } from "../../kickstart/server/log";
import { Registry } from "../../kickstart/server/registry";
import { type BootServer, startBootServer } from "../../kickstart/server/server";
import { writeTftpFolder } from "../../kickstart/server/tftp-folder";
import { writeIso } from "../../providers/seed/iso9660";
import { freePort } from "../systems/loopback";
import { addressOf, connectTo, hasEnded, keyPair, login, makeHome, until } from "./embedded.fixtures";
import { runProgram } from "./embedded-virtualbox-truth.suite";

const PROGRAM = path.join(__dirname, "../../embedded/virtualbox/VBoxManage.cjs");
const MAC = "08:00:27:00:00:01";

describe("machines of the embedded VirtualBox", () => {
  const { home, remove } = makeHome();
  const { privateKey, publicKey } = keyPair();
  let lab: EmbeddedLab;
  let folder = "";
  let bootFolder = "";
  let server: BootServer;
  beforeAll(async () => {
    lab = await ensureEmbedded({ home });
    folder = path.join(lab.home, "virtualbox", "media");
    fs.mkdirSync(folder, { recursive: true });
    bootFolder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-boot-"));
    server = await startBootServer({ folder: bootFolder, bind: "127.0.0.1", httpPort: 0, tftpPort: 0 });
  });
  afterAll(async () => {
    await server?.close();
    await remove();
    fs.rmSync(bootFolder, { recursive: true, force: true });
  });

  const run = (...argv: string[]) => runProgram(process.execPath, [PROGRAM, lab.virtualBoxSocket])(argv);
  const ok = async (...argv: string[]) => {
    const { code, stdout, stderr } = await run(...argv);
    expect([argv.join(" "), code, code === 0 ? "" : stderr]).toEqual([argv.join(" "), 0, ""]);
    return stdout;
  };
  const faults = (rules: object[]) => {
    const file = path.join(lab.home, "faults.json");
    if (rules.length === 0) fs.rmSync(file, { force: true });
    else fs.writeFileSync(file, JSON.stringify(rules), { mode: 0o644 });
  };
  const state = async (vm: string) =>
    /VMState="(.*)"/.exec(await ok("showvminfo", vm, "--machinereadable"))?.[1];
  /** With a seed that lets us in, and a port of the host that leads to its SSH. */
  const machine = async (name: string, options: { userData?: string; settings?: string[] } = {}) => {
    const port = await freePort();
    const iso = path.join(folder, `${name}.iso`);
    const users = `users:\n- name: labplan\n  ssh_authorized_keys:\n  - ${publicKey}\n`;
    fs.writeFileSync(
      iso,
      writeIso("cidata", [
        { name: "user-data", data: Buffer.from(`#cloud-config\n${users}${options.userData ?? ""}`) },
        { name: "meta-data", data: Buffer.from(`instance-id: ${name}-1\nlocal-hostname: ${name}\n`) },
      ]),
      // As root writes it: nobody else may read it, and the daemon is somebody else.
      { mode: 0o600 },
    );
    await ok("createvm", "--name", name, "--ostype", "Linux_64", "--register");
    await ok("storagectl", name, "--name", "SATA", "--add", "sata", "--portcount", "2");
    await ok(
      "storageattach",
      name,
      "--storagectl",
      "SATA",
      "--port",
      "1",
      "--type",
      "dvddrive",
      "--medium",
      iso,
    );
    await ok("modifyvm", name, "--natpf1", `ssh,tcp,127.0.0.1,${port},,22`, ...(options.settings ?? []));
    return port;
  };
  const enter = (port: number) =>
    until("SSH through the forwarded port", async () =>
      login({ address: "127.0.0.1", sshPort: port }, { privateKey }).catch(() => undefined),
    );

  it("answer at their forwarded port, keep their disk when they are off, and are gone when they are deleted", async () => {
    const port = await machine("w1");
    await ok("startvm", "w1", "--type", "headless");
    const first = await enter(port);
    expect(await first.run("hostname; echo kept > /root/file")).toEqual({ out: "w1\n", code: 0 });
    first.end();
    await ok("controlvm", "w1", "poweroff");
    await expect(login({ address: "127.0.0.1", sshPort: port }, { privateKey })).rejects.toThrow();
    await ok("startvm", "w1", "--type", "headless");
    const second = await enter(port);
    expect((await second.run("cat /root/file; poweroff")).out).toContain("kept");
    second.end();
    await until("off by itself", async () => (await state("w1")) === "poweroff");
    await ok("unregistervm", "w1", "--delete");
    expect(fs.readdirSync(path.join(lab.home, "virtualbox", "VirtualBox VMs"))).toEqual([]);
    expect(fs.existsSync(path.join(folder, "w1.iso"))).toBe(true);
  });

  it("go back to what was on their disk when a snapshot was taken", async () => {
    const port = await machine("s1");
    const cycle = async (command: string) => {
      await ok("startvm", "s1", "--type", "headless");
      const there = await enter(port);
      const { out } = await there.run(command);
      there.end();
      await ok("controlvm", "s1", "poweroff");
      return out;
    };
    await cycle("echo one > /root/file");
    await ok("snapshot", "s1", "take", "first");
    expect(await cycle("echo two > /root/file; cat /root/file")).toBe("two\n");
    await ok("snapshot", "s1", "restore", "first");
    expect(await cycle("cat /root/file")).toBe("one\n");
    await ok("unregistervm", "s1", "--delete");
  });

  it("run again after the daemon was stopped, and after it was killed", async () => {
    const port = await machine("w2");
    await ok("startvm", "w2", "--type", "headless");
    (await enter(port)).end();
    await stopEmbedded({ home });
    lab = await ensureEmbedded({ home });
    (await enter(port)).end();
    process.kill(lab.pid, "SIGKILL");
    await until("the end of the daemon", async () => hasEnded(lab.pid));
    lab = await ensureEmbedded({ home });
    expect(await ok("list", "runningvms")).toMatch(/^"w2" \{/);
    (await enter(port)).end();
    await ok("controlvm", "w2", "poweroff");
    await ok("unregistervm", "w2", "--delete");
  });

  it("call home at each boot when their seed says so, over their own network only", async () => {
    const url = `http://10.0.2.2:${server.httpPort}`;
    const { token } = new Registry(bootFolder).begin({
      machine: "w3",
      mac: MAC,
      purpose: "record",
      expiresInS: 600,
    });
    const content = `LABPLAN_BOOT_URL=${url}\\nLABPLAN_BOOT_TOKEN=${token}\\n`;
    await machine("w3", {
      userData: `write_files:\n- path: /etc/labplan/boot.env\n  permissions: "0600"\n  content: "${content}"\n`,
      settings: ["--macaddress1", "080027000001"],
    });
    const booted = () => new BootLog(bootFolder).read().filter(({ stage }) => stage === "booted");
    await ok("startvm", "w3", "--type", "headless");
    const at = await addressOf(home, "w3");
    await new Promise((resolve) => setTimeout(resolve, 500));
    // NAT lets no guest to the host's loopback until it is told to.
    expect(booted()).toEqual([]);
    await ok("controlvm", "w3", "poweroff");
    await ok("modifyvm", "w3", "--nat-localhostreachable1", "on");
    await ok("startvm", "w3", "--type", "headless");
    const [first] = await until("the first call", async () => (booted().length > 0 ? booted() : undefined));
    expect(first).toMatchObject({ machine: "w3", mac: MAC, hostName: "w3", sshHostKey: at.hostKey });
    await ok("controlvm", "w3", "reset");
    const [, second] = await until("the second call", async () =>
      booted().length > 1 ? booted() : undefined,
    );
    expect(second?.bootId).not.toBe(first?.bootId);
    await ok("controlvm", "w3", "poweroff");
    await ok("unregistervm", "w3", "--delete");
  });

  it("install themselves from NAT's TFTP, although the folder is their caller's alone, and boot from their disk then", async () => {
    const url = `http://10.0.2.2:${server.httpPort}`;
    const installer = path.join(bootFolder, "installer");
    fs.writeFileSync(installer, "an installer");
    const registered = new Registry(bootFolder).begin({
      machine: "img",
      mac: MAC,
      purpose: "install",
      expiresInS: 600,
      install: ({ token }) => ({
        installer: "kickstart",
        text: `labplan_url=${url}\nlabplan_token=${token}\npoweroff\n`,
        kernel: installer,
        initrd: installer,
        cmdline: `inst.ks=${url}/config/${token}/ks.cfg`,
      }),
    });
    const tftp = path.join(bootFolder, "tftp");
    const loaders = path.join(bootFolder, "loaders");
    fs.mkdirSync(loaders);
    for (const name of ["pxelinux.0", "ldlinux.c32"])
      fs.writeFileSync(path.join(loaders, name), "a boot loader");
    if (!registered.install) throw new Error("nothing to install");
    await writeTftpFolder(tftp, { ...registered, install: registered.install }, { bootLoaders: loaders });
    const port = await machine("img", {
      settings: [
        ...["--macaddress1", "080027000001", "--nat-localhostreachable1", "on", "--nat-enable-tftp1", "on"],
        ...["--nat-tftp-prefix1", tftp, "--nat-tftp-file1", "pxelinux.0"],
        ...["--boot1", "disk", "--boot2", "net", "--boot3", "none"],
      ],
    });
    const disk = path.join(folder, "img.vdi");
    await ok("createmedium", "disk", "--filename", disk, "--size", "100");
    await ok(
      "storageattach",
      "img",
      "--storagectl",
      "SATA",
      "--port",
      "0",
      "--type",
      "hdd",
      "--medium",
      disk,
    );
    await ok("startvm", "img", "--type", "headless");
    await until("the end of the installation", async () => (await state("img")) === "poweroff");
    const events = new BootLog(bootFolder).read().filter(({ machine: of }) => of === "img");
    expect(events.map(({ stage }) => stage)).toEqual(["config", "pre", "installed"]);
    await ok("startvm", "img", "--type", "headless");
    (await enter(port)).end();
    await ok("controlvm", "img", "poweroff");
    await ok("unregistervm", "img", "--delete");
    expect(fs.existsSync(disk)).toBe(false);
  });

  it("fail by script as VBoxManage would", async () => {
    faults([
      { procedure: "vbox:list", nth: 1, do: "error", code: 1, message: "The object is not ready" },
      { procedure: "vbox:list", nth: 2, do: "close" },
      { procedure: "vbox:createvm", nth: 1, do: "error", after: true, message: "lost\nDetails: code X" },
      { procedure: "vbox:unregistervm", do: "lie" },
    ]);
    expect(await run("list", "vms")).toEqual({
      code: 1,
      stdout: "",
      stderr: "VBoxManage: error: The object is not ready\n",
    });
    expect(await run("list", "vms")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("NS_ERROR_CALL_FAILED"),
    });
    const lost = await run("createvm", "--name", "f1", "--register");
    expect(lost).toEqual({
      code: 1,
      stdout: "",
      stderr: "VBoxManage: error: lost\nVBoxManage: error: Details: code X\n",
    });
    await ok("unregistervm", "f1", "--delete");
    expect(await ok("list", "vms")).toMatch(/^"f1"/);
    faults([{ procedure: "vbox:list", do: "hang" }]);
    const hung = run("list", "vms").then(() => "answered");
    // One that hangs holds nobody else up.
    expect(await ok("showvminfo", "f1", "--machinereadable")).toContain('name="f1"');
    expect(await Promise.race([hung, Promise.resolve("hangs")])).toBe("hangs");
    faults([]);
    await ok("unregistervm", "f1", "--delete");
  });

  it("do not disturb the domains of the embedded libvirt", async () => {
    const client = await connectTo(home);
    expect(await client.domains()).toEqual([]);
    await client.close();
  });
});
