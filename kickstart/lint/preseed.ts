import type { Findings, LintOptions } from "./finding";
import { commentScripts, type PreseedEntry, parsePreseed } from "./preseed-file";
import { lintScript, reportsInstalled, type Script } from "./script";
import { lintTarget } from "./target";
import { checkAddress, hostNameRefusal, isNetmask, isTimeZone, passwordRefusal } from "./values";

const TYPES = [
  "string",
  "boolean",
  "select",
  "multiselect",
  "password",
  "note",
  "text",
  "title",
  "error",
  "seen",
];

/** Questions of critical priority: one of each row is answered, or the installer stops there. */
const ASKED: readonly (readonly string[])[] = [
  ["passwd/root-login", "passwd/root-password-crypted", "passwd/root-password"],
  ["passwd/make-user", "passwd/username"],
  ["partman-auto/method"],
  ["partman-auto/choose_recipe", "partman-auto/expert_recipe"],
  ["partman-partitioning/confirm_write_new_label", "partman/confirm_write_new_label"],
  ["partman/confirm"],
  ["grub-installer/bootdev"],
  ["finish-install/reboot_in_progress"],
];
/** Of lower priority; language and keyboard are on the kernel's command line. */
const DEFAULTED: readonly (readonly string[])[] = [
  ["mirror/http/hostname", "mirror/https/hostname"],
  ["time/zone"],
];

/** What debconf-set-selections does not see. */
export function lintPreseed(text: string, { purpose = "image" }: LintOptions, findings: Findings): void {
  const entries = parsePreseed(text, findings);
  const byQuestion = new Map(entries.map((entry) => [entry.question, entry]));
  for (const entry of entries) lintEntry(entry, findings);
  for (const names of ASKED)
    if (!names.some((name) => byQuestion.has(name)))
      findings.error(1, "would-ask", `no answer to ${names[0]}: the installer stops and asks`);
  for (const names of DEFAULTED)
    if (!names.some((name) => byQuestion.has(name)))
      findings.warn(1, "default-taken", `no answer to ${names[0]}: the installer takes its default`);
  const poweroff = byQuestion.get("debian-installer/exit/poweroff");
  if (purpose === "image" && poweroff?.value !== "true")
    findings.error(
      poweroff?.line ?? 1,
      "must-power-off",
      "an image's builder is seen to be done when it is switched off: d-i debian-installer/exit/poweroff boolean true",
    );
  for (const script of commentScripts(text)) {
    lintScript(script, findings);
    lintTarget(script, findings);
  }
  if (!reportsInstalled(text))
    findings.error(
      1,
      "installed-unreported",
      "nothing reports installed, so the installation is never seen to be done: run labplan_report installed at its end",
    );
}

function lintEntry(entry: PreseedEntry, findings: Findings): void {
  const { line, question, type, value } = entry;
  if (!TYPES.includes(type))
    findings.error(line, "unknown-type", `"${type}" is no type; there are ${TYPES.slice(0, 6).join(", ")}`);
  if (type === "boolean" && !["true", "false"].includes(value))
    findings.error(line, "bad-boolean", `${question} is "${value}"; write true or false`);
  lintPassword(entry, findings);
  if (question === "time/zone" && !isTimeZone(value))
    findings.error(
      line,
      "bad-time-zone",
      `there is no time zone "${value}"; write one like America/Vancouver`,
    );
  if (["netcfg/get_hostname", "netcfg/hostname"].includes(question)) {
    const refused = hostNameRefusal(value);
    if (refused) findings.error(line, "bad-host-name", refused);
  }
  if (["netcfg/get_ipaddress", "netcfg/get_gateway"].includes(question))
    checkAddress(findings, line, question, value);
  if (question === "netcfg/get_nameservers")
    for (const server of value.split(/\s+/)) checkAddress(findings, line, question, server);
  if (question === "netcfg/get_netmask" && !isNetmask(value))
    findings.error(line, "bad-address", `"${value}" is no netmask`);
  if (question === "netcfg/choose_interface" && /^(eth|en)/.test(value))
    findings.error(line, "device-by-name", `"${value}" may be another card on another day; write auto`);
  if (question === "pkgsel/include")
    for (const name of value.split(/[\s,]+/))
      if (name !== "" && !/^[a-z0-9][a-z0-9+.:_-]*$/.test(name))
        findings.error(line, "bad-package", `"${name.slice(0, 40)}" is no package's name`);
  if (/^(preseed|partman)\/(early|late)_command$/.test(question)) lintCommand(entry, findings);
}

function lintPassword({ line, question, value }: PreseedEntry, findings: Findings): void {
  if (/^passwd\/(root|user)-password(-again)?$/.test(question) && value !== "")
    findings.error(
      line,
      "password-in-clear",
      `${question} in clear; write ${question.replace("-again", "")}-crypted`,
    );
  if (/^passwd\/(root|user)-password-crypted$/.test(question)) {
    const refused = passwordRefusal(value);
    if (refused) findings.error(line, "weak-password", refused);
  }
  if (/(passphrase|wpa|wep_key|\/password)$/.test(question) && value !== "" && !value.startsWith("{{"))
    findings.error(line, "password-in-clear", `${question} in clear; name it as {{secret:…}}`);
}

function lintCommand({ line, question, lines }: PreseedEntry, findings: Findings): void {
  const script: Script = { name: question, line, lines, shell: "sh" };
  lintScript(script, findings);
  if (question.endsWith("late_command")) lintTarget(script, findings);
}
