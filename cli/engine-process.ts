import * as fs from "node:fs";

/**
 * Is a process the engine, by the name that the kernel has of it (15 characters at most)? Packagers put it behind a
 * wrapper (`.pulumi-wrapped` of Nix); its plugins are called `pulumi-resource-…` and `pulumi-language-…`.
 */
export const isEngine = (name: string): boolean =>
  /^\.?pulumi(?!-(?:resource|language|analyze|convert|tool))/.test(name);

export interface Process {
  name: string;
  parent: number;
}

/** Undefined where it cannot be read: gone, another user's, or no Linux. */
export function processOf(pid: number): Process | undefined {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
    const [, name] = /^Name:\t(.*)$/m.exec(status) ?? [];
    const [, parent] = /^PPid:\t(\d+)$/m.exec(status) ?? [];
    return name === undefined || parent === undefined ? undefined : { name, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
