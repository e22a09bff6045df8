import { describe, expect, it, test } from "vitest";
import { commandLine, configUrl } from "../../../kickstart/cmdline";
import { lintCommandLine } from "../../../kickstart/lint";
import { checkCmdline } from "../../../kickstart/server/ipxe";
import { INSTALLERS } from "../../../kickstart/variables";
import { DISTRIBUTIONS, title, variablesOf } from "./fixtures";

const rulesOf = (...args: Parameters<typeof lintCommandLine>) =>
  lintCommandLine(...args).map(({ rule }) => rule);

describe("the installer's command line", () => {
  test.each(DISTRIBUTIONS.map((install) => ({ name: title(install), install })))(
    "of $name",
    ({ install }) => {
      const line = commandLine(variablesOf(install));
      expect(line).toContain("{{boot:config}}");
      expect(lintCommandLine(INSTALLERS[install.family], line)).toEqual([]);
      // The boot server's own rules for what iPXE and pxelinux can read.
      expect(() => checkCmdline("base", line)).not.toThrow();
    },
  );

  test("trap kickstart-pxe#16: Enterprise Linux gets inst.ks, and the old words are refused", () => {
    expect(commandLine(variablesOf())).toBe(
      "inst.ks={{boot:config}} inst.repo=https://mirror.example/almalinux/9/BaseOS/x86_64/os inst.text inst.nosave=all ip=dhcp",
    );
    const old =
      "initrd=initrd.img ks=http://10.0.2.4:8081/ks.cfg ip=dhcp ksdevice=eth0 text vnc vncpassword=bootstrap";
    const told = lintCommandLine("kickstart", old);
    expect(
      told.filter(({ rule }) => rule === "obsolete-argument").map(({ message }) => message.split(" ")[0]),
    ).toEqual(["ks", "ksdevice", "text", "vnc", "vncpassword"].sort());
    expect(told.map(({ rule }) => rule)).toContain("no-config");
    expect(told.map(({ rule }) => rule)).toContain("password-in-clear");
    expect(JSON.stringify(told)).not.toContain("bootstrap");
  });

  test("trap kickstart-pxe#51: Anaconda is told to leave no kickstart behind, since it holds a token", () => {
    expect(commandLine(variablesOf())).toMatch(/ inst\.nosave=all /);
    expect(rulesOf("kickstart", "inst.ks={{boot:config}} ip=dhcp")).toEqual(["kickstart-kept"]);
  });

  test("trap kickstart-pxe#19: a preseed gets auto=true priority=critical, and its lack is told", () => {
    const line = commandLine(
      variablesOf({ family: "debian", release: "12", mirror: "https://mirror.example/debian" }),
    );
    expect(line).toMatch(/^auto=true priority=critical url=\{\{boot:config\}\} /);
    expect(rulesOf("preseed", "url={{boot:config}}")).toEqual(["no-auto", "no-auto"]);
    expect(rulesOf("preseed", "auto=true priority=critical")).toEqual(["no-config"]);
  });

  test("trap kickstart-pxe#22: an autoinstall's address is a folder with a slash, beside the ISO's", () => {
    const url = configUrl("autoinstall", "http://10.20.0.1:8069", "f00d");
    expect(url).toBe("http://10.20.0.1:8069/config/f00d/");
    const line = commandLine(
      variablesOf({ family: "ubuntu", release: "24.04", mirror: "https://mirror.example/ubuntu" }),
    );
    expect(line).toContain("autoinstall ds=nocloud;s={{boot:config}} cloud-config-url=/dev/null");
    expect(rulesOf("autoinstall", "autoinstall ds=nocloud;s=http://10.20.0.1:8069/config/f00d")).toEqual([
      "no-slash",
    ]);
    expect(rulesOf("autoinstall", "autoinstall url=http://m/x.iso ds=nocloud;s=http://b/")).toEqual([
      "iso-as-config",
    ]);
    expect(rulesOf("autoinstall", "ds=nocloud;s=http://b/")).toEqual(["no-auto"]);
    expect(rulesOf("autoinstall", "autoinstall")).toEqual(["no-config"]);
  });

  it("names the file of each kind, by the token in the path", () => {
    expect(configUrl("kickstart", "http://b:1/", "t")).toBe("http://b:1/config/t/ks.cfg");
    expect(configUrl("preseed", "http://b:1", "t")).toBe("http://b:1/config/t/preseed.cfg");
    expect(rulesOf("kickstart", "inst.ks=http://b:1/ks?token=f00d inst.nosave=all")).toEqual([
      "token-in-query",
    ]);
  });

  it("takes another ISO that the user names", () => {
    const ubuntu = { family: "ubuntu", release: "24.04", mirror: "https://mirror.example/ubuntu" } as const;
    expect(commandLine(variablesOf({ ...ubuntu, variables: { iso: "http://nas/u.iso" } }))).toContain(
      "url=http://nas/u.iso ",
    );
    expect(commandLine(variablesOf(ubuntu))).toMatch(
      /url=https:\/\/mirror\.example\/ubuntu\/24\.04\/ubuntu-24\.04\.\d-live-server-amd64\.iso /,
    );
  });
});
