import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { loadLogin } from "./auth";
import { type Clock, systemClock } from "./clock";
import { SshConnection } from "./connection";
import { SshError } from "./errors";
import { handshake } from "./handshake";
import { loadHostKeyPolicy } from "./host-key";
import type { HostKey } from "./known-hosts";
import { within } from "./limits";
import { type SshTarget, targetName } from "./target";

export type { ExecResult } from "./command";
export type { ExecOptions, SshConnection } from "./connection";
export { SshError, type SshFailure } from "./errors";
export type { FileOptions } from "./sftp";
export type { SshTarget } from "./target";

export interface ConnectOptions {
  signal?: AbortSignal;
  /** Seconds for everything up to the login, jump hosts included. @default 20 */
  readyTimeoutS?: number;
  /** Seconds for the TCP connection alone. @default readyTimeoutS */
  connectTimeoutS?: number;
  clock?: Clock;
}

/**
 * Log in to a host. Its key must be pinned or known; logins are by key alone. Fails fast, with one `SshError` that
 * has the reason; it does not retry (see `waitForSsh`).
 */
export async function connectSsh(target: SshTarget, options: ConnectOptions = {}): Promise<SshConnection> {
  const clock = options.clock ?? systemClock;
  const [policy, login] = await Promise.all([loadHostKeyPolicy(target), loadLogin(target, clock)]);
  return reach(target, options, async (transport, signal) => {
    const { client } = await handshake({ target, policy, login, transport: transport.stream, signal });
    return new SshConnection(targetName(target), client, clock, transport.release, login.usedKey);
  });
}

/** Shake hands with a host, without a login: resolves with its key once it has proven that it is the host we mean. */
export async function proveHostKey(target: SshTarget, options: ConnectOptions = {}): Promise<HostKey> {
  const policy = await loadHostKeyPolicy(target);
  return reach(target, options, async (transport, signal) => {
    const { client, hostKey } = await handshake({ target, policy, transport: transport.stream, signal });
    client.end();
    transport.stream.destroy();
    await transport.release();
    return hostKey;
  });
}

interface Transport {
  stream: Duplex;
  /** Close the jump host's connection, where there is one. */
  release: () => Promise<void>;
}

async function reach<T>(
  target: SshTarget,
  options: ConnectOptions,
  work: (transport: Transport, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock = systemClock, readyTimeoutS = 20 } = options;
  let transport: Transport | undefined;
  const late = () => {
    if (transport === undefined) return noAnswer(target, readyTimeoutS);
    const stage = isSilent(transport.stream)
      ? `connected, but the server said nothing for ${tenths(readyTimeoutS)} s. Is an SSH server on port ${target.port ?? 22}?`
      : `the login was not done after ${tenths(readyTimeoutS)} s. Is the host overloaded, or waiting for DNS or a directory?`;
    return new SshError(targetName(target), "timeout", stage);
  };
  return within({ clock, deadlineS: readyTimeoutS, late, signals: [options.signal] }, async (signal) => {
    try {
      transport = await openTransport(target, { ...options, signal });
      return await work(transport, signal);
    } catch (error) {
      transport?.stream.destroy();
      void transport?.release();
      throw error;
    }
  });
}

async function openTransport(
  target: SshTarget,
  options: ConnectOptions & { signal: AbortSignal },
): Promise<Transport> {
  const port = target.port ?? 22;
  if (target.via === undefined) {
    const { clock = systemClock, readyTimeoutS = 20, connectTimeoutS = readyTimeoutS, signal } = options;
    const late = () => noAnswer(target, connectTimeoutS);
    const stream = await within({ clock, deadlineS: connectTimeoutS, late, signals: [signal] }, (stop) =>
      openSocket(target, port, stop),
    );
    return { stream, release: async () => {} };
  }
  const bastion = await connectSsh(target.via, options);
  try {
    const stream = await bastion.openTcp(target.host, port, { signal: options.signal });
    return { stream, release: () => bastion.close() };
  } catch (cause) {
    void bastion.close();
    if (!(cause instanceof SshError) || cause.reason !== "channel") throw cause;
    const reason = /refused/i.test(cause.message) ? "refused" : "unreachable";
    throw new SshError(targetName(target), reason, `not reached through its jump host. ${cause.message}`, {
      cause,
    });
  }
}

function openSocket(target: SshTarget, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: target.host, port });
    // Small messages in both directions, as libvirt's, would wait 40 ms for each other.
    socket.setNoDelay(true);
    const stop = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    socket.once("connect", () => {
      signal.removeEventListener("abort", stop);
      socket.off("error", fail);
      resolve(socket);
    });
    const fail = (cause: NodeJS.ErrnoException) => {
      signal.removeEventListener("abort", stop);
      reject(socketError(target, port, cause));
    };
    socket.on("error", fail);
  });
}

function socketError(target: SshTarget, port: number, cause: NodeJS.ErrnoException): SshError {
  const name = targetName(target);
  const { code = cause.message } = cause;
  if (code === "ECONNREFUSED") {
    const next = "Is sshd running there, and is this its port?";
    return new SshError(name, "refused", `connection to port ${port} refused. ${next}`, { cause });
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    const next = "Check its spelling and the DNS; ~/.ssh/config aliases are not read.";
    return new SshError(name, "unreachable", `no address found for the name (${code}). ${next}`, { cause });
  }
  const next = "Check the address, the route and the firewall.";
  return new SshError(name, "unreachable", `not reachable (${code}). ${next}`, { cause });
}

const noAnswer = (target: SshTarget, seconds: number) =>
  new SshError(
    targetName(target),
    "timeout",
    `no answer within ${tenths(seconds)} s. Is the host up, and does a firewall drop port ${target.port ?? 22}?`,
  );

const tenths = (seconds: number) => Math.round(seconds * 10) / 10;

const isSilent = (stream: Duplex): boolean => "bytesRead" in stream && stream.bytesRead === 0;
