import * as fs from "node:fs";
import { afterDestroy, parseLock, renderLock } from "../stacks/plan/lock-file";
import type { ExportedStack } from "./pending";

/** What makes no thing of ours: the stack itself, and the providers of packages. */
const ENGINES_OWN = /^pulumi:(pulumi:Stack|providers:)/;

/** A destroy can leave some of it: it was told to, or failed. */
export const isEmptied = ({ deployment }: ExportedStack): boolean =>
  (deployment.resources ?? []).every(({ type }) => ENGINES_OWN.test(type));

/**
 * Take out of a lock file what it says of things that are gone. Addresses, names and ports stay, so that the next `up`
 * gives the same ones. Returns whether there was anything to forget.
 */
export function forgetDestroyed(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  const text = fs.readFileSync(file, "utf8");
  const after = renderLock(afterDestroy(parseLock(text, file)));
  if (after === renderLock(parseLock(text, file))) return false;
  const partial = `${file}.${process.pid}.part`;
  fs.writeFileSync(partial, after);
  fs.renameSync(partial, file);
  return true;
}
