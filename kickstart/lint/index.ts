import type { Installer } from "../variables";
import { lintAnyText } from "./any-text";
import { lintAutoinstall } from "./autoinstall";
import { type Finding, Findings, type LintOptions } from "./finding";
import { lintKickstart } from "./kickstart";
import { lintPreseed } from "./preseed";

export { lintCommandLine } from "./command-line";
export type { Finding, LintOptions } from "./finding";

/** What is wrong with an installer's file, by line; pure. Placeholders of ours count as rendered. */
export function lint(installer: Installer, text: string, options: LintOptions = {}): Finding[] {
  const findings = new Findings();
  lintAnyText(text, findings);
  if (installer === "kickstart") lintKickstart(text, options, findings);
  else if (installer === "preseed") lintPreseed(text, options, findings);
  else lintAutoinstall(text, options, findings);
  return findings.list();
}
