import { describe, expect, it } from "vitest";
import type { DomainInputs } from "../../../../../providers/libvirt/domain";
import { domainElement, placedDisks, renderDomain } from "../../../../../providers/libvirt/xml/domain";
import { readDomain } from "../../../../../providers/libvirt/xml/domain-facts";
import { find, render } from "../../../../../providers/libvirt/xml/element";
import { parseXml } from "../../../../../providers/libvirt/xml/parse";

const inputs: DomainInputs = {
  name: "w1",
  uuid: "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2",
  backend: "rack",
  hostName: "w1",
  cpus: 2,
  memoryMiB: 2048,
  firmware: "bios",
  accel: "auto",
  boot: ["hd", "network"],
  disks: [{ volume: "lp-a-b-w1", pool: "lp-a-b-p", format: "qcow2" }],
  nics: [{ mac: "52:54:00:00:00:01", network: "admin", ip: "10.20.0.11" }],
  running: true,
  autostart: false,
  wait: { for: "none" },
};
const mark = { lab: "k3v9q2x7", stack: "dev", name: "w1" };
const seed = { pool: "lp-a-b-p", volume: "lp-a-b-w1-seed.iso" };

describe("the definition of a domain", () => {
  it("is the same text every time", () => {
    expect(
      renderDomain(inputs, mark, { accel: "tcg", seed, consoleLog: "/var/log/libvirt/w1.log" }),
    ).toMatchInlineSnapshot(`
        "<domain type="qemu">
          <name>w1</name>
          <uuid>0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2</uuid>
          <metadata>
            <labplan:mark xmlns:labplan="https://labplan.dev/mark" lab="k3v9q2x7" stack="dev" name="w1"/>
          </metadata>
          <memory unit="MiB">2048</memory>
          <currentMemory unit="MiB">2048</currentMemory>
          <vcpu>2</vcpu>
          <os>
            <type arch="x86_64" machine="q35">hvm</type>
            <boot dev="hd"/>
            <boot dev="network"/>
          </os>
          <features>
            <acpi/>
            <apic/>
          </features>
          <cpu mode="maximum"/>
          <clock offset="utc"/>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <disk type="volume" device="disk">
              <driver name="qemu" type="qcow2"/>
              <source pool="lp-a-b-p" volume="lp-a-b-w1"/>
              <target dev="vda" bus="virtio"/>
            </disk>
            <disk type="volume" device="disk">
              <driver name="qemu" type="raw"/>
              <source pool="lp-a-b-p" volume="lp-a-b-w1-seed.iso"/>
              <target dev="vdz" bus="virtio"/>
              <readonly/>
            </disk>
            <interface type="network">
              <mac address="52:54:00:00:00:01"/>
              <source network="admin"/>
              <model type="virtio"/>
            </interface>
            <serial type="pty">
              <log file="/var/log/libvirt/w1.log" append="on"/>
              <target port="0"/>
            </serial>
            <console type="pty">
              <target type="serial" port="0"/>
            </console>
            <memballoon model="none"/>
            <rng model="virtio">
              <backend model="random">/dev/urandom</backend>
            </rng>
          </devices>
        </domain>
        "
      `);
  });

  it("is read back in the words of the inputs", () => {
    const facts = readDomain(
      domainElement({ ...inputs, kernel: { kernel: "/k", cmdline: "a=1" } }, { accel: "kvm" }),
    );
    expect(facts).toMatchObject({
      type: "kvm",
      cpus: 2,
      memoryMiB: 2048,
      firmware: "bios",
      boot: ["hd", "network"],
      kernel: { kernel: "/k", cmdline: "a=1" },
      nics: [{ mac: "52:54:00:00:00:01", network: "admin", model: "virtio" }],
      powerActions: "destroy restart destroy",
    });
  });

  it("gives KVM the host's processor, and emulation all that it can do", () => {
    const cpu = (accel: "kvm" | "tcg") => find(domainElement(inputs, { accel }), "cpu")?.attributes.mode;
    expect([cpu("kvm"), cpu("tcg")]).toEqual(["host-passthrough", "maximum"]);
  });

  it("asks libvirt for a firmware, and wants no Secure Boot, under which stock images of labs do not start", () => {
    const os = find(domainElement({ ...inputs, firmware: "uefi" }, { accel: "tcg" }), "os");
    expect(os?.attributes).toEqual({ firmware: "efi" });
    expect(render(find(os, "firmware") as never)).toContain('enabled="no" name="secure-boot"');
    expect(readDomain(domainElement({ ...inputs, firmware: "uefi" }, { accel: "tcg" })).firmware).toBe(
      "uefi",
    );
  });

  it("gives a virtio controller to disks on SCSI, and an agent to cards on the host's bridges", () => {
    const of = (more: Partial<DomainInputs>) =>
      render(domainElement({ ...inputs, ...more }, { accel: "tcg" }));
    expect(of({ disks: [{ volume: "v", pool: "p", format: "raw", bus: "scsi" }] })).toContain(
      'model="virtio-scsi"',
    );
    expect(of({})).not.toContain("virtio-scsi");
    expect(of({ nics: [{ mac: "52:54:00:00:00:01", bridge: "br0" }] })).toContain("org.qemu.guest_agent.0");
    expect(of({})).not.toContain("guest_agent");
  });

  it("names disks as the guest will see them, and leaves places that are taken", () => {
    const disk = (volume: string, bus?: "virtio" | "scsi" | "sata") =>
      ({ volume, pool: "p", format: "raw", ...(bus ? { bus } : {}) }) as const;
    const cd = { volume: "cd", pool: "p", format: "iso", device: "cdrom" } as const;
    const targets = (...args: Parameters<typeof placedDisks>) =>
      placedDisks(...args).map(({ target }) => target);
    expect(targets({ disks: [disk("a"), disk("b", "sata"), disk("c"), cd] }, seed)).toEqual([
      "vda",
      "sda",
      "vdb",
      "sdb",
      "vdz",
    ]);
    expect(targets({ disks: [disk("a"), disk("b")] }, undefined, new Set(["vda"]))).toEqual(["vdb", "vdc"]);
    const many = targets({ disks: Array.from({ length: 28 }, (_, n) => disk(`d${n}`)) }, seed);
    expect(many.slice(24)).toEqual(["vdy", "vdaa", "vdab", "vdac", "vdz"]);
    expect(new Set(many).size).toBe(29);
  });
});

