import type { ChildProcess } from "node:child_process";

export interface RunRequest {
  /** Shell text; absent for an interactive shell. */
  command?: string;
  user: string;
  env: Record<string, string>;
  /** A terminal was asked for. */
  terminal?: boolean;
}

/** Runs commands inside one sandbox. */
export interface Runner {
  run(request: RunRequest): Promise<ChildProcess>;
  /** End everything in it; resolves when nothing of it runs any more. */
  kill(): Promise<void>;
}

export interface RunnerOptions {
  /** The sandbox's own root folder. */
  root: string;
  hostName: string;
  /** The machine went down by itself. */
  onExit: (how: "poweroff" | "reboot") => void;
  log: (line: string) => void;
}

/** How sandboxes are kept apart from the host and from each other on this system. */
export interface Isolation {
  readonly name: "namespaces" | "restricted";
  /** Whether text of a shell can be run at all. */
  create(options: RunnerOptions): Runner;
}

/** Home of a login name, inside. */
export const homeOfUser = (user: string): string => (user === "root" ? "/root" : `/home/${user}`);
