import type { Rule } from "./rules";

/** Something that an installer's file says wrongly. */
export interface Finding {
  /** From 1. */
  line: number;
  /** An error stops the installation, or makes something that nobody wants. */
  severity: "error" | "warning";
  rule: Rule;
  /** Who, what, what next. Never a password. */
  message: string;
}

/** What the file is for. */
export interface LintOptions {
  /** `9`, `12`, `24.04` */
  release?: string;
  /** An image's builder must switch itself off. @default image */
  purpose?: "image" | "machine";
}

/** Collects findings; the same one is told once. */
export class Findings {
  readonly #found = new Map<string, Finding>();

  error(line: number, rule: Rule, message: string): void {
    this.#add({ line, severity: "error", rule, message });
  }

  warn(line: number, rule: Rule, message: string): void {
    this.#add({ line, severity: "warning", rule, message });
  }

  #add(finding: Finding): void {
    const key = `${finding.line} ${finding.rule} ${finding.message}`;
    if (!this.#found.has(key)) this.#found.set(key, finding);
  }

  /** By line. A line that was not rendered has whatever else is wrong from that. */
  list(): Finding[] {
    const all = [...this.#found.values()];
    const raw = new Set(all.filter(({ rule }) => rule === "unrendered").map(({ line }) => line));
    const told = all.filter(({ line, rule }) => rule === "unrendered" || !raw.has(line));
    return told.sort((a, b) => a.line - b.line || a.rule.localeCompare(b.rule));
  }
}
