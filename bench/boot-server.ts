import { type ChildProcess, spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { setMaxListeners } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { table } from "../cli/table";
import { macWithDashes } from "../kickstart/server/mac";
import { Registry } from "../kickstart/server/registry";
import { freePort } from "../test/systems/loopback";
import { median } from "./measure";
import { SharedLink } from "./shared-link";

/** 1 Gbit/s in all, and what the boot server may need for it. */
const LINK_BYTES_PER_S = 125e6;
const LEAST_USE = 0.95;
const MOST_RSS_MB = 200;
const MOST_CORES = 1;

/** An initrd's size: each client fetches it again and again. */
const FILE_BYTES = 48 << 20;
const WARM_UP_MS = 2_000;

interface Load {
  name: string;
  pid: number;
  port: number;
  paths: string[];
}

interface Figures {
  name: string;
  /** Share of the link that was used. */
  use: number;
  rssMb: number;
  cores: number;
  /** Milliseconds until another small request was answered meanwhile. */
  answerMs: number;
}

/** The floor: what Node needs to send files at all. */
const BARE = `
const http = require("node:http"), fs = require("node:fs");
const server = http.createServer((request, response) => {
  const { size } = fs.statSync(process.argv[1]);
  response.writeHead(200, { "content-length": request.url === "/health" ? 2 : size });
  if (request.url === "/health") return response.end("ok");
  const file = fs.createReadStream(process.argv[1]);
  file.pipe(response);
  response.on("close", () => file.destroy());
});
server.listen(0, "127.0.0.1", () => console.log("HTTP on port " + server.address().port));`;

/** `npm run bench -- --boot-server 200`: so many clients on one link, our server and then a bare one. */
export async function benchBootServer(clients: number, seconds: number): Promise<number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-boot-bench-"));
  const children: ChildProcess[] = [];
  try {
    const file = path.join(folder, "initrd");
    fs.writeFileSync(file, randomFillSync(Buffer.alloc(FILE_BYTES)));
    const paths = register(path.join(folder, "boot"), clients, file);
    const port = await freePort();
    const ours = await listening(
      children,
      [
        "--require",
        "tsx/cjs",
        "cli/main.ts",
        "lab",
        "boot-server",
        "--http-port",
        `${port}`,
        "--tftp-port",
        "0",
      ],
      { LABPLAN_BOOT_HOME: path.join(folder, "boot") },
    );
    const bare = await listening(children, ["-e", BARE, file], {});
    const rows = [
      await measure({ name: "boot server", paths, ...ours }, seconds),
      await measure({ name: "bare node:http", paths: paths.map(() => "/file"), ...bare }, seconds),
    ];
    return print(rows, clients, seconds);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** As many machines, all being installed from the same file. */
function register(folder: string, clients: number, file: string): string[] {
  const registry = new Registry(folder);
  return Array.from({ length: clients }, (_, i) => {
    const mac = `08:00:27:00:${(i >> 8).toString(16).padStart(2, "0")}:${(i & 255).toString(16).padStart(2, "0")}`;
    const install = {
      installer: "kickstart" as const,
      text: "text\n",
      kernel: file,
      initrd: file,
      cmdline: "quiet",
    };
    registry.begin({ machine: `m${i}`, mac, purpose: "install", expiresInS: 3_600, install });
    return `/files/${macWithDashes(mac)}/initrd`;
  });
}

async function measure({ name, pid, port, paths }: Load, seconds: number): Promise<Figures> {
  const link = new SharedLink(LINK_BYTES_PER_S);
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  for (const target of paths) link.fetchForever(port, target, stop.signal);
  await sleep(WARM_UP_MS);
  const [bytes, cpu, started] = [link.bytes, cpuSeconds(pid), performance.now()];
  const answers: number[] = [];
  while (performance.now() - started < seconds * 1_000) {
    const asked = performance.now();
    await (await fetch(`http://127.0.0.1:${port}/health`)).text();
    answers.push(performance.now() - asked);
    await sleep(100);
  }
  const elapsed = (performance.now() - started) / 1_000;
  const figures = {
    name,
    use: (link.bytes - bytes) / elapsed / LINK_BYTES_PER_S,
    rssMb: peakRss(pid) / 1e6,
    cores: (cpuSeconds(pid) - cpu) / elapsed,
    answerMs: median(answers),
  };
  stop.abort();
  link.close();
  return figures;
}

function print(rows: Figures[], clients: number, seconds: number): number {
  console.log(`\n${clients} clients on 1 Gbit/s in all, ${seconds} s each:`);
  const head = ["server", "link used", "peak RSS MB", "cores", "other answers ms"];
  const lines = rows.map(({ name, use, rssMb, cores, answerMs }) => [
    name,
    `${(use * 100).toFixed(1)} %`,
    rssMb.toFixed(0),
    cores.toFixed(2),
    answerMs.toFixed(1),
  ]);
  console.log(table(head, lines));
  const [ours, floor] = rows;
  if (!ours || !floor) return 1;
  // Where cores are scarce, not even the bare server keeps the link full: then that is what can be had.
  const use = Math.min(LEAST_USE, floor.use);
  const good = ours.use >= use && ours.rssMb < MOST_RSS_MB && ours.cores < MOST_CORES;
  const busy = use < LEAST_USE ? ` (this machine is too busy for more than ${(use * 100).toFixed(1)} %)` : "";
  console.log(
    `wanted: ${LEAST_USE * 100} % of the link${busy}, under ${MOST_RSS_MB} MB, under ${MOST_CORES} core: ${good ? "kept" : "MISSED"}`,
  );
  return good ? 0 : 1;
}

async function listening(
  children: ChildProcess[],
  args: string[],
  env: Record<string, string>,
): Promise<{ pid: number; port: number }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("exit", (code) => reject(new Error(`a server ended with ${code}`)));
    child.stdout?.on("data", (bytes) => {
      said += bytes;
      const port = Number(/HTTP on port (\d+)/.exec(said)?.[1] ?? Number.NaN);
      if (!Number.isNaN(port)) resolve({ pid: child.pid ?? 0, port });
    });
  });
}

/** Of the process, in user and kernel mode: fields 14 and 15 of proc(5)'s stat, in hundredths. */
function cpuSeconds(pid: number): number {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const peakRss = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
