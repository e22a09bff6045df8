import type { BootEvent, InstallFiles, Registration } from "../../kickstart/server/types";
import type { Power } from "./builder";
import { judge, type Watched } from "./progress";

/** Everything that tells where an earlier run left off. */
export interface Traces {
  /** Of the builder's MAC. */
  registration: Registration | undefined;
  /** What would be served now, with that registration's token. */
  wanted: InstallFiles | undefined;
  events: readonly BootEvent[];
  builder: Power;
}

/**
 * - `follow`: it is under way, of the same config; it is not started twice
 * - `finish`: it is installed, and only the rest is to be done
 * - `anew`: nothing, or nothing to be trusted: from a blank disk
 */
export type Way = { way: "follow" | "finish" | "anew"; why: string };

/** What to do with what an earlier run left. Told from the boot log and the builder, so that a killed run needs no state. */
export function wayOn(traces: Traces, watched: Watched, now: Date): Way {
  const { registration, wanted, events, builder } = traces;
  if (!registration) return { way: "anew", why: "it is not under way" };
  if (registration.purpose !== "install" || registration.machine !== watched.image)
    return { way: "anew", why: `its MAC was registered for "${registration.machine}"` };
  if (!wanted || !sameFiles(registration.install, wanted))
    return { way: "anew", why: "its config was edited since it began" };
  const verdict = judge(watched, events, builder === "running" ? "running" : "off", now);
  switch (verdict.kind) {
    case "wait":
      return { way: "follow", why: verdict.line };
    case "installed":
      return verdict.isOff ? { way: "finish", why: verdict.line } : { way: "follow", why: verdict.line };
    case "failed":
      return { way: "anew", why: reasons[verdict.why] };
  }
}

const reasons = {
  "said so": "the last one failed",
  "switched off": "the last one was never finished",
  stage: "the last one got stuck",
  overall: "the last one ran out of time",
  "still on": "the last one did not switch itself off",
} as const;

/** The files themselves are known by their checksums, which their paths in the cache are. */
const sameFiles = (a: InstallFiles | undefined, b: InstallFiles): boolean =>
  a !== undefined &&
  (["installer", "text", "kernel", "initrd", "cmdline"] as const).every((field) => a[field] === b[field]);
