import * as fs from "node:fs";
import type * as net from "node:net";
import { type FaultRule, Faults } from "../faults";
import { runCommand } from "./interpreter";
import { Session } from "./session";
import type { VirtualBox } from "./store/virtualbox";

export interface VirtualBoxServer {
  readonly connections: number;
  close(): Promise<void>;
}

interface Request {
  argv: string[];
  cwd: string;
}

/**
 * Answers `VBoxManage.cjs` on a listening socket: a greeting with our folder and user, one command, pieces of its
 * output, and its exit code. Commands are carried out one after the other, as VBoxSVC does with what changes things.
 */
export function startVirtualBoxServer(options: {
  listener: net.Server;
  virtualBox: VirtualBox;
  faults: Faults;
  /** Somebody came or went. */
  onChange?: () => void;
}): VirtualBoxServer {
  const { listener, virtualBox, faults, onChange = () => {} } = options;
  const sockets = new Set<net.Socket>();
  let queue: Promise<void> = Promise.resolve();
  listener.removeAllListeners("connection");
  listener.on("connection", (socket) => {
    sockets.add(socket);
    onChange();
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      onChange();
    });
    let text = "";
    let request: Request | undefined;
    const send = (message: object): unknown =>
      socket.writable && socket.write(`${JSON.stringify(message)}\n`);
    send({ home: virtualBox.home, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
    socket.setEncoding("utf8");
    socket.on("data", (data) => {
      text += String(data);
      const end = text.indexOf("\n");
      if (end < 0) return;
      const message = JSON.parse(text.slice(0, end)) as Request | { tftp: Record<string, string>[] };
      text = "";
      if ("argv" in message) {
        request = message;
        const folders = closedTftpFolders(virtualBox, message.argv);
        if (folders.length > 0) {
          send({ tftp: folders });
          return;
        }
      }
      if (!request) return;
      if ("tftp" in message) {
        const folders = closedTftpFolders(virtualBox, request.argv);
        for (const [index, folder] of folders.entries())
          virtualBox.keepTftp(folder, new Map(Object.entries(message.tftp[index] ?? {})));
      }
      const fault = faults.next(`vbox:${request.argv[0] ?? ""}`);
      const { argv, cwd } = request;
      const session = new Session(cwd, (piece) => send(piece));
      // A call that hangs holds nobody else up: only its client waits.
      if (fault?.do === "hang" && !fault.after) return;
      const work = queue.then(() => answer(virtualBox, session, argv, fault));
      queue = work.then(
        () => {},
        () => {},
      );
      work.then(
        (code) => (code === "hang" ? undefined : code === "close" ? socket.destroy() : send({ code })),
        () => socket.destroy(),
      );
    });
    socket.resume();
  });
  return {
    get connections() {
      return sockets.size;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        listener.close(() => resolve());
      }),
  };
}

/** TFTP folders of machines that a command starts, where only its caller can read them. */
function closedTftpFolders(virtualBox: VirtualBox, argv: readonly string[]): string[] {
  if (argv[0] !== "startvm") return [];
  const vms = virtualBox
    .list()
    .filter((vm) => argv.some((word) => word === vm.name || word.includes(vm.uuid)));
  const folders = vms.flatMap((vm) =>
    vm.hardware.nics.map(({ nat }) => (nat.enableTftp ? nat.tftpPrefix : "")),
  );
  return folders.filter((folder) => {
    if (!folder) return false;
    try {
      fs.accessSync(folder, fs.constants.R_OK | fs.constants.X_OK);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EACCES";
    }
  });
}

/** What a fault script makes of a command, or the command itself. */
async function answer(
  virtualBox: VirtualBox,
  session: Session,
  argv: string[],
  fault: FaultRule | undefined,
): Promise<number | "hang" | "close"> {
  if (!fault) return runCommand(virtualBox, session, argv);
  if (fault.do === "slow") {
    await Faults.pause(fault);
    return runCommand(virtualBox, session, argv);
  }
  if (fault.do === "lie") return 0;
  if (fault.after) {
    const silent = new Session(session.cwd, () => {});
    await runCommand(virtualBox, silent, argv);
  }
  if (fault.do === "hang") return "hang";
  if (fault.do === "close") return "close";
  for (const line of (fault.message ?? "scripted fault").split("\n")) session.error(line);
  return fault.code ?? 1;
}
