import { fillPlaceholders } from "../../kickstart/placeholders";
import { validate } from "../../kickstart/validate";
import type { Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { BuildInputs } from "./build";
import { natTftpProblems } from "./nat-tftp";
import { checkPasswords } from "./text";

/** For validators, which stumble over what is filled in only when it is served: something of the same shape. */
const SAMPLE = {
  boot: {
    url: "http://192.0.2.1:8069",
    token: "0".repeat(32),
    config: `http://192.0.2.1:8069/config/${"0".repeat(32)}/file`,
  },
  secret: () => "$6$sample$sample",
};

/** What the installers' own people's programs say of the rendered file, where they are; and whether its secrets will do. */
export async function precheckOf(
  inputs: Pick<BuildInputs, "name" | "installer" | "text" | "release" | "via">,
  run: Pick<Run, "backend" | "signal" | "say" | "secret">,
): Promise<Problem[]> {
  const { name, installer, text, release } = inputs;
  const { findings, absent } = await validate(installer, fillPlaceholders(text, SAMPLE), {
    release,
    signal: run.signal,
  });
  const lines = text.trimEnd().split("\n").length;
  run.say(`image "${name}": its ${installer} has ${lines} lines; "--diff --show-full-output" shows them`);
  for (const what of new Set(absent)) run.say(`image "${name}": not checked: ${what}`);
  const problems = findings.flatMap(({ line, severity, rule, message }): Problem[] => {
    const told = `line ${line} of its config: ${message} (${rule})`;
    if (severity === "error") return [{ field: "text", message: `image "${name}": ${told}` }];
    run.say(`image "${name}": ${told}`, "warning");
    return [];
  });
  try {
    checkPasswords(name, text, run.secret);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    problems.push({ field: "text", message: error.message });
  }
  problems.push(...(await natTftpProblems(inputs, run)));
  return problems;
}