describe("what libvirt says of a domain", () => {
  it("is understood in every unit, and below its maximum", () => {
    const memory = (xml: string) => readDomain(parseXml(`<domain>${xml}</domain>`)).memoryMiB;
    expect(memory("<memory>1048576</memory>")).toBe(1024);
    expect(memory("<memory unit='GiB'>2</memory>")).toBe(2048);
    expect(memory("<memory unit='bytes'>1048576</memory>")).toBe(1);
    expect(memory("<memory unit='KiB'>2048</memory><currentMemory unit='KiB'>1024</currentMemory>")).toBe(1);
    expect(readDomain(parseXml("<domain><vcpu current='1'>4</vcpu></domain>")).cpus).toBe(1);
  });

  it("knows UEFI by its loader too, as a running domain shows it", () => {
    const os = "<os><loader readonly='yes' type='pflash'>/x</loader></os>";
    expect(readDomain(parseXml(`<domain>${os}</domain>`)).firmware).toBe("uefi");
  });

  it("a card on a bridged network shows the bridge as well: the network counts", () => {
    const xml = `<domain><devices><interface type='network'><mac address='52:54:00:AA:00:01'/>
      <source network='lan' portid='x' bridge='br0'/><model type='virtio'/></interface></devices></domain>`;
    expect(readDomain(parseXml(xml)).nics).toEqual([
      { mac: "52:54:00:aa:00:01", network: "lan", model: "virtio" },
    ]);
  });

  it("disks come in the guest's order", () => {
    const disk = (dev: string) => `<disk><target dev='${dev}' bus='virtio'/></disk>`;
    const xml = `<domain><devices>${["vdb", "vdaa", "sda", "vda"].map(disk).join("")}</devices></domain>`;
    expect(readDomain(parseXml(xml)).disks.map(({ target }) => target)).toEqual([
      "sda",
      "vda",
      "vdb",
      "vdaa",
    ]);
  });
});
