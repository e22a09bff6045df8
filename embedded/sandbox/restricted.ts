import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { homeOfUser, type Isolation, type Runner, type RunnerOptions, type RunRequest } from "./runner";

/**
 * For systems without name spaces for ordinary users. Commands run in bash's restricted mode, which has no command
 * names with a slash, no `>`, no `cd` and no other PATH; and PATH holds nothing but commands of ours, which take every
 * path as one inside the sandbox's folder. So little works, and nothing can reach the host.
 */
export function restrictedIsolation(folder: string): Isolation {
  const shims = path.join(folder, "shims");
  const program = path.join(folder, "shim.cjs");
  fs.mkdirSync(shims, { recursive: true, mode: 0o700 });
  // A copy, because the project's own folder may be closed to our user.
  fs.writeFileSync(program, SHIM_PROGRAM, { mode: 0o600 });
  for (const name of COMMANDS) {
    const text = `#!/bin/sh\nexec ${process.execPath} ${program} ${name} "$@"\n`;
    fs.writeFileSync(path.join(shims, name), text, { mode: 0o700 });
  }
  return { name: "restricted", create: (options) => new RestrictedRunner(options, shims) };
}

const SHIM_PROGRAM = fs.readFileSync(path.join(__dirname, "shim.cjs"), "utf8");
const COMMANDS = (require("./shim.cjs") as { names: string[] }).names;
const BASH = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"].find((file) => fs.existsSync(file));
/** Exit codes by which the commands ask for the machine's end. */
const EXIT = { poweroff: 210, reboot: 211 } as const;

class RestrictedRunner implements Runner {
  private readonly children = new Set<ChildProcess>();
  private killed = false;

  constructor(
    private readonly options: RunnerOptions,
    private readonly shims: string,
  ) {}

  async run({ command, user, env }: RunRequest): Promise<ChildProcess> {
    if (this.killed) throw new Error("the machine is off");
    if (BASH === undefined) throw new Error("commands need bash here, because there are no user name spaces");
    const { root, onExit } = this.options;
    const args = ["--noprofile", "--norc", "--restricted", ...(command === undefined ? [] : ["-c", command])];
    const child = spawn(BASH, args, {
      cwd: root,
      detached: true,
      env: {
        ...env,
        PATH: this.shims,
        HOME: homeOfUser(user),
        USER: user,
        LOGNAME: user,
        SANDBOX_ROOT: root,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.children.add(child);
    child.on("exit", (code) => {
      this.children.delete(child);
      if (this.killed) return;
      if (code === EXIT.poweroff) onExit("poweroff");
      if (code === EXIT.reboot) onExit("reboot");
    });
    return child;
  }

  async kill(): Promise<void> {
    this.killed = true;
    await Promise.all(
      [...this.children].map(
        (child) =>
          new Promise<void>((resolve) => {
            child.on("exit", () => resolve());
            if (child.pid === undefined || child.exitCode !== null) resolve();
            else killGroup(child.pid);
          }),
      ),
    );
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Ended by itself.
  }
}
