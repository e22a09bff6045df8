import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Journal } from "../../../../embedded/journal";
import type { GuestAddress, GuestHardware, Guests } from "../../../../embedded/libvirt/store/guests";
import { runCommand } from "../../../../embedded/virtualbox/interpreter";
import { Session } from "../../../../embedded/virtualbox/session";
import { VirtualBox } from "../../../../embedded/virtualbox/store/virtualbox";
import { writeIso } from "../../../../providers/seed/iso9660";
import { freePort } from "../../../systems/loopback";

/** What runs inside the machines: here nothing but a note of what was asked for. */
class NotedGuests implements Guests {
  readonly booted: GuestHardware[] = [];
  readonly killed: string[] = [];
  readonly kept: string[] = [];
  exits = new Map<string, (how: "poweroff" | "reboot") => void>();
  at: GuestAddress | undefined;
  hostNameOf = (): undefined => undefined;
  async boot(hardware: GuestHardware, onExit: (how: "poweroff" | "reboot") => void): Promise<void> {
    this.booted.push(hardware);
    this.exits.set(hardware.uuid, onExit);
  }
  async kill(uuid: string): Promise<void> {
    this.killed.push(uuid);
  }
  pause(): void {}
  address = (): GuestAddress | undefined => this.at;
  console(): never {
    throw new Error("not asked for");
  }
  async forget(uuid: string): Promise<void> {
    this.killed.push(`forgotten ${uuid}`);
  }
  async keep(uuid: string, snapshot: string): Promise<void> {
    this.kept.push(`keep ${uuid} ${snapshot}`);
  }
  async restore(uuid: string, snapshot: string): Promise<void> {
    this.kept.push(`restore ${uuid} ${snapshot}`);
  }
  async release(uuid: string, snapshot: string): Promise<void> {
    this.kept.push(`release ${uuid} ${snapshot}`);
  }
}

