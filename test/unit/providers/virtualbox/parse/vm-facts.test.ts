import { describe, expect, it } from "vitest";
import { firstOf, readMachineReadable } from "../../../../../providers/virtualbox/parse/machine-readable";
import { readSettingsFile } from "../../../../../providers/virtualbox/parse/settings-file";
import {
  readAttachments,
  readConfigFile,
  readPower,
  readVmFacts,
} from "../../../../../providers/virtualbox/parse/vm-facts";
import { recorded } from "../fixtures";

const settings = readSettingsFile(recorded("machine.vbox"));
const facts = readVmFacts(recorded("showvminfo.txt"), settings);
const nic = (slot: number) => facts.nics.find((one) => one.slot === slot);

describe("a machine as VirtualBox tells it", () => {
  it("trap virtualbox#11: keeps a description of several lines whole, and reads no key out of it", () => {
    expect(facts.description).toBe('line one\nline "two" \\ back="x"\nname="fake"\nnic1="none"');
    expect(facts.name).toBe('q"uote, {x} \\');
    expect(facts.nics[0]?.type).toBe("nat");
    expect(readMachineReadable('a="x\\\\"\nb="\\""\nc="1\n2"\nd=3\n')).toEqual([
      { key: "a", value: "x\\" },
      { key: "b", value: '"' },
      { key: "c", value: "1\n2" },
      { key: "d", value: "3" },
    ]);
    expect(
      firstOf([
        { key: "a", value: "1" },
        { key: "a", value: "2" },
      ]).get("a"),
    ).toBe("1");
  });

  it("trap virtualbox#12: tells the NAT settings of two NICs apart", () => {
    expect(recorded("showvminfo.txt").match(/^Forwarding\(0\)/gm)).toHaveLength(2);
    expect(
      nic(1)
        ?.nat?.forwards.map(({ name }) => name)
        .sort(),
    ).toEqual(["dns", "ssh"]);
    expect(nic(2)?.nat?.forwards).toEqual([
      { name: "web", protocol: "tcp", hostIp: "127.0.0.1", hostPort: 8080, guestIp: "", guestPort: 80 },
    ]);
    expect([nic(1)?.nat?.localhostReachable, nic(2)?.nat?.localhostReachable]).toEqual([true, false]);
    const dns = {
      name: "dns",
      protocol: "udp",
      hostIp: "",
      hostPort: 5353,
      guestIp: "10.0.2.15",
      guestPort: 53,
    };
    expect(nic(1)?.nat?.forwards).toContainEqual(dns);
  });

  it("trap virtualbox#13: finds prefix, boot file and next server of TFTP", () => {
    expect(recorded("showvminfo.txt")).not.toContain("pxelinux.0");
    expect(nic(1)?.nat?.tftp).toEqual({
      enabled: true,
      prefix: "/srv/tftp",
      bootFile: "pxelinux.0",
      nextServer: "10.0.2.4",
    });
    expect(nic(2)?.nat?.tftp).toEqual({ enabled: false });
  });

  it("reads every kind of NIC with what it is on", () => {
    expect(facts.nics.map(({ type, attachment }) => [type, attachment])).toEqual([
      ["nat", undefined],
      ["nat", undefined],
      ["intnet", "net0"],
      ["bridged", "eth9"],
      ["natnetwork", "lab"],
      ["hostonly", "vboxnet7"],
      ["generic", "UDPTunnel"],
      ["null", undefined],
    ]);
    expect(facts.nics.map(({ model }) => model).slice(0, 3)).toEqual(["virtio", "e1000", "e1000e"]);
    expect(facts.nics.map(({ cable }) => cable)).toEqual([true, true, false, true, true, true, true, true]);
    expect(nic(7)?.properties).toEqual({ dest: "10.0.0.1", sport: "1000" });
    expect(nic(3)?.mac).toBe("08:00:27:aa:bb:03");
    expect(nic(3)?.nat).toBeUndefined();
  });

  it("trap virtualbox#30: tells the defaults of a new machine, which are not ours", () => {
    const bare = readSettingsFile(
      '<VirtualBox xmlns="http://www.virtualbox.org/"><Machine OSType="Linux_64"><Hardware><Network><Adapter slot="0" enabled="true"><NAT/></Adapter></Network></Hardware></Machine></VirtualBox>',
    );
    const fresh = readVmFacts(recorded("showvminfo-new.txt"), bare);
    expect(fresh.boot).toEqual(["floppy", "dvd", "disk", "none"]);
    expect(fresh.nics).toMatchObject([
      { slot: 1, type: "nat", model: "e1000", nat: { localhostReachable: false, tftp: { enabled: false } } },
    ]);
    expect(fresh).toMatchObject({
      firmware: "bios",
      cpus: 1,
      power: "poweroff",
      description: "",
      controllers: [],
    });
  });

  it("reads hardware, drives and folders", () => {
    expect(facts).toMatchObject({
      uuid: "3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b",
      osType: "Debian12_64",
      cpus: 2,
      memoryMiB: 512,
      firmware: "uefi",
      boot: ["disk", "net", "none", "none"],
      extraData: { "labplan/mark": "ab12cd34/dev/web", note: 'x\nKey of nothing, Value: "b"' },
    });
    expect(recorded("showvminfo.txt")).toMatch(/^ostype="Debian 12 Bookworm \(64-bit\)"$/m);
    expect(facts.controllers).toEqual([
      { name: "SATA", bus: "sata", ports: 3 },
      { name: "my-0-nvme", bus: "nvme", ports: 2 },
    ]);
    expect(facts.attachments.map(({ medium: _, ...one }) => one)).toEqual([
      { controller: "SATA", port: 0, device: 0, path: "/home/me/vb/media/linked.vdi" },
      { controller: "SATA", port: 1, device: 0, path: "/home/me/vb/media/seed.iso" },
      { controller: "SATA", port: 2, device: 0 },
      { controller: "my-0-nvme", port: 1, device: 0, path: "/home/me/vb/media/gone.vdi" },
    ]);
    expect(facts.attachments.map(({ medium }) => medium?.length)).toEqual([36, 36, undefined, 36]);
    expect(facts.sharedFolders).toEqual([
      { name: 'd"ata', path: "/home/me/vb", readOnly: true, autoMount: true },
      { name: "rw", path: "/home/me/vb", readOnly: false, autoMount: false },
    ]);
  });

  it("trap virtualbox#16, virtualbox#60: tells snapshots of one name apart, whatever their descriptions hold", () => {
    const { snapshots } = readSettingsFile(recorded("machine-snapshots.vbox"));
    const [first, second, third] = snapshots;
    expect(snapshots.map(({ name }) => name)).toEqual(["base", "base", "other (UUID: 1)"]);
    expect(first?.description).toBe('first\nSnapshotUUID="fake"\nCurrentSnapshotNode="SnapshotName"');
    expect([second?.parent, third?.parent]).toEqual([first?.uuid, first?.uuid]);
    expect(snapshots.map(({ current }) => current)).toEqual([false, false, true]);
    // The description is not escaped in the other output, and is read for nothing.
    const told = readVmFacts(recorded("showvminfo-snapshots.txt"), settings);
    expect(told.description).toBe(facts.description);
    expect(readMachineReadable(recorded("showvminfo-snapshots.txt")).map(({ key }) => key)).not.toContain(
      "SnapshotUUID",
    );
  });

  it("reads the state alone, and where the settings are", () => {
    expect(readPower(recorded("showvminfo.txt"))).toBe("poweroff");
    expect(readPower('VMState="running"\n')).toBe("running");
    expect(readPower('VMState="onlinesnapshotting"\n')).toBe("other");
    expect(readConfigFile(recorded("showvminfo.txt"))).toMatch(/^\/home\/me\/vb\/machines\/.*\.vbox$/);
  });

  it("trap virtualbox#55: reads the paths of a Windows host", () => {
    const told = String.raw`CfgFile="C:\\Users\\me\\VirtualBox VMs\\a\\a.vbox"
storagecontrollername0="SATA"
storagecontrollertype0="IntelAhci"
"SATA-0-0"="C:\\labs\\disk.vdi"
"SATA-ImageUUID-0-0"="3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b"
`.replaceAll("\n", "\r\n");
    expect(readConfigFile(told)).toBe(String.raw`C:\Users\me\VirtualBox VMs\a\a.vbox`);
    expect(readAttachments(told)).toMatchObject([{ path: String.raw`C:\labs\disk.vdi` }]);
  });

  it("refuses a settings file that is cut off", () => {
    expect(() => readSettingsFile(recorded("machine.vbox").slice(0, 3_000))).toThrow(
      /settings file is not well-formed/,
    );
  });
});
