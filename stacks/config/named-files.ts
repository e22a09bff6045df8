import * as os from "node:os";
import * as path from "node:path";
import { isPublicKey } from "./formats";
import type { ConfigPath } from "./types";

/** What the long form needs of the outside, and where it says what is wrong. */
export interface Reading {
  readFile(path: string): string;
  problem(path: ConfigPath, message: string): void;
}

/** A key line, or the content of a `.pub` file. What is no public key is not repeated. */
export function publicKey(written: string, at: ConfigPath, reading: Reading): string {
  const isFile = written.endsWith(".pub") && !/\s/.test(written);
  const text = isFile ? read(inHome(written), at, reading)?.trim() : written.trim();
  if (text === undefined || isPublicKey(text)) return text ?? "";
  reading.problem(
    at,
    isFile
      ? `${written} holds no public key`
      : 'a public key is one line like "ssh-ed25519 AAAA… comment", or the path of a file that ends in .pub',
  );
  return "";
}

/** `~/` as a shell reads it. Only for `.pub` files: a config must not be able to print others in a preview. */
const inHome = (file: string): string =>
  file.startsWith("~/") ? path.join(os.homedir(), file.slice(2)) : file;

/** The text of a template inside the project: a config must not be able to print other files in a preview. */
export function template(file: string | undefined, at: ConfigPath, reading: Reading): string | undefined {
  return file === undefined ? undefined : textInside(file, [...at, "template"], reading, "templates/");
}

/** The text of a file inside the project; `home` is where such files may lie, for messages. */
export function textInside(file: string, at: ConfigPath, reading: Reading, home: string): string | undefined {
  const inside = path.posix.normalize(file.replaceAll("\\", "/"));
  if (
    inside.startsWith("../") ||
    inside.startsWith("/") ||
    /^[A-Za-z]:/.test(inside) ||
    inside.startsWith("~")
  ) {
    reading.problem(at, `${file} lies outside of the project; copy it in, for instance to ${home}`);
    return undefined;
  }
  // .git/config holds a checkout's token, .labplan the passphrase; a preview would print them.
  if (inside.split("/").some((part) => part.startsWith("."))) {
    reading.problem(
      at,
      `${file} lies in a hidden place; copy it to one that is meant to be read, for instance ${home}`,
    );
    return undefined;
  }
  return read(file, at, reading);
}

function read(file: string, at: ConfigPath, reading: Reading): string | undefined {
  try {
    return reading.readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    reading.problem(
      at,
      `${file} ${code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "error"})`}`,
    );
    return undefined;
  }
}
