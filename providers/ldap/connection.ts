import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { Client } from "ldapts";
import { type Address, addressOf, type Endpoint } from "./endpoint";
import { type Attempt, classify, failure } from "./errors";

export interface Deadlines {
  connectMs: number;
  /** Of one call. */
  callMs: number;
}

export const DEADLINES: Deadlines = { connectMs: 10_000, callMs: 20_000 };

/** A bound connection. It never comes back to life by itself: see `open`. */
export interface Connection {
  client: Client;
  /** True once the link is gone, by whichever side, or in doubt. */
  dead: boolean;
  close(): Promise<void>;
}

/**
 * Connect, encrypt, bind.
 *
 * ldapts connects again by itself when a call finds the link closed: without the bind, and after StartTLS in clear,
 * so that the next password would cross the network readable. It therefore gets one socket, made here, and no second.
 */
export async function open(endpoint: Endpoint, deadlines: Deadlines = DEADLINES): Promise<Connection> {
  const address = addressOf(endpoint);
  const attempt: Attempt = { url: endpoint.url, bindDn: endpoint.bindDn, action: "connect" };
  // An empty password makes a bind anonymous on some servers, and it then seems to work (RFC 4513, 5.1.2).
  if (endpoint.bindDn && !endpoint.password) throw failure("wrong-password", { ...attempt, action: "bind" });
  const trust = trustOf(endpoint, address);
  let socket: Socket | undefined = await connected(address, trust, deadlines, attempt);
  const onClose = () => {
    connection.dead = true;
  };
  socket.once("close", onClose);
  socket.setKeepAlive(true, 30_000);
  socket.setNoDelay(true);
  // An idle connection must not keep the process alive; a call does, by its timer.
  socket.unref();

  const client = new Client({
    url: "ldap://connected-already",
    timeout: deadlines.callMs,
    createConnection: () => {
      const only = socket;
      socket = undefined;
      if (!only) throw failure("unreachable", attempt, "the connection was closed");
      return only;
    },
    createSecureConnection: ((options: ConnectionOptions) => {
      const upgraded = connectTls(options);
      upgraded.once("close", onClose);
      upgraded.unref();
      return upgraded;
    }) as typeof connectTls,
  });
  const connection: Connection = {
    client,
    dead: socket.destroyed,
    close: () => client.unbind().catch(() => {}),
  };
  try {
    if (address.tls === "after StartTLS") {
      const upgrade = client.startTLS(trust);
      await withDeadline(upgrade, deadlines.connectMs, () => failure("late", attempt, "StartTLS"));
    }
    attempt.action = "bind";
    // An anonymous bind too: it is the proof that an LDAP server is there.
    await client.bind(endpoint.bindDn ?? "", endpoint.password ?? "");
  } catch (error) {
    connection.dead = true;
    await connection.close();
    throw classify(error, attempt);
  }
  return connection;
}

/** Certificates are always checked, whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
function trustOf(endpoint: Endpoint, { host }: Address): ConnectionOptions {
  const options: ConnectionOptions = { rejectUnauthorized: true, host };
  if (!isIP(host)) options.servername = host;
  if (endpoint.caFile) {
    try {
      options.ca = [readFileSync(endpoint.caFile)];
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      throw failure(
        "untrusted",
        { url: endpoint.url, action: "connect" },
        `the CA file ${endpoint.caFile} cannot be read: ${code}`,
      );
    }
  }
  return options;
}

/** A connected socket, with TLS where the URL says so. */
function connected(
  { host, port, tls }: Address,
  trust: ConnectionOptions,
  deadlines: Deadlines,
  attempt: Attempt,
): Promise<Socket> {
  const socket: Socket | TLSSocket =
    tls === "at once" ? connectTls({ ...trust, host, port }) : connectTcp({ host, port });
  const ready = new Promise<Socket>((resolve, reject) => {
    socket.once(tls === "at once" ? "secureConnect" : "connect", () => resolve(socket));
    socket.once("error", (error) => reject(classify(error, attempt)));
  });
  const late = () => failure("unreachable", attempt, `no answer within ${deadlines.connectMs / 1000} s`);
  return withDeadline(ready, deadlines.connectMs, late).catch((error: unknown) => {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  });
}

async function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
