import { open } from "node:fs/promises";
import { bootHome } from "../../kickstart/server/home";
import { BootLog } from "../../kickstart/server/log";
import { isEmbedded } from "../../stacks/config/place";
import type { FogBackend } from "../../stacks/config/types";
import type { Run } from "../core/definition";
import { connectSsh } from "../ssh/client";
import type { FogClient, FogHost } from "./client";
import { lastAddress } from "./dhcp-log";
import { targetOf } from "./target";

/** Where a host answers, and who says so. */
export interface Finding {
  address: string;
  sshPort: number;
  /** Only where the lab made the machine itself. */
  sshHostKey?: string;
  source: string;
}

type LookRun = Pick<Run, "backend" | "signal">;
type Look = { address?: string; sshPort?: number; sshHostKey?: string; none?: string };

/** The end of a log is enough: what stands before is older. */
const TAIL_BYTES = 8 << 20;
const REMOTE_DEADLINE_S = 20;

interface Source {
  name: string;
  look(): Promise<Look> | Look;
}

/**
 * Where a host is, by the first that knows: the plan, the DHCP server's log or leases, the boot log, the FOG server's
 * record. `misses` says what the others said.
 */
export async function findAddress(
  client: FogClient,
  host: FogHost,
  planned: string | undefined,
  run: LookRun,
): Promise<{ found?: Finding; misses: string[] }> {
  const misses: string[] = [];
  for (const { name, look } of sourcesOf(client, host, planned, run)) {
    let seen: Look;
    try {
      seen = await look();
    } catch (error) {
      run.signal.throwIfAborted();
      seen = { none: error instanceof Error ? error.message : String(error) };
    }
    const { address, sshPort = 22, sshHostKey, none } = seen;
    if (address !== undefined)
      return { found: { address, sshPort, ...(sshHostKey ? { sshHostKey } : {}), source: name }, misses };
    misses.push(`${name}: ${none ?? "it is not there"}`);
  }
  return { misses };
}

function sourcesOf(
  client: FogClient,
  host: FogHost,
  planned: string | undefined,
  { backend, signal }: LookRun,
): Source[] {
  // Its addresses are of a lab that exists only in the daemon: never connect to them.
  if (isEmbedded(backend)) return [{ name: "the embedded lab", look: () => atSandbox(host) }];
  const log = backend.kind === "fog" ? backend.dhcpLog : undefined;
  const sources: (Source | undefined)[] = [
    planned === undefined ? undefined : { name: "the plan", look: () => ({ address: planned }) },
    log && {
      name: `the DHCP server's ${log.host ? `${log.host}:` : ""}${log.path}`,
      look: async () => {
        const address = lastAddress(await readLog(log, signal), host.macs);
        return address === undefined ? { none: `nothing of ${host.macs.join(", ")} in it` } : { address };
      },
    },
    { name: "the boot log", look: () => inBootLog(host) },
    {
      name: "the FOG server's record",
      look: async () => fromRecord((await client.host(host.id))?.ip),
    },
  ];
  return sources.filter((source) => source !== undefined);
}

/** The server writes what it was told; a double on one machine tells the port, too. */
function fromRecord(ip: string | undefined): Look {
  const [, address, port] = /^(\d{1,3}(?:\.\d{1,3}){3})(?::(\d+))?$/.exec(ip ?? "") ?? [];
  if (address === undefined || address === "0.0.0.0") return { none: "it has no address" };
  return { address, ...(port ? { sshPort: Number(port) } : {}) };
}

function inBootLog({ macs }: Pick<FogHost, "macs">): Look {
  const events = new BootLog(bootHome()).read();
  for (const mac of macs) {
    const event = events.findLast((one) => one.mac === mac && one.stage !== "refused");
    if (event) return { address: event.address };
  }
  return { none: "it never called" };
}

async function readLog(log: NonNullable<FogBackend["dhcpLog"]>, signal: AbortSignal): Promise<string> {
  if (log.host === undefined) return readTail(log.path);
  const connection = await connectSsh(targetOf(log.host, log), { signal });
  try {
    const argv = ["tail", "-c", String(TAIL_BYTES), log.path];
    const { code, stdout, stderr } = await connection.exec(argv, { deadlineS: REMOTE_DEADLINE_S, signal });
    if (code !== 0) throw new Error(`it cannot be read: ${stderr.trim().slice(-200) || `exit code ${code}`}`);
    return stdout;
  } finally {
    await connection.close();
  }
}

async function readTail(path: string): Promise<string> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`it cannot be read: ${error.code}`);
  });
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    return bytes.subarray(0, bytesRead).toString("utf8");
  } finally {
    await file.close();
  }
}

/** Machines of the embedded lab answer on loopback, at an address and port that only the lab's daemon knows. */
async function atSandbox({ macs }: Pick<FogHost, "macs">): Promise<Look> {
  // Loaded where it is used: no other backend needs it.
  const { embeddedMachines } = require("../../embedded/start") as typeof import("../../embedded/start");
  const machine = (await embeddedMachines()).find((candidate) =>
    candidate.macs.some((mac) => macs.includes(mac)),
  );
  if (!machine) return { none: "its sandbox does not run" };
  return { address: machine.address, sshPort: machine.sshPort, sshHostKey: machine.hostKey };
}
