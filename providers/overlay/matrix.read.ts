import type { PairResult } from "./types";

export type Answer = Pick<PairResult, "reached" | "fullSize" | "reason">;

/** Lines of PING: `address small full text`, by address. */
export function readAnswers(output: string): Map<string, Answer> {
  const answers = new Map<string, Answer>();
  for (const line of output.split("\n")) {
    const [, address, small, full, text = ""] = /^(\S+) (\d+) (\d+) ?(.*)$/.exec(line) ?? [];
    if (address === undefined) continue;
    const reached = small === "0";
    const fullSize = reached && full === "0";
    answers.set(address, {
      reached,
      fullSize,
      ...(fullSize ? {} : { reason: reasonIn(text) }),
    });
  }
  return answers;
}

/** What ping says about why, the most telling first (iputils' ping; the kernel's own words for local errors). */
const REASONS = [
  /message too long, mtu[=:]? ?\d+/i,
  /frag needed and DF set \(mtu = \d+\)/i,
  /packet too big[^|]*/i,
  /destination (?:host|net|port) (?:unreachable|prohibited)/i,
  /destination unreachable: [^|]*/i,
  /network is unreachable/i,
  /time to live exceeded/i,
  /operation not permitted/i,
  /100% packet loss/i,
];

export function reasonIn(text: string): string {
  for (const pattern of REASONS) {
    const [said] = pattern.exec(text) ?? [];
    if (said !== undefined) return said.trim();
  }
  return (
    text
      .split("|")
      .map((line) => line.trim())
      .find((line) => line !== "" && !line.startsWith("PING ")) ?? "ping said nothing"
  );
}
