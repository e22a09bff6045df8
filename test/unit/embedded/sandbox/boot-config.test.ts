import { describe, expect, it } from "vitest";
import {
  configUrlOf,
  readInstallerConfig,
  readIpxe,
  readPxelinux,
} from "../../../../embedded/sandbox/boot-config";
import { BOOT_SCRIPT, ipxeScript } from "../../../../kickstart/server/ipxe";
import { pxelinuxConfig } from "../../../../kickstart/server/pxelinux";
import type { InstallFiles, Registration } from "../../../../kickstart/server/types";

const MAC = "08:00:27:00:00:01";
const TOKEN = "0123456789abcdef0123456789abcdef";
const URL = "http://10.20.0.1:8069/boot.ipxe";
const registration = {
  mac: MAC,
  token: TOKEN,
  install: { cmdline: "inst.ks=http://10.20.0.1:8069/config/x/ks.cfg ip=dhcp" },
} as Registration & { install: InstallFiles };

describe("an iPXE script", () => {
  it("of the boot server chains to the machine's own, by its MAC", () => {
    expect(readIpxe(BOOT_SCRIPT, URL, MAC)).toEqual({
      chain: ["http://10.20.0.1:8069/ipxe/08-00-27-00-00-01"],
    });
  });

  it("of one machine is its kernel, its initrd and its command line", () => {
    const end = readIpxe(ipxeScript(registration), "http://10.20.0.1:8069/ipxe/x", MAC);
    expect(end).toEqual({
      boot: {
        kernel: "http://10.20.0.1:8069/files/08-00-27-00-00-01/vmlinuz",
        initrd: ["http://10.20.0.1:8069/files/08-00-27-00-00-01/initrd"],
        cmdline:
          "initrd=initrd inst.ks=http://10.20.0.1:8069/config/x/ks.cfg ip=dhcp BOOTIF=01-08-00-27-00-00-01",
      },
    });
  });

  it("of somebody else's hand is read as far as it boots something, else the next device is tried", () => {
    const script =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: iPXE's own variable
      "#!ipxe\nset base http://h/\nimgfree\nkernel /k a=1\nimgargs k b=${net0/mac}\nboot || shell\n";
    expect(readIpxe(script, "http://h/x/boot", MAC)).toEqual({
      boot: { kernel: "http://h/k", initrd: [], cmdline: `b=${MAC}` },
    });
    expect(readIpxe("#!ipxe\nexit\n", URL, MAC)).toBeUndefined();
    expect(readIpxe("#!ipxe\nchain a || chain b\n", "http://h/d/x", MAC)).toEqual({
      chain: ["http://h/d/a", "http://h/d/b"],
    });
  });
});

describe("a pxelinux config", () => {
  it("of the boot server is its default label", () => {
    expect(readPxelinux(pxelinuxConfig(registration))).toEqual({
      kernel: "08-00-27-00-00-01/vmlinuz",
      initrd: ["08-00-27-00-00-01/initrd"],
      cmdline: registration.install.cmdline,
    });
  });

  it("may name its initrd on the command line, and boot its first label", () => {
    const found = readPxelinux("label a\n linux k\n append initrd=i1,i2 quiet\nlabel b\n kernel z\n");
    expect(found).toEqual({ kernel: "k", initrd: ["i1", "i2"], cmdline: "initrd=i1,i2 quiet" });
    expect(readPxelinux("prompt 0\n")).toBeUndefined();
  });
});

describe("an installer's configuration", () => {
  it.each([
    ["inst.ks=http://h/config/t/ks.cfg ip=dhcp", "http://h/config/t/ks.cfg", 0],
    ["auto=true url=http://h/config/t/preseed.cfg", "http://h/config/t/preseed.cfg", 0],
    ["url=http://mirror/a.iso autoinstall ds=nocloud;s=http://h/config/t/", "http://h/config/t/user-data", 2],
    ["ds=nocloud-net;s=http://h/config/t", "http://h/config/t/user-data", 2],
  ])("is named by %s", (cmdline, url, more) => {
    const found = configUrlOf(cmdline);
    expect([found?.url, found?.more.length]).toEqual([url, more]);
  });

  it("is named by nothing on a command line without one", () => {
    expect(configUrlOf("ro quiet root=/dev/sda1")).toBeUndefined();
  });

  it.each([
    [`labplan_url=http://a:1\nlabplan_token=${TOKEN}\npoweroff\n`, "http://a:1", TOKEN, "poweroff"],
    [`LABPLAN_BOOT_URL=http://a:1/\nLABPLAN_BOOT_TOKEN='${TOKEN}'\nreboot\n`, "http://a:1", TOKEN, "reboot"],
    [`curl -H "Authorization: Bearer ${TOKEN}" http://a:1/events/pre`, "http://a:1", TOKEN, "poweroff"],
    ["# says nothing\n", "http://h", undefined, "poweroff"],
  ])("says where and with what to call home: %s", (text, bootUrl, token, end) => {
    expect(readInstallerConfig(text, "http://h/config/x")).toEqual({ bootUrl, end, ...(token && { token }) });
  });
});
