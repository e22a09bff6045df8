import type { CallOptions, LongOptions } from "./client";
import type { HostFiles } from "./files";
import type { Host } from "./host";

/** How one run reaches a host: its signal ends its calls, and it hears what they wait for. */
export interface Calls {
  readonly label: string;
  readonly files: HostFiles;
  /** Stdout of a short call. */
  run(...argv: string[]): Promise<string>;
  /** A call that may take minutes. */
  runLong(argv: readonly string[], options: LongOptions | undefined): Promise<string>;
  /** The run's signal, for what is done with files. */
  readonly signal: AbortSignal | undefined;
}

export interface Caller extends CallOptions {
  /** A line on the run's row. */
  tell?: (message: string) => void;
}

export function callsOf(host: Host, caller: Caller): Calls {
  const tell = caller.tell ?? (() => {});
  return {
    label: host.label,
    files: host.files,
    signal: caller.signal,
    run: (...argv) => host.call(argv, { signal: caller.signal, tell }),
    runLong: (argv, options = {}) => {
      const signals = [caller.signal, options.signal].filter((one) => one !== undefined);
      return host.call(argv, {
        signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
        tell,
        long: true,
        onPercent: options.onProgress,
      });
    },
  };
}
