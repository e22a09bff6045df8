import * as fs from "node:fs";
import * as path from "node:path";
import type { ExportedStack } from "./pending";
import { pulumi, pulumiOutput } from "./pulumi";
import { isLocked } from "./stale-lock";
import { HOME, pulumiEnv } from "./workspace";

export const backendUrl = (): string =>
  pulumiEnv().PULUMI_BACKEND_URL ?? process.env.PULUMI_BACKEND_URL ?? "";

/** A stack's state, as its backend has it. */
export interface StackState {
  /** Has a run its lock on it, as far as can be seen from here? */
  isLocked(): boolean;
  /** Word for word the same as long as nobody writes it; undefined without a stack. */
  exported(): Promise<string | undefined>;
  /** The backend itself refuses it while a run is at work. */
  import(state: ExportedStack): Promise<void>;
}

export const stackState = (stack: string): StackState => ({
  isLocked: () => isLocked(backendUrl(), stack),
  async exported() {
    const { code, stdout } = await pulumiOutput(["stack", "export", "--stack", stack]);
    return code === 0 ? stdout : undefined;
  },
  async import(state) {
    const file = path.join(HOME, `import-${process.pid}.json`);
    fs.writeFileSync(file, JSON.stringify(state), { mode: 0o600 });
    try {
      if (await pulumi(["stack", "import", "--stack", stack, "--file", file]))
        throw new Error("what the killed run was making could not be taken in; the message is above");
    } finally {
      fs.rmSync(file, { force: true });
    }
  },
});

export async function exportedStack(stack: string): Promise<ExportedStack | undefined> {
  const text = await stackState(stack).exported();
  return text === undefined ? undefined : (JSON.parse(text) as ExportedStack);
}
