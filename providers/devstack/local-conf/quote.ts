import type { Part } from "./value";

const PLAIN = /^[A-Za-z0-9_./:@%+,=-]*$/;
// A raw newline would let a value bring a line of its own, even one that looks like a meta-section.
const CONTROL = /\p{Cc}/gu;

/**
 * The right side of `NAME=…` in localrc, which bash sources: variables stand bare (an assignment splits no words),
 * text that means something to a shell and every secret stand in single quotes, control characters in `$'…'`.
 * Always one line.
 */
export function localrcValue(parts: readonly Part[]): string {
  return joined(parts, (name, next) => (startsName(next) ? `\${${name}}` : `$${name}`));
}

/** A word of a command in localrc, e.g. of `enable_plugin`. */
export function localrcWord(parts: readonly Part[]): string {
  return joined(parts, (name) => `"$${name}"`) || "''";
}

/** For between the single quotes of `localrcValue`. */
export function insideSingleQuotes(text: string): string {
  return text.replaceAll("'", `'\\''`).replace(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    // Above ASCII a character is more than the one byte that \\x writes.
    return code > 0x7f ? character : `'$'\\x${code.toString(16).padStart(2, "0")}''`;
  });
}

/**
 * The right side of `name = …` in a section of a configuration file. devstack hands it through three readers, each
 * with special characters of its own, the last first: sed in `iniset` (backslash, `&`), `eval` of it between double
 * quotes (backslash, `"`, `$`, backtick), `read` without -r (backslash). Variables are expanded by the `eval`.
 */
export function configValue(parts: readonly Part[]): string {
  return parts
    .map((part, index) => {
      if ("text" in part) return throughReaders(part.text);
      if ("secret" in part) return `{{secret:${part.secret}}}`;
      return startsName(parts[index + 1]) ? `\${${part.variable}}` : `$${part.variable}`;
    })
    .join("");
}

export function throughReaders(text: string): string {
  const forSed = text.replace(/[\\&]/g, "\\$&");
  const forEval = forSed.replace(/[\\"$`]/g, "\\$&");
  return forEval.replaceAll("\\", "\\\\");
}

function joined(parts: readonly Part[], variable: (name: string, next: Part | undefined) => string): string {
  let text = "";
  let quoted = "";
  const flush = () => {
    if (quoted !== "") text += `'${quoted}'`;
    quoted = "";
  };
  for (const [index, part] of parts.entries()) {
    if ("variable" in part) {
      flush();
      text += variable(part.variable, parts[index + 1]);
    } else if ("secret" in part) quoted += `{{secret:${part.secret}}}`;
    else if (PLAIN.test(part.text) && quoted === "" && !("secret" in (parts[index + 1] ?? {})))
      text += part.text;
    else quoted += insideSingleQuotes(part.text);
  }
  flush();
  return text;
}

function startsName(part: Part | undefined): boolean {
  // A secret may begin with a letter.
  return part !== undefined && ("secret" in part || ("text" in part && /^\w/.test(part.text)));
}
