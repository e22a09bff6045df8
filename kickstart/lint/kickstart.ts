import { closest } from "../../stacks/config/suggest";
import type { Findings, LintOptions } from "./finding";
import { type KickstartCommand, type KickstartFile, parseKickstart, scriptsOf } from "./kickstart-file";
import { lintNetwork } from "./kickstart-network";
import { lintPackages } from "./kickstart-packages";
import { lintStorage } from "./kickstart-storage";
import { lintUsers } from "./kickstart-users";
import { COMMANDS, GONE, NEW_OPTIONS, OLD_OPTIONS } from "./kickstart-words";
import { lintScript, reportsInstalled } from "./script";
import { isTimeZone } from "./values";

const ENDS = ["reboot", "poweroff", "shutdown", "halt"];
const SOURCES = ["url", "nfs", "liveimg", "ostreesetup", "ostreecontainer", "bootc", "hmc", "harddrive"];
/** Commands that are said once. */
const ONCE = [
  "rootpw",
  "lang",
  "keyboard",
  "timezone",
  "selinux",
  "firewall",
  "bootloader",
  "url",
  "clearpart",
];

/** Everything about a kickstart that ksvalidator misses, and most of what it catches, for where there is none. */
export function lintKickstart(text: string, options: LintOptions, findings: Findings): void {
  const file = parseKickstart(text, findings);
  lintCommands(file, Number.parseInt(options.release ?? "9", 10), findings);
  lintEnd(file, options, findings);
  lintSource(file, findings);
  lintUsers(file, findings);
  lintNetwork(file, findings);
  lintStorage(file, findings);
  lintPackages(file, findings);
  for (const script of scriptsOf(file)) lintScript(script, findings);
  for (const { line, name, header } of file.sections)
    if (["pre", "post"].includes(name) && !header.options.has("--erroronfail") && !isReportOnly(file, line))
      findings.warn(line, "errors-unseen", `%${name} without --erroronfail: a failure in it goes unseen`);
  if (!file.sections.some(({ name }) => name === "onerror"))
    findings.warn(1, "failure-unreported", "no %onerror: a failed installation is seen only when time is up");
  if (!reportsInstalled(text))
    findings.error(
      1,
      "installed-unreported",
      "nothing reports installed, so the installation is never seen to be done: end with {{ report }} and labplan_report installed",
    );
}

/** Scripts of ours that only report must not fail an installation that is done. */
const isReportOnly = ({ sections }: KickstartFile, line: number): boolean =>
  sections.some(
    (section) => section.line === line && section.body.some((text) => /^labplan_report /.test(text)),
  );

function lintCommands({ commands, sections }: KickstartFile, release: number, findings: Findings): void {
  const known = COMMANDS[String(release)] ?? COMMANDS["9"] ?? [];
  const seen = new Map<string, number>();
  for (const command of commands) {
    const { line, name } = command;
    const gone = GONE[name];
    if (gone !== undefined) findings.error(line, "obsolete-command", `${name} is gone; ${gone}`);
    else if (!known.includes(name)) unknownCommand(line, name, release, known, findings);
    if (name === "zerombr" && command.words.length > 0)
      findings.error(line, "obsolete-command", "zerombr takes no argument any more; write zerombr alone");
    const before = seen.get(name);
    if (before !== undefined && ONCE.includes(name))
      findings.warn(line, "said-twice", `${name} stands in line ${before} already; the last one counts`);
    seen.set(name, line);
    lintValues(command, findings);
  }
  for (const command of [...commands, ...sections.map(({ header }) => header)])
    lintAge(command, release, findings);
}

