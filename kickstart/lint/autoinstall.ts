import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { suggest } from "../../stacks/config/suggest";
import { type AutoinstallShape, KEYS } from "./autoinstall-keys";
import { lintAutoinstallNetwork } from "./autoinstall-network";
import type { Findings, LintOptions } from "./finding";
import { lintScript, reportsInstalled, type Script } from "./script";
import { lintTarget } from "./target";
import { hostNameRefusal, isTimeZone, passwordRefusal, publicKeyRefusal } from "./values";

/** The line of a node. */
export type LineOf = (node: unknown) => number;

const SCRIPTS = ["early-commands", "late-commands", "error-commands"];

/** YAML, the keys that the installer knows, and what they mean. */
export function lintAutoinstall(text: string, { purpose = "image" }: LintOptions, findings: Findings): void {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf: LineOf = (node) => {
    const range = (node as Node | null | undefined)?.range;
    return range ? lines.linePos(range[0]).line : 1;
  };
  if (!/^#cloud-config\s*$/m.test(text.split("\n")[0] ?? ""))
    findings.error(
      1,
      "not-cloud-config",
      "the first line must be #cloud-config: the file is ignored without",
    );
  if (document.errors.length > 0) {
    for (const { pos, code } of document.errors)
      findings.error(
        lines.linePos(pos[0]).line,
        "yaml",
        `no valid YAML (${code.toLowerCase().replaceAll("_", " ")})`,
      );
    return;
  }
  const root = document.contents;
  const section = isMap(root) ? root.get("autoinstall", true) : undefined;
  if (!isMap(section)) {
    findings.error(
      1,
      "no-autoinstall",
      'there is no map "autoinstall": the installer would ask for everything',
    );
    return;
  }
  lintKeys(section, findings, lineOf);
  lintPeople(section, findings, lineOf);
  lintAutoinstallNetwork(section.get("network", true), findings, lineOf);
  lintRest(section, purpose, findings, lineOf);
  for (const script of commandScripts(section, lineOf)) {
    lintScript(script, findings);
    if (script.name.startsWith("late")) lintTarget(script, findings);
  }
  if (!section.has("error-commands"))
    findings.warn(
      1,
      "failure-unreported",
      "no error-commands: a failed installation is seen only when time is up",
    );
  if (!reportsInstalled(text))
    findings.error(
      1,
      "installed-unreported",
      "nothing reports installed, so the installation is never seen to be done: run labplan_report installed in late-commands",
    );
}

const shapeOf = (node: unknown): AutoinstallShape => {
  if (isMap(node)) return "map";
  if (isSeq(node)) return "list";
  return isScalar(node) && typeof node.value === "boolean" ? "boolean" : "scalar";
};

function lintKeys(section: YAMLMap, findings: Findings, lineOf: LineOf): void {
  for (const { key, value } of section.items) {
    const name = String(isScalar(key) ? key.value : key);
    const shapes = KEYS[name];
    if (!shapes) {
      findings.error(
        lineOf(key),
        "unknown-key",
        `autoinstall has no key "${name}"${suggest(name, Object.keys(KEYS))}`,
      );
    } else if (!shapes.includes(shapeOf(value)))
      findings.error(lineOf(key), "wrong-shape", `${name} must be a ${shapes.join(" or a ")}`);
  }
  const version = section.get("version", true);
  if (!isScalar(version) || version.value !== 1)
    findings.error(version ? lineOf(version) : lineOf(section), "version", "version must be 1");
}

function lintPeople(section: YAMLMap, findings: Findings, lineOf: LineOf): void {
  const identity = section.get("identity", true);
  if (!identity && !section.has("user-data"))
    findings.error(
      lineOf(section),
      "would-ask",
      "neither identity nor user-data: the installer asks for a user",
    );
  if (isMap(identity)) {
    for (const wanted of ["hostname", "username", "password"])
      if (!identity.has(wanted)) findings.error(lineOf(identity), "would-ask", `identity has no ${wanted}`);
    lintSecret(identity, "password", findings, lineOf);
    lintHostName(identity, findings, lineOf);
  }
  const userData = section.get("user-data", true);
  if (isMap(userData)) {
    lintHostName(userData, findings, lineOf);
    const users = userData.get("users", true);
    for (const user of isSeq(users) ? users.items : []) {
      if (!isMap(user)) continue;
      for (const key of ["passwd", "hashed_passwd"]) lintSecret(user, key, findings, lineOf);
      if (user.has("plain_text_passwd"))
        findings.error(
          lineOf(user.get("plain_text_passwd", true)),
          "password-in-clear",
          "plain_text_passwd in clear; write lock_passwd: true",
        );
      lintKeysOf(user.get("ssh_authorized_keys", true), findings, lineOf);
    }
    if (userData.has("password"))
      findings.error(
        lineOf(userData.get("password", true)),
        "password-in-clear",
        "a password in clear; leave it out",
      );
    const list = userData.getIn(["chpasswd", "list"], true) ?? userData.getIn(["chpasswd", "users"], true);
    if (list)
      findings.error(lineOf(list), "password-in-clear", "chpasswd sets passwords in clear; leave it out");
  }
  const ssh = section.get("ssh", true);
  if (!isMap(ssh)) return;
  lintKeysOf(ssh.get("authorized-keys", true), findings, lineOf);
  if (ssh.get("allow-pw") === true)
    findings.warn(
      lineOf(ssh.get("allow-pw", true)),
      "password-login",
      "SSH takes passwords; write allow-pw: false",
    );
}

function lintSecret(map: YAMLMap, key: string, findings: Findings, lineOf: LineOf): void {
  const node = map.get(key, true);
  if (!isScalar(node)) return;
  const refused = passwordRefusal(String(node.value));
  if (refused)
    findings.error(lineOf(node), refused.includes("clear") ? "password-in-clear" : "weak-password", refused);
}

function lintHostName(map: YAMLMap, findings: Findings, lineOf: LineOf): void {
  const node = map.get("hostname", true);
  const refused = isScalar(node) ? hostNameRefusal(String(node.value)) : undefined;
  if (refused) findings.error(lineOf(node), "bad-host-name", refused);
}

function lintKeysOf(list: unknown, findings: Findings, lineOf: LineOf): void {
  for (const node of isSeq(list) ? list.items : []) {
    const refused = publicKeyRefusal(String(isScalar(node) ? node.value : ""));
    if (refused) findings.error(lineOf(node), "bad-ssh-key", refused);
  }
}

function lintRest(
  section: YAMLMap,
  purpose: LintOptions["purpose"],
  findings: Findings,
  lineOf: LineOf,
): void {
  const zone = section.get("timezone", true);
  if (isScalar(zone) && zone.value !== "geoip" && !isTimeZone(String(zone.value)))
    findings.error(
      lineOf(zone),
      "bad-time-zone",
      `there is no time zone "${zone.value}"; write one like America/Vancouver`,
    );
  const shutdown = section.get("shutdown", true);
  if (purpose === "image" && (!isScalar(shutdown) || shutdown.value !== "poweroff"))
    findings.error(
      shutdown ? lineOf(shutdown) : lineOf(section),
      "must-power-off",
      "an image's builder is seen to be done when it is switched off: shutdown: poweroff",
    );
  const interactive = section.get("interactive-sections", true);
  if (isSeq(interactive) && interactive.items.length > 0)
    findings.error(lineOf(interactive), "would-ask", "interactive-sections: the installer stops and asks");
  const layout = section.getIn(["storage", "layout", "name"], true);
  if (isScalar(layout) && !["lvm", "direct", "zfs", "hybrid"].includes(String(layout.value)))
    findings.error(lineOf(layout), "bad-storage", `there is no storage layout "${layout.value}"; write lvm`);
  const passphrase = section.getIn(["storage", "layout", "password"], true);
  if (isScalar(passphrase) && !String(passphrase.value).startsWith("{{"))
    findings.error(
      lineOf(passphrase),
      "password-in-clear",
      "a disk password in clear; name it as {{secret:…}}",
    );
  const packages = section.get("packages", true);
  for (const node of isSeq(packages) ? packages.items : [])
    if (isScalar(node) && !/^[a-z0-9][a-z0-9+.:^_-]*$/.test(String(node.value)))
      findings.error(
        lineOf(node),
        "bad-package",
        `"${String(node.value).slice(0, 40)}" is no package's name`,
      );
}

/** The commands that are texts; a list runs without a shell. */
export function commandScripts(section: YAMLMap, lineOf: LineOf): Script[] {
  return SCRIPTS.flatMap((key) => {
    const list = section.get(key, true);
    return (isSeq(list) ? list.items : []).flatMap((node, index): Script[] => {
      if (!isScalar(node)) return [];
      const isBlock = node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED";
      return [
        {
          name: `${key}[${index}]`,
          line: lineOf(node) + (isBlock ? 1 : 0),
          lines: String(node.value).replace(/\n$/, "").split("\n"),
          shell: "sh",
        },
      ];
    });
  });
}

/** The scripts of a file that can be read. */
export function autoinstallScripts(text: string): Script[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const section = isMap(document.contents) ? document.contents.get("autoinstall", true) : undefined;
  if (document.errors.length > 0 || !isMap(section)) return [];
  return commandScripts(section, (node) => lines.linePos((node as Node).range?.[0] ?? 0).line);
}
