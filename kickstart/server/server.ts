import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { LabError } from "../../providers/core/errors";
import { BootDesk } from "./desk";
import { startHttp } from "./http";
import { BootLog } from "./log";
import { Refusals } from "./refusals";
import { Registry } from "./registry";
import { startTftp, type TftpServer } from "./tftp";

export interface BootServerOptions {
  /** Registrations, the boot log and files of installers; made with mode 0700. */
  folder: string;
  /** The one address that is listened on. */
  bind: string;
  /** 0 for any free one. */
  httpPort: number;
  /** 0 for none; "any" for any free one. */
  tftpPort: number | "any";
  /** Told what is served and refused, a line each. Never a token. */
  log?: (line: string) => void;
  /** Folder of pxelinux.0 and its like. @default Debian's places */
  bootLoaders?: string;
}

export interface BootServer {
  bind: string;
  httpPort: number;
  /** 0 for none. */
  tftpPort: number;
  registry: Registry;
  log: BootLog;
  /** True when another process does the serving, from the same folder. */
  joined: boolean;
  close(): Promise<void>;
}

/** What /health says: which folder is served, without naming it. */
export interface Health {
  labplan: "boot";
  id: string;
  tftp: number;
}

/** Serve network boots over HTTP and TFTP, and take machines' events. No root needed for ports from 1024 on. */
export async function startBootServer(options: BootServerOptions): Promise<BootServer> {
  const { folder, bind, log: note = () => {}, bootLoaders } = options;
  const { registry, log, id } = openFolder(folder);
  finishMarks(registry, log);
  const desk = new BootDesk(registry, log, new Refusals(log, note), note);
  let tftp: TftpServer | undefined;
  const health = (): Health => ({ labplan: "boot", id, tftp: tftp?.port ?? 0 });
  const http = await startHttp({ bind, port: options.httpPort, desk, health }).catch((error: unknown) => {
    throw bindError(error, "httpPort", bind, options.httpPort);
  });
  if (options.tftpPort !== 0) {
    const port = options.tftpPort === "any" ? 0 : options.tftpPort;
    try {
      tftp = await startTftp({ bind, port, desk, ...(bootLoaders !== undefined && { bootLoaders }) });
    } catch (error) {
      http.close();
      throw bindError(error, "tftpPort", bind, port);
    }
  }
  return {
    bind,
    httpPort: (http.address() as AddressInfo).port,
    tftpPort: tftp?.port ?? 0,
    registry,
    log,
    joined: false,
    async close() {
      await tftp?.close();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
      await log.flush();
    },
  };
}

/** The parts of a boot server's folder, also for those who only look. `id` names the folder to other processes. */
export function openFolder(folder: string): { registry: Registry; log: BootLog; id: string } {
  const registry = new Registry(folder);
  const file = path.join(folder, "id");
  if (!fs.existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, randomBytes(16).toString("hex"), { mode: 0o600 });
    try {
      // Whole, and never over another's.
      fs.linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      fs.rmSync(draft, { force: true });
    }
  }
  const id = createHash("sha256").update(fs.readFileSync(file)).digest("hex").slice(0, 32);
  return { registry, log: new BootLog(folder), id };
}

/** Killed between the line in the log and the mark: without the mark the machine would install itself once more. */
function finishMarks(registry: Registry, log: BootLog): void {
  const installed = new Set(
    log.read().flatMap(({ stage, build }) => (stage === "installed" ? (build ?? []) : [])),
  );
  for (const registration of registry.list())
    if (installed.has(registration.build)) registry.markInstalled(registration);
}

function bindError(error: unknown, setting: string, bind: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const next = {
    EADDRINUSE: `something else listens there. Say another bootServer.${setting}`,
    EACCES: `ports under 1024 need root or CAP_NET_BIND_SERVICE. Let "npm run lab -- boot-server --unit" show a service that has it, or set bootServer.${setting}`,
    EADDRNOTAVAIL:
      "this machine has no such address. Is the network up, and is bootServer.address one of this machine's?",
  }[code ?? ""];
  if (next === undefined) return error;
  return new BindError(code ?? "", `boot server: cannot listen on ${bind}, port ${port}: ${next}.`, {
    cause: error,
  });
}

/** The port is taken, not allowed, or the address is not here. */
export class BindError extends LabError {
  override readonly name: string = "BindError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
