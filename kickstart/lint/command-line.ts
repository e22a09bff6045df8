import type { Installer } from "../variables";
import { type Finding, Findings } from "./finding";
import type { Rule } from "./rules";

/** Arguments that installers read no more, by their modern names. */
const GONE: Record<string, string> = {
  ks: "inst.ks",
  ksdevice: "BOOTIF, which the boot server adds",
  method: "inst.repo",
  repo: "inst.repo",
  stage2: "inst.stage2",
  vnc: "inst.vnc",
  vncpassword: "nothing: it is in clear",
  vncconnect: "inst.vncconnect",
  text: "inst.text",
  noipv6: "ipv6.disable=1",
  dns: "nameserver",
  ramdisk_size: "nothing",
};

/** What is wrong with the kernel's command line of an installer. Lines are always 1. */
export function lintCommandLine(installer: Installer, cmdline: string): Finding[] {
  const findings = new Findings();
  const words = cmdline.trim().split(/\s+/);
  const value = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const error = (rule: Rule, message: string) => findings.error(1, rule, message);
  if (words.some((word) => /\?.*(\{\{boot:token\}\}|(token|key|secret|password)=)/i.test(word)))
    error("token-in-query", "a secret in a URL's query is in every access log; it goes into the path");
  if (/\bvncpassword=/.test(cmdline))
    error("password-in-clear", "a VNC password on the command line is in clear");
  if (installer === "kickstart") {
    for (const word of words) {
      const [name = ""] = word.split("=");
      if (GONE[name]) error("obsolete-argument", `${name} is read no more; write ${GONE[name]}`);
    }
    if (value("inst.ks") === undefined) error("no-config", "no inst.ks=: the installer asks at the console");
    if (!words.some((word) => /^inst\.nosave=.*(all|all_ks|output_ks)/.test(word)))
      findings.warn(
        1,
        "kickstart-kept",
        "without inst.nosave=all_ks the kickstart, token and all, stays in /root",
      );
  } else if (installer === "preseed") {
    if (!words.some((word) => word === "auto=true" || word === "auto" || word === "auto-install/enable=true"))
      error("no-auto", "no auto=true: language and keyboard are asked for before the preseed is fetched");
    if (!words.some((word) => /^(priority|debconf\/priority)=critical$/.test(word)))
      error("no-auto", "no priority=critical: the installer asks what the preseed does not answer");
    if (value("url") === undefined && value("preseed/url") === undefined)
      error("no-config", "no url=: the installer asks at the console");
  } else {
    const seed = words.find((word) => /^ds=nocloud(-net)?;/.test(word));
    const folder = /;(?:s|seedfrom)=([^;]*)/.exec(seed ?? "")?.[1];
    if (!words.includes("autoinstall"))
      error("no-auto", "no autoinstall: the installer asks before it touches a disk");
    if (folder === undefined) error("no-config", "no ds=nocloud;s=…: nothing says where user-data lie");
    else if (!/(\/|\{\{boot:config\}\})$/.test(folder))
      error("no-slash", `${folder} is taken as the beginning of a name: a folder ends with a slash`);
    if (value("url") !== undefined && value("cloud-config-url") === undefined)
      error(
        "iso-as-config",
        "cloud-init takes url= for its own, and fetches the ISO: add cloud-config-url=/dev/null",
      );
  }
  return findings.list();
}
