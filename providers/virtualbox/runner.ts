/**
 * Every text that we read is the untranslated one. A plain C would make VBoxManage end with VERR_NO_TRANSLATION at a
 * name or path that is not ASCII (measured on 7.2.22).
 */
export const LOCALE = { LANG: "C.UTF-8", LC_ALL: "C.UTF-8" } as const;

/** What VBoxManage said. */
export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Milliseconds without an answer, or without output where `progress` counts, until it is given up. */
  deadlineMs: number;
  /** Called with what came on stderr, where VBoxManage writes its progress; each call begins the deadline anew. */
  onProgress?: (text: string) => void;
  signal?: AbortSignal | undefined;
}

/** Thrown by a runner when its deadline has passed. The client process is ended; VBoxSVC is left alone. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** The way to one host's VBoxManage. Knows nothing of what it runs. */
export interface Runner {
  /** For messages: `VirtualBox on rack1`. */
  readonly label: string;
  /** Arguments after the program's name. A non-zero exit is a result. */
  run(argv: readonly string[], options: RunOptions): Promise<RunResult>;
  close(): Promise<void>;
}
