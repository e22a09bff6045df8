import { textOf } from "../import/fields";
import type { Notes } from "../import/notes";

/** A path that cannot be taken for a password: under a well-known folder, the home, or a dot. */
const PATH = /^(~|\.{1,2}|\/(etc|root|home|var|opt|srv|usr|run|mnt|tmp))(\/[A-Za-z0-9._-]+)+$/;

/** The by-name form of a value that LaaS took as a secret or as the path of a file with it. Never its value. */
export function secretOf(where: string, value: unknown, name: string, notes: Notes): unknown {
  const text = textOf(value);
  if (text === undefined) return undefined;
  if (PATH.test(text)) return { file: text };
  notes.add(
    where,
    `a secret is never written here: set it with "pulumi config set --secret ${name}" (or, if it was a path, write { file: <path> })`,
  );
  return { secret: name };
}
