import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { BackendError } from "../../core/errors";
import type { SshConnection, SshTarget } from "../../ssh/client";
import type { LibvirtAddress } from "./uri";

/** A byte stream to a libvirt daemon, however it was come by. */
export interface Transport {
  stream: Duplex;
  /** Whether the process must stay alive for it. Absent: the stream always holds it. */
  hold?: (busy: boolean) => void;
  /** What was tried before and failed: said when this fails as well. */
  tried?: string;
  /** Ends what carries the stream. */
  close(): Promise<void>;
}

export interface TransportOptions {
  /** Pinned host key of a qemu+ssh host. */
  hostKey?: string;
  identityFile?: string;
  signal?: AbortSignal;
  ssh?: (target: SshTarget, signal?: AbortSignal) => Promise<SshConnection>;
  /** Starts the embedded lab, or finds it running. */
  embedded?: (signal?: AbortSignal) => Promise<{ libvirtSocket: string }>;
}

/** Longest path of a unix socket on Linux (sun_path less its end). */
const MAX_SOCKET_PATH = 107;

export async function openTransport(address: LibvirtAddress, options: TransportOptions): Promise<Transport> {
  if (address.transport === "ssh") return openOverSsh(address, options);
  if (address.transport === "unix") return openFirst(address, address.sockets, options.signal);
  const embedded = options.embedded ?? startEmbedded;
  return openFirst(address, [(await embedded(options.signal)).libvirtSocket], options.signal);
}

/** Loaded only where a backend is embedded; by require(), because plain node's import() finds no TypeScript. */
async function startEmbedded(signal: AbortSignal | undefined): Promise<{ libvirtSocket: string }> {
  const { ensureEmbedded } = require("../../../embedded/start") as typeof import("../../../embedded/start");
  return ensureEmbedded(signal ? { signal } : {});
}

async function openFirst(
  address: LibvirtAddress,
  sockets: string[],
  signal: AbortSignal | undefined,
): Promise<Transport> {
  let problem: Error | undefined;
  for (const path of sockets) {
    try {
      const socket = await openUnix(path, signal);
      return {
        stream: socket,
        hold: (busy) => (busy ? socket.ref() : socket.unref()),
        close: async () => void socket.destroy(),
      };
    } catch (error) {
      signal?.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      // A socket that is there and does not let us in says more than one that is not there.
      if (problem === undefined || code !== "ENOENT")
        problem = describe(address, path, sockets, error as Error);
      if (code !== "ENOENT" && code !== "ECONNREFUSED") break;
    }
  }
  throw problem ?? new BackendError(`${address.uri}: no socket to try`);
}

function openUnix(path: string, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
      reject(Object.assign(new Error("path too long"), { code: "ENAMETOOLONG" }));
      return;
    }
    const socket = connect(path);
    const stop = () => socket.destroy(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    socket.once("connect", () => {
      signal?.removeEventListener("abort", stop);
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

function describe(address: LibvirtAddress, path: string, tried: string[], cause: Error): BackendError {
  const code = (cause as NodeJS.ErrnoException).code ?? cause.message;
  const texts: Record<string, string> = {
    ENOENT: address.explicitSocket
      ? `there is no socket ${path}. Is libvirtd running, and is this the unix_sock_dir of its libvirtd.conf?`
      : `there is no libvirt socket (${tried.join(", ")}). Is libvirtd running? "sudo systemctl start libvirtd", or on distributions with modular daemons "sudo systemctl start virtqemud.socket"; "embedded:" needs no libvirt at all.`,
    EACCES: `permission denied on ${path}. Become a member of its group, "sudo usermod -aG libvirt $USER", and log in again; or use qemu:///session.`,
    ECONNREFUSED: `nobody listens on ${path}: libvirtd was stopped or has crashed. "sudo systemctl restart libvirtd".`,
    ENAMETOOLONG: `the socket path ${path} is longer than ${MAX_SOCKET_PATH} bytes, which no unix socket can be. Use a shorter one, or a symbolic link.`,
    ENOTSOCK: `${path} is not a socket. Give the path of libvirt-sock.`,
  };
  texts.EPERM = texts.EACCES as string;
  return new BackendError(`${address.uri}: ${texts[code] ?? `cannot connect to ${path} (${code}).`}`, {
    cause,
  });
}

async function openOverSsh(address: LibvirtAddress, options: TransportOptions): Promise<Transport> {
  const { host = "", port, user } = address;
  const identityFile = options.identityFile ?? address.identityFile;
  const target: SshTarget = {
    host,
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    ...(options.hostKey !== undefined && { hostKey: options.hostKey }),
    ...(identityFile !== undefined && { identityFile }),
    ...(address.knownHostsFiles && { knownHostsFiles: address.knownHostsFiles }),
  };
  const signal = options.signal ? { signal: options.signal } : {};
  const ssh = options.ssh
    ? await options.ssh(target, options.signal)
    : await (require("../../ssh/client") as typeof import("../../ssh/client")).connectSsh(target, signal);
  try {
    return { ...(await openFarSide(ssh, address, signal)), close: () => ssh.close() };
  } catch (error) {
    await ssh.close();
    throw error;
  }
}

/** The daemon's socket over the SSH link; where the server does not forward sockets, libvirt's own helper there. */
async function openFarSide(
  ssh: SshConnection,
  address: LibvirtAddress,
  signal: { signal?: AbortSignal },
): Promise<Omit<Transport, "close">> {
  const problems: string[] = [];
  for (const path of address.sockets) {
    try {
      return { stream: await ssh.openUnixSocket(path, signal) };
    } catch (error) {
      signal.signal?.throwIfAborted();
      if (ssh.ended.aborted) throw error;
      problems.push((error as Error).message);
    }
  }
  // The helper finds the daemon by itself and takes no socket: with ?socket= it would reach another one.
  if (address.explicitSocket) {
    throw new BackendError(
      `${address.uri}: ${problems.join("; ")}. Is libvirtd running there, may this user open that socket (group libvirt), and does its sshd allow AllowStreamLocalForwarding?`,
    );
  }
  const stream = await ssh.execDuplex(["virt-ssh-helper", address.name], signal);
  return { stream, tried: [...problems, "virt-ssh-helper was then asked for"].join(" ") };
}
