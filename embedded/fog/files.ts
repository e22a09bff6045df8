import * as fs from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import * as path from "node:path";
import { pipeline } from "node:stream";
import type { Answer } from "./answer";
import type { BootFiles } from "./ipxe";

export interface FileStoreOptions {
  /** Image store: `images/<path>` is what `GET /images/<path>` gives. */
  folder: string;
  kernel?: string;
  initrd?: string;
  cmdline?: string;
}

/** Of machines that boot nothing real. */
const STAND_IN = Buffer.from("labplan: no real kernel\n");
const isUrl = (text: string): boolean => /^https?:\/\//.test(text);

/** Kernel, initrd and images over HTTP. A real server gives images by NFS: this part is ours, for machines without it. */
export class FileStore {
  constructor(private readonly options: FileStoreOptions) {
    fs.mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  }

  bootFiles(base: string): BootFiles {
    const { kernel = "bzImage", initrd = "init.xz", cmdline } = this.options;
    const at = (file: string, name: string): string => (isUrl(file) ? file : `${base}/service/ipxe/${name}`);
    return { kernel: at(kernel, "bzImage"), initrd: at(initrd, "init.xz"), ...(cmdline && { cmdline }) };
  }

  /** The stand-ins; real files are streamed. */
  bootFile(name: string): Answer | undefined {
    if (name !== "ipxe/bzImage" && name !== "ipxe/init.xz") return undefined;
    return { status: 200, type: "application/octet-stream", body: STAND_IN };
  }

  /** Large files never pass through memory. True when it answers this request. */
  stream(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname } = new URL(request.url ?? "/", "http://fog");
    const { kernel, initrd } = this.options;
    if (pathname === "/fog/service/ipxe/bzImage" && kernel && !isUrl(kernel))
      return send(kernel, request, response);
    if (pathname === "/fog/service/ipxe/init.xz" && initrd && !isUrl(initrd))
      return send(initrd, request, response);
    const [, name] = /^\/images\/(.+)$/.exec(pathname) ?? [];
    if (name === undefined) return false;
    const file = path.resolve(this.options.folder, decodeURIComponent(name));
    if (!file.startsWith(`${path.resolve(this.options.folder)}${path.sep}`)) return refuse(response, 404);
    if (request.method === "PUT") return receive(file, request, response);
    return send(file, request, response);
  }
}

function refuse(response: ServerResponse, status: number): true {
  response.writeHead(status, { "content-length": 0 }).end();
  return true;
}

function send(file: string, request: IncomingMessage, response: ServerResponse): true {
  request.resume();
  const status = fs.statSync(file, { throwIfNoEntry: false });
  if (!status?.isFile()) return refuse(response, 404);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const start = range ? Number(range[1]) : 0;
  const end = range?.[2] ? Math.min(Number(range[2]), status.size - 1) : status.size - 1;
  if (start > end && status.size > 0) return refuse(response, 416);
  response.writeHead(range ? 206 : 200, {
    "content-type": "application/octet-stream",
    "content-length": status.size === 0 ? 0 : end - start + 1,
    "accept-ranges": "bytes",
    ...(range && { "content-range": `bytes ${start}-${end}/${status.size}` }),
  });
  if (request.method === "HEAD" || status.size === 0) response.end();
  else pipeline(fs.createReadStream(file, { start, end }), response, () => {});
  return true;
}

function receive(file: string, request: IncomingMessage, response: ServerResponse): true {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const part = `${file}.part`;
  pipeline(request, fs.createWriteStream(part, { mode: 0o600 }), (failure) => {
    if (failure) return fs.rmSync(part, { force: true });
    fs.renameSync(part, file);
    refuse(response, 201);
  });
  return true;
}
