import { closest } from "../../stacks/config/suggest";
import type { Findings } from "./finding";
import type { KickstartFile } from "./kickstart-file";
import { ENVIRONMENTS, GROUPS } from "./kickstart-words";

const NAME = /^[A-Za-z0-9][A-Za-z0-9+._*?-]*$/;

/** Names of packages and groups: a wrong one stops the installer, or goes unseen with --ignoremissing. */
export function lintPackages({ sections }: KickstartFile, findings: Findings): void {
  const packages = sections.filter(({ name }) => name === "packages");
  if (packages.length === 0)
    findings.warn(1, "no-packages", "no %packages: the installer's default environment is installed");
  for (const { header, body, bodyLine } of packages) {
    if (header.options.has("--ignoremissing"))
      findings.warn(header.line, "errors-unseen", "--ignoremissing: a mistyped package goes unseen");
    body.forEach((raw, index) => {
      const word = raw.replace(/#.*$/, "").trim().replace(/^-/, "");
      if (word !== "") lintPackage(bodyLine + index, word, findings);
    });
  }
}

function lintPackage(line: number, word: string, findings: Findings): void {
  if (!word.startsWith("@")) {
    if (!NAME.test(word)) findings.error(line, "bad-package", `"${word.slice(0, 40)}" is no package's name`);
    return;
  }
  const isEnvironment = word.startsWith("@^");
  const name = word.slice(isEnvironment ? 2 : 1);
  const known = isEnvironment ? ENVIRONMENTS : GROUPS;
  // A module's stream: `@nodejs:18/common`.
  const [, id, stream] = /^([a-z0-9][a-z0-9._+-]*)(:[\w.-]+)?(?:\/[\w-]+)?$/.exec(name) ?? [];
  if (id === undefined) {
    findings.error(
      line,
      "bad-group",
      `"${word.slice(0, 40)}" is no group's id; ids are like @core, @^minimal-environment`,
    );
    return;
  }
  if (known.includes(id) || stream !== undefined) return;
  const near = closest(id, known);
  findings.warn(
    line,
    "unknown-group",
    `the distribution has no ${isEnvironment ? "environment" : "group"} "${id}"${near ? `. Did you mean "${near}"?` : ""}`,
  );
}