describe("the embedded VirtualBox", () => {
  const A = "6ad1ee2b-0000-4000-8000-000000000001";
  let folder = "";
  let guests: NotedGuests;
  let journal: Journal;
  let virtualBox: VirtualBox;
  const open = () => {
    journal = new Journal(path.join(folder, "journal"));
    virtualBox = new VirtualBox({ journal, home: path.join(folder, "home"), guests });
  };
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-vbox-"));
    guests = new NotedGuests();
    open();
  });
  afterEach(async () => {
    await virtualBox.power.close();
    journal.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const run = async (...argv: string[]) => {
    let [out, err] = ["", ""];
    const session = new Session("/", (piece) => {
      out += piece.out ?? "";
      err += piece.err ?? "";
    });
    const code = await runCommand(virtualBox, session, argv);
    return { code, out, err };
  };
  const ok = async (...argv: string[]) => {
    const { code, out, err } = await run(...argv);
    expect([argv.join(" "), code, code === 0 ? "" : err]).toEqual([argv.join(" "), 0, ""]);
    return out;
  };
  const info = async (vm: string) =>
    Object.fromEntries(
      (await ok("showvminfo", vm, "--machinereadable")).split("\n").flatMap((line) => {
        const [, key, value] = /^"?([^"=]+)"?="?(.*?)"?$/.exec(line) ?? [];
        return key === undefined ? [] : [[key, value ?? ""]];
      }),
    );
  const disk = (name: string) => path.join(folder, `${name}.vdi`);
  const machine = async (name = "a", uuid = A) => {
    await ok("createvm", "--name", name, "--uuid", uuid, "--ostype", "Linux_64", "--register");
    // What was inside an earlier machine of this UUID is gone.
    expect(guests.killed.splice(0)).toEqual([`forgotten ${uuid}`]);
    await ok("storagectl", name, "--name", "SATA", "--add", "sata", "--portcount", "4");
  };
  const attach = (vm: string, port: number, type: string, medium: string) =>
    ok(
      "storageattach",
      vm,
      "--storagectl",
      "SATA",
      "--port",
      `${port}`,
      "--device",
      "0",
      "--type",
      type,
      "--medium",
      medium,
    );
  const start = async (vm: string) => {
    const before = guests.booted.length;
    await ok("startvm", vm, "--type", "headless");
    await vi.waitFor(() => expect(guests.booted.length).toBe(before + 1));
    return guests.booted.at(-1) as GuestHardware;
  };

  it("knows after a kill all that it confirmed", async () => {
    await machine();
    await ok("modifyvm", "a", "--cpus", "3", "--natpf1", "ssh,tcp,127.0.0.1,2222,,22");
    await ok("setextradata", "a", "labplan/mark", "m");
    await ok("createmedium", "disk", "--filename", disk("d"), "--size", "10");
    await attach("a", 0, "hdd", disk("d"));
    await ok("natnetwork", "add", "--netname", "n", "--network", "10.7.0.0/24", "--enable");
    const before = [await info("a"), await ok("list", "hdds"), await ok("list", "natnets")];
    // Not closed: what is not in the journal by now is lost.
    open();
    expect([await info("a"), await ok("list", "hdds"), await ok("list", "natnets")]).toEqual(before);
    expect(await ok("getextradata", "a", "labplan/mark")).toBe("Value: m\n");
  });

  it("forgets what was only looked at, as VBoxSVC does seconds after its last client", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    fs.writeFileSync(path.join(folder, "raw"), Buffer.alloc(1 << 20, 1));
    await ok("convertfromraw", path.join(folder, "raw"), disk("c"));
    await ok("showmediuminfo", "disk", disk("c"));
    expect(await ok("list", "hdds")).toContain(disk("c"));
    vi.setSystemTime(Date.now() + 7_000);
    expect(await ok("list", "hdds")).not.toContain(disk("c"));
    vi.useRealTimers();
  });

  it("starts a machine with its cards, media and boot order, and locks its settings", async () => {
    await machine();
    const iso = path.join(folder, "seed.iso");
    fs.writeFileSync(iso, writeIso("cidata", [{ name: "user-data", data: Buffer.from("#cloud-config\n") }]));
    await attach("a", 1, "dvddrive", iso);
    await ok("modifyvm", "a", "--boot1", "net", "--boot2", "disk", "--macaddress1", "080027000001");
    const hardware = await start("a");
    expect(hardware).toMatchObject({
      uuid: A,
      name: "a",
      media: [iso],
      nics: [{ mac: "08:00:27:00:00:01" }],
      bootOrder: ["network", "disk", "disk"],
    });
    expect(await ok("list", "runningvms")).toBe(`"a" {${A}}\n`);
    expect((await info("a")).VMState).toBe("running");
    const { code, err } = await run("modifyvm", "a", "--cpus", "2");
    expect([code, err]).toEqual([1, expect.stringContaining("already locked for a session")]);
    expect((await run("startvm", "a")).err).toContain("is already locked by a session");
    expect((await run("unregistervm", "a", "--delete")).err).toContain("while it is locked");
    await ok("controlvm", "a", "poweroff");
    expect([(await info("a")).VMState, guests.killed]).toEqual(["poweroff", [A]]);
  });

  it("is off when the guest goes down by itself or by its power button, and boots again when that reboots", async () => {
    await machine();
    await start("a");
    guests.exits.get(A)?.("reboot");
    await vi.waitFor(() => expect(guests.booted.length).toBe(2));
    expect((await info("a")).VMState).toBe("running");
    await ok("controlvm", "a", "acpipowerbutton");
    await vi.waitFor(async () => expect((await info("a")).VMState).toBe("poweroff"));
  });

  it("boots what ran when the last daemon ended", async () => {
    await machine();
    await start("a");
    await virtualBox.power.close();
    open();
    virtualBox.resume();
    await vi.waitFor(() => expect(guests.booted.length).toBe(2));
  });

  it("refuses to start without a disk's file, and with a host-only card on nothing", async () => {
    await machine();
    await ok("createmedium", "disk", "--filename", disk("d"), "--size", "10");
    await attach("a", 0, "hdd", disk("d"));
    fs.renameSync(disk("d"), disk("gone"));
    expect((await run("startvm", "a")).err).toContain("VERR_FILE_NOT_FOUND");
    fs.renameSync(disk("gone"), disk("d"));
    await ok("modifyvm", "a", "--nic1", "hostonly", "--hostonlyadapter1", "vboxnet3");
    expect((await run("startvm", "a")).err).toContain(
      "Nonexistent host networking interface, name 'vboxnet3'",
    );
  });

  it("leads a forwarded port to the guest while it runs, and only then", async () => {
    const port = await freePort();
    const guest = net.createServer((link) => link.end("hello"));
    await new Promise<void>((resolve) => guest.listen(0, "127.0.0.1", resolve));
    const sshPort = (guest.address() as net.AddressInfo).port;
    await machine();
    await ok("modifyvm", "a", "--natpf1", `ssh,tcp,127.0.0.1,${port},,22`);
    guests.at = { address: "127.0.0.1", sshPort, hostKey: "k" };
    expect(await read(port)).toBe("refused");
    await start("a");
    await vi.waitFor(async () => expect(await read(port)).toBe("hello"));
    await ok("controlvm", "a", "natpf1", "delete", "ssh");
    await vi.waitFor(async () => expect(await read(port)).toBe("refused"));
    await ok("controlvm", "a", "natpf1", `again,tcp,,${port},,22`);
    await vi.waitFor(async () => expect(await read(port)).toBe("hello"));
    await ok("controlvm", "a", "poweroff");
    await vi.waitFor(async () => expect(await read(port)).toBe("refused"));
    guest.close();
  });

  it("leads a NAT network's port to the guest that has the address, by DHCP or by its seed", async () => {
    const [port, other] = [await freePort(), await freePort()];
    const guest = net.createServer((link) => link.end("hello"));
    await new Promise<void>((resolve) => guest.listen(0, "127.0.0.1", resolve));
    guests.at = { address: "127.0.0.1", sshPort: (guest.address() as net.AddressInfo).port, hostKey: "k" };
    await machine();
    await ok("natnetwork", "add", "--netname", "n", "--network", "10.7.0.0/24", "--enable", "--dhcp", "on");
    const rule = (name: string, from: number, to: string) =>
      ok(
        "natnetwork",
        "modify",
        "--netname",
        "n",
        "--port-forward-4",
        `${name}:tcp:[127.0.0.1]:${from}:[${to}]:22`,
      );
    await rule("a", port, "10.7.0.9");
    await rule("b", other, "10.7.0.10");
    await ok("modifyvm", "a", "--nic1", "natnetwork", "--nat-network1", "n", "--macaddress1", "080027000001");
    await ok(
      "dhcpserver",
      "add",
      "--network",
      "n",
      "--server-ip",
      "10.7.0.3",
      "--netmask",
      "255.255.255.0",
      "--lower-ip",
      "10.7.0.100",
      "--upper-ip",
      "10.7.0.200",
      "--enable",
    );
    await ok(
      "dhcpserver",
      "modify",
      "--network",
      "n",
      "--mac-address",
      "08:00:27:00:00:01",
      "--fixed-address",
      "10.7.0.9",
    );
    const hardware = await start("a");
    expect(hardware.nics).toEqual([{ mac: "08:00:27:00:00:01", ip: "10.7.0.9" }]);
    await vi.waitFor(async () => expect(await read(port)).toBe("hello"));
    expect(await read(other)).toBe("refused");
    guest.close();
  });

  it("lets a guest reach its host where VirtualBox does, and nowhere else", async () => {
    await machine();
    const host = async (...settings: string[]) => {
      if (settings.length > 0) await ok("modifyvm", "a", ...settings);
      const hardware = await start("a");
      await ok("controlvm", "a", "poweroff");
      return ["10.0.2.2", "10.7.0.2", "192.168.56.1", "8.8.8.8"].filter((address) =>
        hardware.isHost?.(address),
      );
    };
    expect(await host()).toEqual([]);
    expect(await host("--nat-localhostreachable1", "on")).toEqual(["10.0.2.2"]);
    await ok("natnetwork", "add", "--netname", "n", "--network", "10.7.0.0/24", "--enable");
    expect(await host("--nic1", "natnetwork", "--nat-network1", "n")).toEqual(["10.7.0.2"]);
    expect(await ok("hostonlyif", "create")).toContain("Interface 'vboxnet0' was successfully created");
    expect(await host("--nic1", "hostonly", "--hostonlyadapter1", "vboxnet0")).toEqual(["192.168.56.1"]);
    expect(await host("--nic1", "intnet")).toEqual([]);
  });

  it("boots from NAT's TFTP only once that is enabled", async () => {
    await machine();
    await ok(
      "modifyvm",
      "a",
      "--nat-tftp-prefix1",
      folder,
      "--nat-tftp-file1",
      "pxelinux.0",
      "--macaddress1",
      "080027000001",
    );
    expect((await start("a")).netboot).toBeUndefined();
    await ok("controlvm", "a", "poweroff");
    await ok("modifyvm", "a", "--nat-enable-tftp1", "on");
    expect((await start("a")).netboot).toEqual({
      mac: "08:00:27:00:00:01",
      via: "tftp",
      prefix: folder,
      bootFile: "pxelinux.0",
    });
  });

  it("has blank disks until something is installed; a linked clone of an installed one is not blank", async () => {
    await machine();
    await ok("createmedium", "disk", "--filename", disk("base"), "--size", "10");
    await attach("a", 0, "hdd", disk("base"));
    const { disk: boot } = await start("a");
    expect(boot?.isBlank()).toBe(true);
    boot?.install();
    expect(boot?.isBlank()).toBe(false);
    await ok("controlvm", "a", "poweroff");
    await ok(
      "createmedium",
      "disk",
      "--filename",
      disk("clone"),
      "--diffparent",
      disk("base"),
      "--format",
      "VDI",
    );
    await ok("clonemedium", "disk", disk("base"), disk("full"));
    await ok("createmedium", "disk", "--filename", disk("other"), "--size", "10");
    const blank = async (name: string) => {
      await attach("a", 0, "hdd", disk(name));
      const hardware = await start("a");
      await ok("controlvm", "a", "poweroff");
      return hardware.disk?.isBlank();
    };
    expect([await blank("clone"), await blank("full"), await blank("other")]).toEqual([false, false, true]);
  });

  it("keeps, gives back and throws away what is inside with each snapshot", async () => {
    await machine();
    await ok("snapshot", "a", "take", "one");
    const one = /SnapshotUUID="(.*)"/.exec(await ok("snapshot", "a", "list", "--machinereadable"))?.[1];
    await ok("snapshot", "a", "restore", "one");
    await ok("snapshot", "a", "delete", `${one}`);
    expect(guests.kept).toEqual([`keep ${A} ${one}`, `restore ${A} ${one}`, `release ${A} ${one}`]);
    await ok("unregistervm", "a", "--delete");
    expect(guests.killed).toEqual([`forgotten ${A}`]);
  });

  it("writes the settings file that tells NAT settings by card", async () => {
    await machine();
    await ok(
      "modifyvm",
      "a",
      "--natpf1",
      "x<&>,tcp,127.0.0.1,2222,,22",
      "--nic2",
      "nat",
      "--nat-tftp-prefix2",
      "/t",
    );
    const text = fs.readFileSync((await info("a")).CfgFile ?? "", "utf8");
    expect(text).toContain(
      '<Forwarding name="x&lt;&amp;&gt;" proto="1" hostip="127.0.0.1" hostport="2222" guestport="22"/>',
    );
    expect(text).toMatch(/slot="1"[\s\S]*<TFTP prefix="\/t"\/>/);
  });

  const read = (port: number): Promise<string> =>
    new Promise((resolve) => {
      let text = "";
      const link = net.connect(port, "127.0.0.1");
      link.on("data", (data) => {
        text += data.toString();
      });
      link.on("error", () => resolve("refused"));
      link.on("close", () => resolve(text));
    });
});
