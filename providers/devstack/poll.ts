import type { RootShell } from "../ssh/root-shell";
import { UserShell } from "./on-node";
import { POLL } from "./runner";
import type { NodeInputs } from "./types";

/** What the node says of the last run of one of devstack's scripts there. Times are the node's own, in seconds. */
export interface Polled {
  now: number;
  /** stack.sh was begun, and not undone since. */
  dirty: boolean;
  /** The clone is there with our notes about it. */
  clone: boolean;
  /** Digest of what stands there; absent when nothing does. */
  stacked?: string;
  /** ISO 8601 */
  stackedAt?: string;
  follower?: { name: string; at: number };
  run?: PolledRun;
}

export interface PolledRun {
  id: string;
  script: string;
  digest: string;
  /** Who asked for it. */
  by: string;
  begun: number;
  pid: number;
  /** `orphans`: the runner was killed, and what it had started goes on. `died`: it ended without a word. */
  state: "running" | "orphans" | "died" | "ended";
  code?: number;
  seconds?: number;
  /** When its log was last written to. */
  heard: number;
  lines: number;
  /** `stack install` */
  phase?: string;
  /** Seconds that the last stack.sh took that succeeded. */
  usual?: number;
  /** Last lines of its log. May hold secrets. */
  last: string[];
}

/** Of what `POLL` says. */
export function parsePoll(text: string): Polled {
  const [head = "", ...log] = text.split("\nlog=\n");
  const fields = new Map(
    head.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const number = (key: string): number | undefined => {
    const value = fields.get(key)?.trim();
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  };
  const [stacked, stackedAt, follower, id] = ["stacked", "at", "follower", "id"].map((key) =>
    fields.get(key),
  );
  const polled: Polled = {
    now: number("now") ?? 0,
    dirty: fields.has("dirty"),
    clone: fields.has("clone"),
    ...(stacked === undefined ? {} : { stacked, stackedAt: stackedAt ?? "" }),
    ...(follower === undefined ? {} : { follower: { name: follower, at: number("followed") ?? 0 } }),
  };
  if (id === undefined) return polled;
  const [code, seconds, usual] = ["code", "seconds", "usual"].map(number);
  const phase = fields.get("phase");
  polled.run = {
    id,
    script: fields.get("script") ?? "",
    digest: fields.get("digest") ?? "",
    by: fields.get("by") ?? "",
    begun: number("begun") ?? 0,
    pid: number("pid") ?? 0,
    state: fields.has("running")
      ? "running"
      : code !== undefined
        ? "ended"
        : fields.has("orphans")
          ? "orphans"
          : "died",
    ...(code === undefined ? {} : { code }),
    ...(seconds === undefined ? {} : { seconds }),
    heard: number("heard") ?? 0,
    lines: number("lines") ?? 0,
    ...(phase === undefined ? {} : { phase }),
    ...(usual === undefined ? {} : { usual }),
    last: log
      .join("\nlog=\n")
      .split("\n")
      .filter((line) => line.trim() !== ""),
  };
  return polled;
}

/** Look, and where a name is given leave word that it is followed. */
export async function poll(
  shell: RootShell,
  { user, home }: Pick<NodeInputs, "user" | "home">,
  follower = "",
): Promise<Polled> {
  const account = new UserShell(shell, { user, home });
  const { stdout } = await account.run("ask how stack.sh goes", POLL, [follower, home]);
  return parsePoll(stdout);
}
