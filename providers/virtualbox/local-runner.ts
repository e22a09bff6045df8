import { spawn } from "node:child_process";
import { type Clock, systemClock } from "../ssh/clock";
import { VBoxManageMissing } from "./errors";
import { LOCALE, NoAnswer, type Runner, type RunOptions, type RunResult } from "./runner";

export interface LocalProgram {
  label: string;
  /** Program and the arguments that come before VBoxManage's. */
  command: readonly [string, ...string[]];
  env?: NodeJS.ProcessEnv;
  clock?: Clock;
}

/** More than any list of VBoxManage's; a runaway is stopped there. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** For a client that was told to end and hangs with its server. */
const KILL_AFTER_MS = 2_000;

/** Variables that choose which VirtualBox is meant, and where its programs are; nothing else of ours reaches it. */
const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|USERPROFILE|APPDATA|SystemRoot|TMPDIR|TEMP|TMP|XDG_\w+|VBOX_\w+|DISPLAY|LABPLAN_EMBEDDED_\w+)$/i;

/** VBoxManage as a child of this process. */
export function localRunner(program: LocalProgram): Runner {
  const { label, clock = systemClock } = program;
  const [file, ...before] = program.command;
  const source = { ...process.env, ...program.env };
  const env: NodeJS.ProcessEnv = Object.fromEntries(
    Object.entries(source).filter(([name]) => PASSED_ON.test(name)),
  );
  Object.assign(env, LOCALE);

  function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted();
      const child = spawn(file, [...before, ...argv], {
        env,
        stdio: ["ignore", "pipe", "pipe"],
        windowsHide: true,
      });
      const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      let size = 0;
      let cancelDeadline = () => {};
      const settle = (action: () => void) => {
        cancelDeadline();
        options.signal?.removeEventListener("abort", abort);
        action();
      };
      const give = (reason: unknown) => {
        end(child.pid === undefined ? undefined : child);
        settle(() => reject(reason));
      };
      const abort = () => give(options.signal?.reason);
      const late = () => give(new NoAnswer(`no answer within ${Math.round(options.deadlineMs / 1_000)} s`));
      const wind = () => {
        cancelDeadline();
        cancelDeadline = clock.timer(options.deadlineMs, late);
      };
      const keep = (name: "stdout" | "stderr") => (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_OUTPUT_BYTES)
          return give(new Error(`${label}: VBoxManage wrote more than ${MAX_OUTPUT_BYTES} bytes`));
        output[name].push(chunk);
        if (name === "stdout" || !options.onProgress) return;
        wind();
        options.onProgress(chunk.toString("utf8"));
      };
      wind();
      options.signal?.addEventListener("abort", abort, { once: true });
      child.stdout.on("data", keep("stdout"));
      child.stderr.on("data", keep("stderr"));
      child.on("error", (cause: NodeJS.ErrnoException) => {
        const next =
          cause.code === "ENOENT"
            ? "Install VirtualBox, or name the program by vboxManage:"
            : "May this user run it?";
        settle(() =>
          reject(
            new VBoxManageMissing(`${label}: ${file} cannot be run (${cause.code}). ${next}`, { cause }),
          ),
        );
      });
      child.on("close", (code, signal) => {
        const text = (parts: Buffer[]) => Buffer.concat(parts).toString("utf8");
        const stderr = text(output.stderr) + (signal ? `\nended by ${signal}` : "");
        settle(() => resolve({ code: code ?? 128, stdout: text(output.stdout), stderr }));
      });
    });
  }

  /** Ends the client alone, by its pid: VBoxSVC, which machines depend on, is another process. */
  function end(child: ReturnType<typeof spawn> | undefined): void {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const cancel = clock.timer(KILL_AFTER_MS, () => child.kill("SIGKILL"));
    child.once("exit", cancel);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }

  return { label, run, close: async () => {} };
}
