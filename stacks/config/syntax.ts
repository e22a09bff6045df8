import { isMap } from "yaml";
import type { PositionedProblem } from "./positions";
import { configEntry, lineOf, type StackFile } from "./stack-file";

/** What makes a file no YAML, or no stack's file. */
export function syntaxProblems(file: StackFile): PositionedProblem[] {
  const at = (offset: number, message: string): PositionedProblem => ({
    file: file.path,
    ...lineOf(file, offset),
    path: [],
    message,
  });
  const { errors } = file.document;
  const doubled = errors.filter(({ code }) => code === "DUPLICATE_KEY");
  const [broken] = errors.filter(({ code }) => code !== "DUPLICATE_KEY");
  // After the first break a parser guesses, and what it says of the rest is noise.
  if (broken) return [at(broken.pos[0], `not valid YAML: ${broken.message}`)];
  if (doubled.length > 0)
    return doubled.map(({ pos }) =>
      at(pos[0], "this key stands twice in the same map; take one of them out"),
    );
  try {
    file.document.toJS({ maxAliasCount: 10_000 });
  } catch (error) {
    return [at(0, `not valid YAML: ${(error as Error).message}`)];
  }
  const config = configEntry(file);
  if (!config?.value)
    return [at(0, 'there is no "config:" in this file; "npm run lab -- init <stack>" writes one')];
  return isMap(config.value)
    ? []
    : [at(config.value.range?.[0] ?? 0, "config: must be a map of config keys")];
}
