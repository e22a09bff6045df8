import { BackendError } from "../core/errors";
import { ERROR, type LibvirtClient, LibvirtError } from "./client";
import type { Link } from "./rpc/call";
import { RpcConnection } from "./rpc/connection";
import { hasCode } from "./rpc/errors";
import { openDriver, rpcClient } from "./rpc/rpc-client";
import { openTransport, type TransportOptions } from "./rpc/transport";
import { type LibvirtAddress, parseLibvirtUri } from "./rpc/uri";

export interface LibvirtOptions extends TransportOptions {
  /** How long a call may go without an answer. @default 60000 */
  deadlineMs?: number;
  /**
   * How long a link that cannot be left open in the background (SSH) stays when nothing is under way.
   * @default 2000 in the pool, else for ever
   */
  idleMs?: number;
}

/** One connection of one's own, until `close` or the signal. */
export async function connectLibvirt(uri: string, options: LibvirtOptions = {}): Promise<LibvirtClient> {
  const rpc = await open(uri, options);
  return rpcClient(
    uri,
    async () => rpc,
    () => rpc.close(),
  );
}

const pool = new Map<string, Shared>();

/**
 * The process's shared connection to a URI. A link that broke while idle is made again, once, by the next call;
 * what was under way when it broke is rejected. Keeps the process alive only while a call is under way.
 */
export async function libvirtFor(uri: string, options: LibvirtOptions = {}): Promise<LibvirtClient> {
  options.signal?.throwIfAborted();
  const key = JSON.stringify([uri, options.hostKey, options.identityFile]);
  let shared = pool.get(key);
  if (!shared) {
    const { signal: _, ...lasting } = options;
    shared = new Shared(uri, { idleMs: 2_000, ...lasting });
    pool.set(key, shared);
  }
  if (options.signal) shared.closeWith(options.signal);
  await shared.link();
  return shared.client;
}

/** Ends every shared connection: for tests, and for a process that is about to end. */
export async function closePool(): Promise<void> {
  const all = [...pool.values()];
  pool.clear();
  await Promise.all(all.map((shared) => shared.close()));
}

class Shared {
  readonly client: LibvirtClient;
  private current: Promise<RpcConnection> | undefined;
  private readonly signals = new WeakSet<AbortSignal>();

  constructor(
    private readonly uri: string,
    private readonly options: LibvirtOptions,
  ) {
    this.client = rpcClient(uri, this.link, () => this.close());
  }

  readonly link: Link = async () => {
    const last = this.current;
    if (last && !(await last).broken) return last;
    // Someone else may have begun a new one while we looked.
    if (this.current === last) {
      const next = open(this.uri, this.options);
      this.current = next;
      next.catch(() => {
        if (this.current === next) this.current = undefined;
      });
    }
    return this.link();
  };

  closeWith(signal: AbortSignal): void {
    if (this.signals.has(signal)) return;
    this.signals.add(signal);
    signal.addEventListener("abort", () => {
      this.current?.then((rpc) => rpc.destroy("the run was stopped")).catch(() => undefined);
    });
  }

  async close(): Promise<void> {
    const last = this.current;
    this.current = undefined;
    await (await last?.catch(() => undefined))?.close();
  }
}

async function open(uri: string, options: LibvirtOptions): Promise<RpcConnection> {
  options.signal?.throwIfAborted();
  const address = parseLibvirtUri(uri);
  const transport = await openTransport(address, options);
  const idle = idleTimer(options.idleMs, () => rpc.destroy("it was idle"));
  const rpc: RpcConnection = new RpcConnection(transport.stream, {
    label: uri,
    hold: transport.hold ?? idle,
    ...(options.deadlineMs !== undefined && { deadlineMs: options.deadlineMs }),
  });
  const stop = () => rpc.destroy("the run was stopped");
  options.signal?.addEventListener("abort", stop);
  rpc.onClose(() => {
    options.signal?.removeEventListener("abort", stop);
    void transport.close();
  });
  try {
    await openDriver(rpc, address.name);
  } catch (error) {
    rpc.destroy("it could not be opened");
    options.signal?.throwIfAborted();
    throw explain(address, error as Error, transport.tried);
  }
  return rpc;
}

/** Lets a link go that would keep the process alive, once nothing has been under way for a while. */
function idleTimer(idleMs: number | undefined, expire: () => void): (busy: boolean) => void {
  let timer: NodeJS.Timeout | undefined;
  return (busy) => {
    clearTimeout(timer);
    if (!busy && idleMs !== undefined) timer = setTimeout(expire, idleMs).unref();
  };
}

function explain(address: LibvirtAddress, error: Error, tried: string | undefined): Error {
  if (hasCode(error, ERROR.authFailed, ERROR.authCancelled, ERROR.authUnavailable)) {
    return new BackendError(
      `${address.uri}: libvirtd there does not let this user in (${error.message}). Become a member of its group, "sudo usermod -aG libvirt $USER", and log in again.`,
      { cause: error },
    );
  }
  if (error instanceof LibvirtError) {
    return new BackendError(
      `${address.uri}: libvirtd answers, and cannot open "${address.name}": ${error.message}. Is the QEMU driver installed there (libvirt-daemon-driver-qemu)?`,
      { cause: error },
    );
  }
  if (tried !== undefined && error instanceof BackendError) {
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    return new BackendError(
      `${address.uri}: no libvirt there answered. ${tried}: ${why}. Is libvirt (libvirt-daemon-system) installed and running there, and may this user use it (group libvirt)?`,
      { cause: error },
    );
  }
  return error;
}
