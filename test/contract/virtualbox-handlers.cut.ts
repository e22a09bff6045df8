import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VirtualBoxBackend } from "../../stacks/config/types";

/**
 * A VBoxManage that stands before another one and dies at a chosen call like a process that is killed: before the call
 * is made, or after it is done and before the answer is back. Nothing gets through after that.
 */
export class CutVBoxManage {
  readonly backend: VirtualBoxBackend;
  private readonly folder = mkdtempSync(join(tmpdir(), "labplan-cut-"));

  constructor(command: readonly string[], mediaFolder: string) {
    const program = join(this.folder, "vboxmanage.sh");
    const words = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    writeFileSync(
      program,
      `#!/bin/sh
cd '${this.folder}'
die() { : > dead; echo "VBoxManage: error: the test killed this call" >&2; exit 1; }
[ -e dead ] && die
n=$(($(cat count) + 1)); echo $n > count
read -r at when < cut
[ "$at $when" = "$n before" ] && die
${words} "$@"; code=$?
[ "$at $when" = "$n after" ] && die
exit $code
`,
      { mode: 0o755 },
    );
    this.backend = { kind: "virtualbox", vboxManage: program, folder: mediaFolder };
    this.arm();
  }

  /** Count from here, and die at a call; without one, live. */
  arm(cut?: { at: number; when: "before" | "after" }): void {
    writeFileSync(join(this.folder, "count"), "0\n");
    writeFileSync(join(this.folder, "cut"), cut ? `${cut.at} ${cut.when}\n` : "0 never\n");
    rmSync(join(this.folder, "dead"), { force: true });
  }

  /** Calls since `arm`. */
  get calls(): number {
    const file = join(this.folder, "count");
    return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
