import * as net from "node:net";

/** One line of JSON each way, on a socket that only its user can reach. */
export interface ControlRequest {
  op: "status" | "stop" | "machines";
}

/** A machine that runs, and where it answers. */
export interface MachineStatus {
  domain: string;
  uuid: string;
  /** Lower case with colons, the first card's first. */
  macs: string[];
  address: string;
  sshPort: number;
  hostKey: string;
}

export interface DaemonStatus {
  pid: number;
  /** With the pid, names the process for good. */
  started: string | undefined;
  version: string;
  uid: number;
  /** Folder of the state. */
  home: string;
  libvirtSocket: string;
  virtualBoxSocket: string;
  ldapUrl: string;
  ldapPasswordFile: string;
  /** `http://127.0.0.1:<port>/fog`; `/redfish/v1/` of the same port switches its machines. */
  fogUrl: string;
  /** JSON with `apiToken`, `userToken`, and user and password of `redfish`. */
  fogTokenFile: string;
  /** Private key that FOG's stock images let in as root. */
  fogIdentityFile: string;
  /** `http://127.0.0.1:<port>`: APIs of devstack's stand-ins. */
  devstackUrl: string;
  /** A GIT_BASE: `<gitBase>/openstack/devstack.git` is the stand-in. */
  gitBase: string;
  /** How sandboxes are kept apart: `namespaces`, or `restricted` where there are none. */
  isolation: string;
  connections: number;
  runningMachines: number;
}

export interface ControlReplies {
  status: DaemonStatus;
  stop: { stopping: true };
  machines: MachineStatus[];
}

export type ControlHandler = (request: ControlRequest) => object;

export async function startControl(
  socket: string,
  handle: ControlHandler,
): Promise<{ close(): Promise<void> }> {
  const server = net.createServer((link) => {
    let text = "";
    link.on("error", () => link.destroy());
    link.on("data", (data) => {
      text += data.toString("utf8");
      if (text.length > 10_000) link.destroy();
      if (!text.includes("\n")) return;
      let reply: object;
      try {
        reply = handle(JSON.parse(text) as ControlRequest);
      } catch (error) {
        reply = { error: (error as Error).message };
      }
      link.end(`${JSON.stringify(reply)}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Ask the daemon. Undefined when none listens; throws when one listens and does not answer in time. */
export function askControl<Op extends ControlRequest["op"]>(
  socket: string,
  op: Op,
  deadlineMs = 5_000,
): Promise<ControlReplies[Op] | undefined> {
  return new Promise((resolve, reject) => {
    const link = net.connect(socket);
    let text = "";
    link.setTimeout(deadlineMs, () => link.destroy(new Error("the daemon does not answer")));
    link.on("connect", () => link.write(`${JSON.stringify({ op })}\n`));
    link.on("data", (data) => {
      text += data.toString("utf8");
    });
    link.on("error", (error: NodeJS.ErrnoException) => {
      if (["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(error.code ?? "")) resolve(undefined);
      else reject(error);
    });
    link.on("close", () => {
      try {
        resolve(text ? (JSON.parse(text) as ControlReplies[Op]) : undefined);
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}
