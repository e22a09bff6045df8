import type { DevstackConfig } from "../config/types";
import type { Context } from "./context";
import { sortedKeys } from "./stable";

/** Of devstack's hooks, by their numbers. */
const EXTRA = /^[0-9]{2}-[A-Za-z0-9._-]+\.sh$/;
const PATCH = /^[A-Za-z0-9][A-Za-z0-9._-]*\.(patch|diff)$/;
/** Our own plugin, which tells the phases. */
const OURS = "labplan";

/** Checks of the section that need nothing else of the lab. */
export function checkTexts(
  { problems }: Context,
  { patches = {}, extras = {}, ...rest }: DevstackConfig,
): void {
  const at = (...path: string[]) => ["devstack", ...path];
  for (const name of sortedKeys(patches))
    if (!PATCH.test(name))
      problems.add(at("patches", name), `"${name}" is no name of a patch. Call it like "01-retries.patch".`);
    else if (patches[name] !== "" && !/^(diff |--- |Index: )/m.test(patches[name] ?? ""))
      problems.add(
        at("patches", name),
        "it is no unified diff: no line begins with `--- `. Make one by `git diff`.",
      );
  for (const name of sortedKeys(extras))
    if (!EXTRA.test(name))
      problems.add(
        at("extras", name),
        `files of extras.d are called like "60-site.sh", and not "${name}". Rename it.`,
      );
  if (rest.plugins && Object.hasOwn(rest.plugins, OURS))
    problems.add(
      at("plugins", OURS),
      `the plugin "${OURS}" is labplan's own, which tells the phases of stack.sh. Choose another name.`,
    );
  const { timeoutS, silenceS } = rest;
  if (timeoutS !== undefined && silenceS !== undefined && silenceS > timeoutS)
    problems.add(
      at("silence"),
      `stack.sh may be silent for ${silenceS} s, and take ${timeoutS} s in all. Make \`silence\` the shorter one.`,
    );
  if (rest.user === "root")
    problems.add(at("user"), "stack.sh refuses to run as root. Leave `user` out, and it is `stack`.");
  if (/^[a-z]+:\/\/[^/@]*:[^/@]*@/.test(rest.repo ?? rest.gitBase ?? ""))
    problems.add(
      at(rest.repo === undefined ? "gitBase" : "repo"),
      "a password in a URL would be in the state and in git's logs. Use a repository that can be read without one.",
    );
}
