import { execFileSync } from "node:child_process";
import { findProgram } from "../../../kickstart/programs";

/** Undefined when the validators are here, else what is missing. */
export function available(): string | undefined {
  const missing = (["ksvalidator", "debconf-set-selections", "bash"] as const).filter(
    (name) => !findProgram(name),
  );
  if (missing.length > 0)
    return `${missing.join(", ")} not installed; test/systems/kickstart/install.sh installs what it takes`;
  try {
    execFileSync(findProgram("ksvalidator") ?? "", ["--help"], { stdio: "pipe" });
  } catch {
    return "ksvalidator does not run; test/systems/kickstart/install.sh installs it anew";
  }
  return undefined;
}
