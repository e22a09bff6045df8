import { type Mark, markText } from "../core/definition";
import { readMark, withMark } from "./marks";

/** A record of a FOG server, on its way out of this stack. */
export interface Leaving {
  /** `host "pod1-node1"` */
  who: string;
  description: string;
  onDestroy?: "release" | "delete" | undefined;
  /** Write the description that it had before us. */
  release(description: string): Promise<unknown>;
  /** Remove it, unless something needs it still. */
  remove(): Promise<void>;
}

interface LeavingRun {
  readonly mark: Mark;
  say(message: string, severity?: "info" | "warning"): void;
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
}

/** By its mark: somebody else's is left alone, an adopted one is released as it is, ours is removed. */
export async function giveBack(
  { who, description, onDestroy, release, remove }: Leaving,
  run: LeavingRun,
): Promise<void> {
  const mark = readMark(description);
  if (mark?.text !== markText(run.mark)) {
    const whose = mark ? `belongs to ${mark.text} now` : "does not carry our mark any more";
    run.say(`the FOG server's ${who} ${whose}: it is left alone`, "warning");
    return;
  }
  if (mark.adopted && onDestroy !== "delete") {
    await run.step("1/1 release", () => release(withMark(description, undefined)));
    run.say(`the FOG server's ${who} was there before this stack: released, as it is`);
    return;
  }
  await run.step("1/1 delete", remove);
}
