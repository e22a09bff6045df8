import { joinOrStart } from "../../kickstart/server/join";
import { BindError, type BootServer } from "../../kickstart/server/server";
import type { Run } from "../core/definition";
import { stopwatch } from "../core/stopwatch";
import type { BootServerInputs } from "./build";

/** A bridge gets its address a moment after its network was started. */
const ADDRESS_WAIT_S = 30;
const POLL_MS = 500;

interface Shared {
  server: Promise<BootServer>;
  users: number;
}

/** One server per address and process: its first user's end must not cut off what the others' machines load. */
const running = new Map<string, Shared>();

/** Do `work` while the boot server of `folder` serves: ours, or the one of this lab that runs already. */
export async function withServer<T>(
  inputs: BootServerInputs,
  folder: string,
  run: Pick<Run, "now" | "signal" | "progress">,
  work: (server: BootServer) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([folder, inputs.bind, inputs.httpPort, inputs.tftpPort]);
  let shared = running.get(key);
  if (!shared) {
    shared = { server: startWhenUp(inputs, folder, run), users: 0 };
    running.set(key, shared);
  }
  shared.users++;
  try {
    return await work(await shared.server);
  } finally {
    shared.users--;
    if (shared.users === 0) {
      running.delete(key);
      await shared.server.then(
        (server) => server.close(),
        () => {}, // it never started, which its users were told
      );
    }
  }
}

async function startWhenUp(
  { bind, httpPort, tftpPort }: BootServerInputs,
  folder: string,
  run: Pick<Run, "now" | "signal" | "progress">,
): Promise<BootServer> {
  const watch = stopwatch(run);
  for (;;) {
    try {
      return await joinOrStart({ folder, bind, httpPort, tftpPort });
    } catch (error) {
      const isSoon = error instanceof BindError && error.code === "EADDRNOTAVAIL";
      if (!isSoon || watch.elapsedS() >= ADDRESS_WAIT_S) throw error;
      run.progress(`waiting for this machine to have the address ${bind}`);
      await watch.pause(POLL_MS);
    }
  }
}