function unknownCommand(
  line: number,
  name: string,
  release: number,
  known: readonly string[],
  findings: Findings,
) {
  const since = Object.keys(COMMANDS).find(
    (other) => Number(other) > release && COMMANDS[other]?.includes(name),
  );
  const near = closest(name, known);
  findings.error(
    line,
    since ? "newer-than-release" : "unknown-command",
    since
      ? `${name} is known from Enterprise Linux ${since} on; this is ${release}`
      : `there is no command "${name.slice(0, 40)}"${near ? `. Did you mean "${near}"?` : ""}`,
  );
}

function lintAge({ line, name, options }: KickstartCommand, release: number, findings: Findings): void {
  for (const { command, option, since } of NEW_OPTIONS)
    if (name === command && options.has(option) && release < since)
      findings.error(
        line,
        "newer-than-release",
        `${option} is known from Enterprise Linux ${since} on; this is ${release}`,
      );
  for (const { command, option, until, instead } of OLD_OPTIONS)
    if (name === command && options.has(option) && release > until)
      findings.error(
        line,
        "obsolete-option",
        `${option} is gone since Enterprise Linux ${until + 1}; write ${instead}`,
      );
}

function lintValues({ line, name, words, options }: KickstartCommand, findings: Findings): void {
  if (name === "timezone") {
    const zone = words.at(-1);
    if (!zone || !isTimeZone(zone))
      findings.error(
        line,
        "bad-time-zone",
        `there is no time zone "${zone ?? ""}"; write one like America/Vancouver`,
      );
  }
  if (name === "selinux" && !options.has("--enforcing"))
    findings.warn(line, "selinux-off", "SELinux does not enforce anything; write selinux --enforcing");
  if (name === "firewall" && (options.has("--disabled") || options.has("--disable")))
    findings.warn(line, "firewall-off", "the firewall is off; open ports with --port=9999:tcp");
  if (name === "vnc" && options.has("--password"))
    findings.error(
      line,
      "password-in-clear",
      "a VNC password in clear in a file that is served; leave vnc out",
    );
}

function lintEnd({ commands }: KickstartFile, { purpose = "image" }: LintOptions, findings: Findings): void {
  const ends = commands.filter(({ name }) => ENDS.includes(name));
  const [first, second] = ends;
  if (second) {
    findings.error(
      second.line,
      "two-ends",
      `${first?.name} in line ${first?.line} and ${second.name}: one of them`,
    );
    return;
  }
  if (!first)
    findings.error(
      1,
      "no-end",
      "neither poweroff nor reboot: the installer stops and waits for a key. Write poweroff",
    );
  else if (purpose === "image" && !["poweroff", "shutdown"].includes(first.name))
    findings.error(
      first.line,
      "must-power-off",
      `${first.name}: an image's builder is seen to be done when it is switched off. Write poweroff`,
    );
}

function lintSource({ commands }: KickstartFile, findings: Findings): void {
  const cdrom = commands.find(({ name }) => name === "cdrom");
  if (cdrom)
    findings.error(cdrom.line, "no-source", "no ISO is in a network install's drive; write url --url=…");
  else if (!commands.some(({ name }) => SOURCES.includes(name)))
    findings.error(1, "no-source", "nothing says what to install from; write url --url=…");
  for (const { line, name, options } of commands)
    for (const option of ["--url", "--baseurl", "--mirrorlist", "--metalink"]) {
      const url = options.get(option);
      const isUrl = !!url && /^(https?|ftp|file|nfs):/.test(url) && URL.canParse(url);
      if (["url", "repo"].includes(name) && options.has(option) && !isUrl)
        findings.error(line, "bad-url", `${option} "${url}" is no URL`);
    }
  for (const wanted of ["lang", "keyboard", "timezone", "rootpw"])
    if (!commands.some(({ name }) => name === wanted))
      findings.error(1, "would-ask", `no ${wanted}: the installer stops and asks`);
  if (!commands.some(({ name }) => ["text", "cmdline", "graphical", "vnc", "rdp"].includes(name)))
    findings.warn(
      1,
      "graphical",
      "no text: the installer starts its graphical surface, which needs more memory",
    );
}
