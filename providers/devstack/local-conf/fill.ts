import { insideSingleQuotes, throughReaders } from "./quote";

/** A secret that cannot stand where the text wants it. Never holds its value. */
export class LocalConfSecretError extends Error {
  override readonly name = "LocalConfSecretError";
  constructor(
    readonly secret: string,
    readonly line: number,
    why: string,
  ) {
    super(`secret "${secret}" cannot stand in line ${line} of local.conf: ${why}`);
  }
}

const PLACEHOLDER = /\{\{secret:([^{}]+)\}\}/g;

/**
 * Put the secrets into a local.conf of `mergeLocalConf`, each quoted for the place where it stands: what looks like
 * a variable or a quote in a secret is part of the secret.
 */
export function fillLocalConf(text: string, secretOf: (name: string) => string): string {
  let local = false;
  return text
    .split("\n")
    .map((line, index) => {
      const header = /^\[\[([^|]+)\|.*\]\]/.exec(line);
      if (header !== null) local = header[1] === "local";
      if (local)
        return line.replace(PLACEHOLDER, (_, name: string) => {
          const value = secretOf(name);
          if (value.includes("\0")) throw new LocalConfSecretError(name, index + 1, "it holds a NUL byte");
          return insideSingleQuotes(value);
        });
      return line.replace(PLACEHOLDER, (found, name: string, at: number) => {
        const value = secretOf(name);
        const why = whyNotInConfig(value, {
          first: /=\s*$/.test(line.slice(0, at)),
          last: at + found.length === line.length,
        });
        if (why !== undefined) throw new LocalConfSecretError(name, index + 1, why);
        return throughReaders(value);
      });
    })
    .join("\n");
}

/** Why devstack's reader cannot carry a text in a setting of a configuration file. */
export function whyNotInConfig(text: string, at = { first: true, last: true }): string | undefined {
  if (/[\r\n]/.test(text)) return "devstack reads such settings line by line, and it holds a line break";
  if (/[^\P{Cc}\t]/u.test(text)) return "it holds a control character";
  if ((at.first && /^[ \t]/.test(text)) || (at.last && /[ \t]$/.test(text)))
    return "devstack strips blanks at the ends of such settings";
  return undefined;
}
