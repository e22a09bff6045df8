import { describe, expect, it } from "vitest";
import type { Serving } from "../../../../kickstart/server/desk";
import { BOOT_SCRIPT, ipxeScript, withBootCard } from "../../../../kickstart/server/ipxe";
import { parseMac } from "../../../../kickstart/server/mac";
import {
  macOfPxelinuxConfig,
  pxelinuxConfig,
  pxelinuxConfigName,
} from "../../../../kickstart/server/pxelinux";

const MAC = "08:00:27:aa:bb:01";
const serving = (cmdline: string): Serving => ({
  build: "b1",
  machine: "rocky9",
  mac: MAC,
  purpose: "install",
  token: "0123456789abcdef0123456789abcdef",
  begun: "2026-11-21T10:00:00.000Z",
  expires: "2026-11-21T11:00:00.000Z",
  install: { installer: "kickstart", text: "", kernel: "/srv/k", initrd: "/srv/i", cmdline },
});

describe("what boot loaders read", () => {
  it("trap kickstart-pxe#43: iPXE asks for its own script by its MAC with dashes", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: iPXE's own variables
    expect(BOOT_SCRIPT).toContain("/ipxe/${netX/mac:hexhyp}");
    // biome-ignore lint/suspicious/noTemplateCurlyInString: iPXE's own variables
    expect(BOOT_SCRIPT).toContain("/ipxe/${net0/mac:hexhyp}");
    expect(BOOT_SCRIPT).not.toContain("default");
  });

  it("trap kickstart-pxe#17: iPXE names the card that it booted from, as pxelinux does", () => {
    expect(ipxeScript(serving("inst.ks=http://192.0.2.1:8069/config/T/ks.cfg ip=dhcp")).split("\n")).toEqual([
      "#!ipxe",
      "kernel /files/08-00-27-aa-bb-01/vmlinuz initrd=initrd inst.ks=http://192.0.2.1:8069/config/T/ks.cfg ip=dhcp BOOTIF=01-08-00-27-aa-bb-01",
      "initrd --name initrd /files/08-00-27-aa-bb-01/initrd",
      "boot",
      "",
    ]);
    expect(withBootCard("BOOTIF=01-aa-aa-aa-aa-aa-aa quiet", MAC)).toBe("BOOTIF=01-aa-aa-aa-aa-aa-aa quiet");
    expect(withBootCard("", MAC)).toBe("BOOTIF=01-08-00-27-aa-bb-01");
    expect(pxelinuxConfig(serving("quiet"))).toContain("IPAPPEND 2");
    expect(pxelinuxConfig(serving("BOOTIF=01-aa-aa-aa-aa-aa-aa"))).not.toContain("IPAPPEND");
  });

  it("pxelinux reads one label, with the MAC in the names of its files", () => {
    expect(pxelinuxConfig(serving("ip=dhcp")).split("\n")).toEqual([
      "DEFAULT install",
      "PROMPT 0",
      "LABEL install",
      "  KERNEL 08-00-27-aa-bb-01/vmlinuz",
      "  INITRD 08-00-27-aa-bb-01/initrd",
      "  APPEND ip=dhcp",
      "  IPAPPEND 2",
      "",
    ]);
  });

  it("no path of the host is in them", () => {
    const texts = [ipxeScript(serving("quiet")), pxelinuxConfig(serving("quiet"))].join("\n");
    expect(texts).not.toContain("/srv");
  });

  it("knows a machine's own file from the others that pxelinux asks for", () => {
    expect(pxelinuxConfigName(MAC)).toBe("pxelinux.cfg/01-08-00-27-aa-bb-01");
    expect(macOfPxelinuxConfig("pxelinux.cfg/01-08-00-27-aa-bb-01")).toBe(MAC);
    for (const name of [
      "default",
      "C000020B",
      "b8945908-d6a6-41a9-611d-74a6ab80b83d",
      "06-08-00-27-aa-bb-01",
    ])
      expect(macOfPxelinuxConfig(`pxelinux.cfg/${name}`)).toBeUndefined();
  });

  it.each([
    ["08:00:27:AA:BB:01", MAC],
    ["08-00-27-aa-bb-01", MAC],
    ["080027aabb01", MAC],
    ["0800.27aa.bb01", MAC],
    ["08:00-27:aa:bb:01", undefined],
    ["08:00:27:aa:bb", undefined],
    ["08:00:27:aa:bb:0g", undefined],
  ])("reads the MAC %s", (text, mac) => expect(parseMac(text)).toBe(mac));
});
