import type { ChildProcess } from "node:child_process";
import { timingSafeEqual } from "node:crypto";
import * as net from "node:net";
import {
  type AuthContext,
  type Connection,
  type ParsedKey,
  Server,
  type ServerChannel,
  type Session,
  utils,
} from "ssh2";
import type { Endpoint } from "./addresses";
import type { Runner } from "./runner";
import { serveSftp } from "./sftp";

/** Who may log in, as it stands at this moment. */
export interface Login {
  /** Public keys of a login name. */
  keys(user: string): string[];
  /** Whether the account can be opened by a password at all. */
  hasPassword(user: string): boolean;
  isPassword(user: string, password: string): boolean;
}

export interface SshOptions {
  /** PEM */
  hostKey: string;
  login: Login;
  runner: Runner;
  /** The sandbox's folder, for SFTP. */
  root: string;
  /** Tried in order; the first that is free is taken. */
  endpoints: Endpoint[];
  /** While true, connections are accepted and nothing answers, as with a guest that stands still. */
  paused: () => boolean;
  log: (line: string) => void;
}

export interface SshService extends Endpoint {
  close(): Promise<void>;
}

/** An SSH server for one sandbox: login by key, or by a password that was set inside; on loopback only. */
export async function startSsh(options: SshOptions): Promise<SshService> {
  const clients = new Set<Connection>();
  const sockets = new Set<net.Socket>();
  const server = new Server({ hostKeys: [options.hostKey], ident: "labplan-sandbox" }, (client) => {
    clients.add(client);
    client.on("error", () => {});
    client.on("close", () => clients.delete(client));
    let user = "";
    client.on("authentication", (context) => {
      if (!authenticate(context, options.login)) {
        const more = options.login.hasPassword(context.username) ? (["password"] as const) : [];
        context.reject(["publickey", ...more]);
        return;
      }
      user = context.username;
      context.accept();
    });
    client.on("tcpip", (accept, reject, { destIP, destPort }) => {
      // What a program inside could reach as well: there is no network but loopback.
      if (!isLoopback(destIP)) return reject?.();
      const far = net.connect(destPort, destIP === "localhost" ? "127.0.0.1" : destIP);
      far.once("error", () => reject?.());
      far.once("connect", () => {
        far.removeAllListeners("error");
        const near = accept();
        for (const stream of [near, far]) stream.on("error", () => far.destroy());
        near.pipe(far).pipe(near);
        near.on("close", () => far.destroy());
      });
    });
    client.on("ready", () => {
      client.on("session", (accept) => serveSession(accept(), user, options));
    });
  });
  const listener = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    if (!options.paused()) server.injectSocket(socket);
  });
  const at = await listen(listener, options.endpoints);
  return {
    ...at,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const client of clients) client.end();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const isLoopback = (address: string): boolean => /^(127(\.\d+){3}|localhost|::1)$/.test(address);

async function listen(listener: net.Server, endpoints: Endpoint[]): Promise<Endpoint> {
  for (const endpoint of endpoints) {
    const taken = await new Promise<boolean>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        if (["EADDRINUSE", "EADDRNOTAVAIL"].includes(error.code ?? "")) resolve(true);
        else reject(error);
      };
      listener.once("error", failed);
      listener.listen(endpoint.port, endpoint.address, () => {
        listener.off("error", failed);
        resolve(false);
      });
    });
    if (!taken) return endpoint;
  }
  throw new Error("no loopback address is free for its ssh server");
}

/** By key: it is one of the user's, and what the client signed was signed with it. */
function authenticate(context: AuthContext, login: Login): boolean {
  if (context.method === "password") return login.isPassword(context.username, context.password);
  if (context.method !== "publickey") return false;
  const { key, signature, blob, hashAlgo } = context;
  const known = login
    .keys(context.username)
    .flatMap(parse)
    .find((own) => isSame(own, key.data));
  if (!known) return false;
  // Without a signature the client only asks whether the key would do.
  return signature && blob ? known.verify(blob, signature, hashAlgo) === true : true;
}

function parse(line: string): ParsedKey[] {
  const key = utils.parseKey(line);
  return key instanceof Error ? [] : [key];
}

function isSame(key: ParsedKey, data: Buffer): boolean {
  const own = key.getPublicSSH();
  return own.length === data.length && timingSafeEqual(own, data);
}

function serveSession(session: Session, user: string, options: SshOptions): void {
  const env: Record<string, string> = {};
  let terminal = false;
  session.on("env", (accept, _reject, { key, val }) => {
    // As sshd's AcceptEnv on the usual systems.
    if (/^(LANG|LC_\w+)$/.test(key)) env[key] = val;
    accept?.();
  });
  session.on("pty", (accept, _reject, info) => {
    terminal = true;
    env.TERM = (info as { term?: string }).term || "dumb";
    accept?.();
  });
  session.on("window-change", (accept) => accept?.());
  const run = (channel: ServerChannel, command: string | undefined): void => {
    options.runner
      .run({ user, env, terminal, ...(command === undefined ? {} : { command }) })
      .then((child) => connect(channel, child))
      .catch((error: Error) => {
        channel.stderr.write(`${error.message}\n`);
        finish(channel, 126);
      });
  };
  session.on("exec", (accept, _reject, { command }) => run(accept(), command));
  session.on("shell", (accept) => run(accept(), undefined));
  session.on("sftp", (accept) => serveSftp(accept(), options.root, user));
}

function connect(channel: ServerChannel, child: ChildProcess): void {
  const { stdin, stdout, stderr } = child;
  for (const stream of [stdin, stdout, stderr]) stream?.on("error", () => {});
  channel.on("error", () => {});
  if (stdin) channel.pipe(stdin);
  stdout?.pipe(channel, { end: false });
  stderr?.pipe(channel.stderr, { end: false });
  // A command that outlives its client runs on; what it writes goes nowhere.
  channel.on("close", () => {
    stdin?.destroy();
    stdout?.unpipe().resume();
    stderr?.unpipe().resume();
  });
  child.on("error", (error) => {
    channel.stderr.write(`${error.message}\n`);
    finish(channel, 126);
  });
  child.on("close", (code, signal) => {
    if (signal) channel.exit(signal.replace(/^SIG/, ""));
    finish(channel, code ?? undefined);
  });
}

function finish(channel: ServerChannel, code: number | undefined): void {
  if (code !== undefined) channel.exit(code);
  channel.end();
}
