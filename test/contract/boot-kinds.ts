import { spawn } from "node:child_process";
import { join } from "node:path";
import type { BackendConfig } from "../../stacks/config/types";
import { newTrace, type Trace } from "./libvirt-handlers.run";

/** What a process of its own is asked to do with a resource, and what it tells. */
export interface Asked<I> {
  kind: "boot:Build" | "boot:Record";
  backend: BackendConfig;
  what: "reconcile" | "remove";
  inputs: I;
  known?: object;
  secrets: Record<string, string>;
}
export interface Told<S> {
  trace: Trace;
  state?: S;
  error?: string;
}

export interface Asking<S> {
  told: Promise<Told<S>>;
  /** With SIGKILL; `told` then has nothing. */
  kill(): void;
}

/** `enter` is what to put before its command, so that the boot server's address is there. */
export function ask<I, S>(
  asked: Asked<I>,
  options: { enter: readonly string[]; env: Record<string, string> },
): Asking<S> {
  const argv = [process.execPath, "--require", "tsx/cjs", join(__dirname, "boot-kinds.child.ts")];
  const [command = "", ...args] = [...options.enter, ...argv];
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  child.stdin.end(JSON.stringify(asked));
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const told = new Promise<Told<S>>((resolve) => {
    child.once("close", () => {
      const text = Buffer.concat(output).toString();
      resolve(text ? (JSON.parse(text) as Told<S>) : { trace: newTrace() });
    });
  });
  // With its group: what enters a namespace has a child of its own.
  return { told, kill: () => void process.kill(-(child.pid ?? 0), "SIGKILL") };
}
