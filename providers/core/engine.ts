// The one place where the provider process talks to the Pulumi engine: log lines, and "the engine is gone".
import { setMaxListeners } from "node:events";
import { connectivityState, credentials } from "@grpc/grpc-js";
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";

export type LogLine = { message: string; severity?: "info" | "warning"; urn?: string; ephemeral?: boolean };

/** How long handlers get to stop after the engine died. */
const GRACE_MS = 250;

const gone = new AbortController();
let client: EngineClient | undefined;

// Every wait of every resource listens to it: many at once are no leak.
setMaxListeners(0, gone.signal);

/** Aborts when the engine has died: a killed CLI leaves this process running, and it must not go on changing things. */
export const engineSignal: AbortSignal = gone.signal;

/**
 * Hold a channel to the engine from the start of the process; without it a provider that only served check, diff
 * and read outlives a killed engine (measured). Does nothing outside the dynamic-provider process.
 */
export function watchEngine(address: string | undefined = process.argv[2]): void {
  if (client || !address || !/:\d+$/.test(address)) return;
  const { EngineClient: Client } =
    require("@pulumi/pulumi/proto/engine_grpc_pb") as typeof import("@pulumi/pulumi/proto/engine_grpc_pb");
  // The default idle time-out of 30 minutes would look like a dead engine in a long step.
  client = new Client(address, credentials.createInsecure(), { "grpc.client_idle_timeout_ms": 0x7fffffff });
  client.waitForReady(Date.now() + 10_000, (error) => {
    if (!error) watchChannel();
  });
}

function watchChannel(): void {
  client
    ?.getChannel()
    .watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, () => stop());
}

function stop(): void {
  gone.abort(new Error("the Pulumi engine went away"));
  setTimeout(() => process.exit(1), GRACE_MS);
}

/** Show a line on a resource's row (`urn`), or on the stack's. Ephemeral lines are replaced by the next one. */
export function log(line: LogLine): void {
  if (!client) return;
  const { LogRequest, LogSeverity } =
    require("@pulumi/pulumi/proto/engine_pb") as typeof import("@pulumi/pulumi/proto/engine_pb");
  const request = new LogRequest();
  request.setSeverity(line.severity === "warning" ? LogSeverity.WARNING : LogSeverity.INFO);
  request.setMessage(line.message);
  request.setUrn(line.urn ?? "");
  request.setEphemeral(line.ephemeral ?? false);
  client.log(request, () => {});
}
