import type { Findings } from "./finding";
import type { KickstartCommand, KickstartFile } from "./kickstart-file";

/** Partitions, physical volumes, groups and logical volumes that must know each other. */
export function lintStorage({ commands }: KickstartFile, findings: Findings): void {
  const named = (...names: string[]) => commands.filter(({ name }) => names.includes(name));
  const parts = named("part", "partition", "raid");
  const groups = named("volgroup");
  const volumes = named("logvol");
  const automatic = named("autopart", "liveimg").length > 0;
  const physical = new Set(parts.map(mountOf).filter((name) => name.startsWith("pv.")));
  const groupNames = new Set(groups.map(({ words }) => words[0] ?? ""));

  for (const { line, words, options } of groups) {
    if (options.has("--useexisting") || options.has("--noformat")) continue;
    const missing = words.slice(1).filter((word) => word.startsWith("pv.") && !physical.has(word));
    for (const name of missing)
      findings.error(
        line,
        "vg-on-unknown-pv",
        `volume group ${words[0]} is on ${name}, and no part makes that`,
      );
    if (words.length < 2)
      findings.error(line, "vg-on-unknown-pv", `volume group ${words[0] ?? ""} is on no pv`);
  }
  const taken = new Map<string, number>();
  for (const { line, options } of volumes) {
    const group = options.get("--vgname") ?? "";
    if (!groupNames.has(group))
      findings.error(
        line,
        "lv-in-unknown-vg",
        `logical volume in volume group "${group}", which no volgroup makes${groupNames.size > 0 ? `; there is ${[...groupNames].join(", ")}` : ""}`,
      );
    const key = `${group}/${options.get("--name") ?? ""}`;
    const before = taken.get(key);
    if (before !== undefined) findings.error(line, "same-name", `${key} is made in line ${before} already`);
    taken.set(key, line);
  }
  lintMounts([...parts, ...volumes], automatic, named("mount"), findings);
  lintDisks(commands, findings);
}

const mountOf = ({ words }: KickstartCommand): string => words[0] ?? "";

function lintMounts(
  made: readonly KickstartCommand[],
  automatic: boolean,
  mounted: readonly KickstartCommand[],
  findings: Findings,
): void {
  const lines = new Map<string, number>();
  for (const command of made) {
    const mount = mountOf(command);
    const before = lines.get(mount);
    if (before !== undefined && mount !== "swap" && mount !== "none")
      findings.error(command.line, "same-name", `${mount} is made in line ${before} already`);
    lines.set(mount, command.line);
    const { options, line } = command;
    const hasSize = [
      "--size",
      "--recommended",
      "--percent",
      "--useexisting",
      "--onpart",
      "--hibernation",
    ].some((o) => options.has(o));
    if (command.name !== "raid" && !hasSize) findings.error(line, "no-size", `${mount} has no --size`);
  }
  if (automatic) return;
  if (!lines.has("/") && !mounted.some(({ words }) => words[1] === "/"))
    findings.error(made[0]?.line ?? 1, "no-root", "nothing is mounted on /; write logvol / or autopart");
}

function lintDisks(commands: readonly KickstartCommand[], findings: Findings): void {
  const only = commands.find(({ name }) => name === "ignoredisk")?.options.get("--only-use");
  const disks = only?.split(",");
  const clear = commands.find(({ name }) => name === "clearpart");
  if (clear && !commands.some(({ name }) => name === "zerombr"))
    findings.warn(
      clear.line,
      "would-ask",
      "clearpart without zerombr: the installer asks before it uses a blank disk",
    );
  if (clear?.options.has("--all") && !clear.options.has("--drives") && !disks)
    findings.warn(
      clear.line,
      "every-disk",
      "clearpart --all without --drives empties every disk of the machine",
    );
  if (!disks) return;
  for (const { line, options } of commands)
    for (const option of ["--ondisk", "--ondrive", "--boot-drive", "--drives"]) {
      const unknown = options
        .get(option)
        ?.split(",")
        .find((disk) => !disks.includes(disk));
      if (unknown)
        findings.error(
          line,
          "disk-not-used",
          `${option}=${unknown}, and ignoredisk --only-use=${only} leaves it out`,
        );
    }
}
