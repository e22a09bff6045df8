import { type BootEvent, STAGES, type Stage } from "../../kickstart/server/types";

/** How far an installation is, told from what the builder said and from its power alone. */
export type Verdict =
  | { kind: "wait"; line: string }
  /** Its `installed` event came; `isOff` once it switched itself off, too. */
  | { kind: "installed"; at: string; isOff: boolean; line: string }
  | { kind: "failed"; why: "said so" | "switched off" | "stage" | "overall" | "still on"; message: string };

export interface Watched {
  /** Logical name of the image. */
  image: string;
  /** The builder's name at its backend. */
  builder: string;
  /** Where it reaches the boot server. */
  url: string;
  /** Stages that are expected of it. */
  stages: readonly Stage[];
  /** ISO 8601. */
  begun: string;
  timeoutS: number;
}

/** Seconds from one stage to the next, each many times what slow emulation needs (140 s for the longest, measured). */
export const STAGE_LIMIT_S: Partial<Record<Stage, number>> = { pxe: 300, config: 900, pre: 1200 };
/** From `installed` until it has switched itself off: file systems are unmounted, caches written. */
export const OFF_LIMIT_S = 900;

/** By the shell function of our own templates, or by the URL itself. */
const TELLS_PRE = /\blabplan_report +pre\b|\/events\/pre\b/;

/**
 * Stages that an installation passes. VirtualBox's own TFTP tells us nothing, and a template of the user's may not
 * report that the installer runs.
 */
export const stagesOf = (via: "ipxe" | "virtualbox-tftp", text: string): Stage[] =>
  STAGES.filter(
    (stage) =>
      (stage === "pxe" && via === "ipxe") ||
      stage === "config" ||
      (stage === "pre" && TELLS_PRE.test(text)) ||
      stage === "installed",
  );

const secondsSince = (from: string, now: Date): number => (now.getTime() - Date.parse(from)) / 1000;

/** What the events of this build mean now. The builder is `off` when it is not there at all, too. */
export function judge(
  watched: Watched,
  events: readonly BootEvent[],
  builder: "running" | "off",
  now: Date,
): Verdict {
  const { image, timeoutS, begun } = watched;
  const failed = events.findLast(({ stage }) => stage === "failed");
  if (failed) return { kind: "failed", why: "said so", message: failureOf(watched, events, failed) };

  const installed = events.find(({ stage }) => stage === "installed");
  const line = progressLine(watched, events, now);
  if (installed) {
    const sinceS = secondsSince(installed.at, now);
    const isOff = builder === "off";
    if (isOff || sinceS < OFF_LIMIT_S) return { kind: "installed", at: installed.at, isOff, line };
    const message = `image "${image}": it is installed, but its builder "${watched.builder}" did not switch itself off within ${OFF_LIMIT_S} s. Let its config end with "poweroff" (preseed: debian-installer/exit/poweroff, autoinstall: shutdown: poweroff); "pulumi up" builds it anew.`;
    return { kind: "failed", why: "still on", message };
  }

  const last = lastStage(watched, events);
  if (builder === "off")
    return {
      kind: "failed",
      why: "switched off",
      message: `image "${image}": its builder "${watched.builder}" is off and never said that the installation is done; ${seen(last, now)}. ${advice(watched, last)}`,
    };
  const next = nextStage(watched, last?.stage);
  const sinceS = secondsSince(last?.at ?? begun, now);
  const limitS = limitOf(last?.stage, next);
  if (secondsSince(begun, now) >= timeoutS)
    return {
      kind: "failed",
      why: "overall",
      message: `image "${image}": not installed within ${timeoutS} s; ${seen(last, now)}. ${advice(watched, last)} A slow one needs a larger "timeout:".`,
    };
  if (limitS !== undefined && sinceS >= limitS)
    return {
      kind: "failed",
      why: "stage",
      message: `image "${image}": no "${next}" within ${limitS} s; ${seen(last, now)}. ${advice(watched, last)}`,
    };
  return { kind: "wait", line };
}

/** `rocky9: pxe → config → pre (252 s), then installed; 301 s in all` */
export function progressLine(watched: Watched, events: readonly BootEvent[], now: Date): string {
  const passed = watched.stages.filter((stage) => events.some((event) => event.stage === stage));
  const last = lastStage(watched, events);
  const age = Math.round(secondsSince(last?.at ?? watched.begun, now));
  const all = Math.round(secondsSince(watched.begun, now));
  const so = passed.length > 0 ? `${passed.join(" → ")} (${age} s)` : `started (${age} s)`;
  const next = nextStage(watched, last?.stage);
  return `${watched.image}: ${so}, then ${next ?? "its power-off"}; ${all} s in all`;
}

/** The latest of the stages, whatever order the events came in. */
const lastStage = ({ stages }: Watched, events: readonly BootEvent[]): BootEvent | undefined =>
  stages.flatMap((stage) => events.findLast((event) => event.stage === stage) ?? []).at(-1);

function nextStage({ stages }: Watched, last: BootEvent["stage"] | undefined): Stage | undefined {
  return stages[last === undefined ? 0 : stages.indexOf(last as Stage) + 1];
}

/** Where a stage is not seen, its time belongs to the next. The installation itself has no limit of its own. */
function limitOf(last: BootEvent["stage"] | undefined, next: Stage | undefined): number | undefined {
  if (next === undefined || STAGE_LIMIT_S[next] === undefined) return undefined;
  const from = last === undefined ? 0 : STAGES.indexOf(last as Stage) + 1;
  const until = STAGES.slice(from, STAGES.indexOf(next) + 1);
  return until.reduce((sum, stage) => sum + (STAGE_LIMIT_S[stage] ?? 0), 0);
}

const seen = (last: BootEvent | undefined, now: Date): string =>
  last
    ? `last stage seen: ${last.stage}, ${Math.round(secondsSince(last.at, now))} s ago, from ${last.address}`
    : "nothing was heard from it";

/** What to look at next depends on what was seen last. */
function advice({ builder, url }: Watched, last: BootEvent | undefined): string {
  const console = `Look at the console of "${builder}"`;
  switch (last?.stage) {
    case undefined:
      return `${console}: did it get an address by DHCP, and a boot file? Its network must let it reach ${url} (a firewall of this machine?), and it must boot from the network first.`;
    case "pxe":
      return `${console}: the boot script was fetched, so the kernel did not start, or did not reach ${url} for its config.`;
    case "config":
      return `${console}: the config was fetched, and the installer did not get on with it.`;
    default:
      return `${console}: the installer runs; the mirror may be slow or out of reach, or it asks a question.`;
  }
}

const TAIL_LINES = 20;
const TAIL_CHARS = 2_000;

/** The end of a log, short enough for a message. */
export function tailOf(text: string): string {
  const lines = text.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
  return lines.length > TAIL_CHARS ? `…${lines.slice(-TAIL_CHARS)}` : lines;
}

function failureOf(watched: Watched, events: readonly BootEvent[], failed: BootEvent): string {
  const last = lastStage(watched, events);
  const after = last ? ` after "${last.stage}"` : "";
  const tail = failed.detail ? `:\n${tailOf(failed.detail)}\n` : " and sent no log. ";
  return `image "${watched.image}": its installer failed${after}${tail}"pulumi up" builds it anew on a blank disk; until then its builder "${watched.builder}" stays for a look.`;
}
