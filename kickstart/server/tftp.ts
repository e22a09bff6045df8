import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { bootLoader } from "./boot-loaders";
import type { BootDesk } from "./desk";
import { macOfPxelinuxConfig, pxelinuxConfig } from "./pxelinux";
import { ERROR, errorPacket, parsePacket, type ReadRequest } from "./tftp-packet";
import { type TftpContent, transfer } from "./tftp-transfer";

export interface TftpOptions {
  bind: string;
  port: number;
  desk: BootDesk;
  /** Folder of boot loaders that goes before Debian's places. */
  bootLoaders?: string;
  /** First pause before something is sent again. @default 1000 */
  retryMs?: number;
}

export interface TftpServer {
  port: number;
  close(): Promise<void>;
}

interface Running {
  file: string;
  since: number;
  stop: AbortController;
}

const MOST_TRANSFERS = 512;
/** A request that comes again within this time is an impatient client's copy; later it is a client that began anew. */
const IMPATIENT_MS = 1_000;

/** Read requests only. What it has is made for the asker; nothing is looked up in a file system by a name given. */
export async function startTftp(options: TftpOptions): Promise<TftpServer> {
  const socket = createSocket({ type: isIPv6(options.bind) ? "udp6" : "udp4" });
  const running = new Map<string, Running>();
  socket.on("message", (bytes, peer) => {
    const packet = parsePacket(bytes);
    if (packet?.kind !== "read" && packet?.kind !== "write") return;
    const key = `${peer.address} ${peer.port}`;
    const before = running.get(key);
    const file = packet.kind === "read" ? packet.file : "";
    if (before?.file === file && performance.now() - before.since < IMPATIENT_MS) return;
    // Some network cards ask from the same port after each reset.
    before?.stop.abort();
    if (running.size >= MOST_TRANSFERS) return;
    const now: Running = { file, since: performance.now(), stop: new AbortController() };
    running.set(key, now);
    take(options, socket, packet, peer, now.stop.signal)
      .catch((error: unknown) => {
        options.desk.note(
          `TFTP to ${peer.address} failed: ${error instanceof Error ? error.message : String(error)}`,
        );
        refuse(socket, peer, ERROR.undefined, "try again");
      })
      .finally(() => running.get(key) === now && running.delete(key));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(options.port, options.bind, () => {
      socket.off("error", reject);
      // Of a packet that could not be delivered: says nothing about the others.
      socket.on("error", (error) => options.desk.note(`TFTP: ${error.message}`));
      resolve();
    });
  });
  return {
    port: socket.address().port,
    close: () =>
      new Promise((resolve) => {
        for (const { stop } of running.values()) stop.abort();
        socket.close(() => resolve());
      }),
  };
}

async function take(
  options: TftpOptions,
  socket: Socket,
  packet: ReadRequest | { kind: "write" },
  peer: RemoteInfo,
  signal: AbortSignal,
): Promise<void> {
  if (packet.kind === "write") {
    options.desk.refuse({ address: peer.address }, "wanted to write a file by TFTP");
    return refuse(socket, peer, ERROR.access, "read only");
  }
  if (packet.mode !== "octet") return refuse(socket, peer, ERROR.undefined, "octet mode only");
  const content = contentOf(options, packet, peer.address);
  if (content === undefined) return refuse(socket, peer, ERROR.notFound, "file not found");
  const { desk, bind, retryMs } = options;
  const end = await transfer({
    bind,
    peer,
    request: packet,
    content,
    signal,
    ...(retryMs !== undefined && { retryMs }),
  });
  const name = shown(normalised(packet.file));
  const seconds = (end.ms / 1_000).toFixed(1);
  // To ask for the size and then stop is how boot loaders look whether there is room.
  if (end.outcome === "sent")
    desk.note(`TFTP: ${name} sent, ${end.bytes} bytes in ${seconds} s (${peer.address})`);
  else if (end.outcome === "lost")
    desk.note(`TFTP: ${name} not finished, ${peer.address} fell silent after ${end.bytes} bytes`);
}

function contentOf(
  { desk, bootLoaders }: TftpOptions,
  request: ReadRequest,
  address: string,
): TftpContent | undefined {
  const name = normalised(request.file);
  const mac = macOfPxelinuxConfig(name);
  if (mac !== undefined) {
    const found = desk.serving(mac, address, "its boot file");
    if (!found) return undefined;
    // Asked for its size only? Then it asks again.
    desk.booting(found, address);
    return Buffer.from(pxelinuxConfig(found));
  }
  // By machine UUID, by address, "default": nothing here is for more than one machine.
  if (name.startsWith("pxelinux.cfg/")) return undefined;
  const [, folder, file] = /^([0-9a-f]{2}(?:-[0-9a-f]{2}){5})\/(vmlinuz|initrd)$/.exec(name) ?? [];
  if (folder !== undefined && file !== undefined) {
    const install = desk.serving(folder, address, file)?.install;
    return file === "initrd" ? install?.initrd : install?.kernel;
  }
  const loader = desk.registry.isServingAny() ? bootLoader(name, bootLoaders) : undefined;
  if (loader === undefined)
    desk.refuse({ address }, `asked for ${shown(name)} by TFTP, which is not served now`);
  return loader;
}

/** `/a//./b` and `\a\b` are `a/b`, in small letters; a name with `..` in it names nothing. */
function normalised(file: string): string {
  const parts = file
    .replaceAll("\\", "/")
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  return parts.join("/").toLowerCase();
}

const shown = (name: string): string => name.replace(/[^\x20-\x7e]/g, "?").slice(0, 100);

function refuse(socket: Socket, peer: RemoteInfo, code: number, message: string): void {
  // Closed meanwhile: nobody waits for this answer.
  socket.send(errorPacket(code, message), peer.port, peer.address, () => {});
}
