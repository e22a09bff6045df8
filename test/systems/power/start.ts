import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../ldap/tls";

/** Where install.sh puts the Python programs. */
const home = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "labplan", "power");
const bin = (name: string): string => join(home, "venv", "bin", name);
const INSTALL = "test/systems/power/install.sh installs it";
const ADDRESS = "127.0.0.1";
const START_S = 30;

/** Undefined when BMCs and their tools can be started here, else the reason why not. */
export function available(): string | undefined {
  for (const path of ["/usr/bin/ipmitool", "/usr/bin/ipmi_sim", "/usr/bin/setpriv"])
    if (!existsSync(path)) return `${path} is not installed; ${INSTALL}`;
  for (const name of ["python", "sushy-emulator"])
    if (!existsSync(bin(name))) return `${bin(name)} is not installed; ${INSTALL}`;
  return undefined;
}

interface Bmc {
  user: string;
  password: string;
  stop(): Promise<void>;
}

/** A Redfish service that switches every domain of one libvirtd; its systems are the domains' UUIDs. */
export interface RedfishBmc extends Bmc {
  /** `https://127.0.0.1:port` */
  url: string;
  /** PEM file of the CA that its certificate is signed by. */
  caFile: string;
  /** SHA-256 of its certificate, hex. */
  fingerprint: string;
  log(): string;
}

/** What to put before a command so that the BMC runs inside a libvirtd's namespaces, on the loopback there. */
export interface Inside {
  enter?: readonly string[];
}

/** Start sushy-tools' emulator on loopback, with TLS and a login of its own. `libvirtUri` is libvirt's own form. */
export async function startRedfishBmc(libvirtUri: string, { enter = [] }: Inside = {}): Promise<RedfishBmc> {
  const { folder, user, password } = begin();
  const tls = makeCertificates(folder);
  const hash = execFileSync(
    bin("python"),
    ["-c", "import bcrypt, sys; print(bcrypt.hashpw(sys.stdin.buffer.read(), bcrypt.gensalt(4)).decode())"],
    { input: password, encoding: "utf8" },
  );
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const port = await freePort();
  const python = (value: string): string => JSON.stringify(value);
  const config = file(
    "config.py",
    [
      `SUSHY_EMULATOR_LISTEN_IP = ${python(ADDRESS)}`,
      `SUSHY_EMULATOR_LISTEN_PORT = ${port}`,
      `SUSHY_EMULATOR_SSL_CERT = ${python(tls.certificateFile)}`,
      `SUSHY_EMULATOR_SSL_KEY = ${python(tls.keyFile)}`,
      `SUSHY_EMULATOR_AUTH_FILE = ${python(file("htpasswd", `${user}:${hash}`))}`,
      `SUSHY_EMULATOR_LIBVIRT_URI = ${python(libvirtUri)}`,
      "",
    ].join("\n"),
  );
  const bmc = launch(folder, [bin("sushy-emulator"), "--config", config], "", enter);
  await bmc.until("listen", () => answers(port, enter));
  return {
    url: `https://${ADDRESS}:${port}`,
    caFile: tls.caFile,
    fingerprint: new X509Certificate(readFileSync(tls.certificateFile)).fingerprint256,
    user,
    password,
    log: bmc.log,
    stop: bmc.stop,
  };
}

/** An IPMI BMC, for ipmitool's lanplus. */
export interface IpmiBmc extends Bmc {
  host: string;
  port: number;
  log(): string;
}

/** Start virtualbmc's BMC of one domain on loopback. */
export async function startIpmiBmc(
  libvirtUri: string,
  domain: string,
  { enter = [] }: Inside = {},
): Promise<IpmiBmc> {
  const { folder, user, password } = begin();
  const port = await freeUdpPort();
  const settings = { user, password, port, address: ADDRESS, domain, uri: libvirtUri };
  const argv = [bin("python"), join(__dirname, "ipmi-bmc.py")];
  const bmc = launch(folder, argv, JSON.stringify(settings), enter);
  await bmc.until("listen", async () => bmc.log().includes("ready"));
  return { host: ADDRESS, port, user, password, log: bmc.log, stop: bmc.stop };
}

function begin() {
  const reason = available();
  if (reason) throw new Error(`no BMC: ${reason}`);
  return {
    folder: mkdtempSync(join(tmpdir(), "labplan-bmc-")),
    user: "operator",
    // IPMI 2.0 takes no more than 20 bytes.
    password: randomBytes(9).toString("hex"),
  };
}

/** Run a server in the foreground; it ends with us, and its output is its log. */
export function launch(folder: string, argv: string[], input = "", enter: readonly string[] = []) {
  const path = join(folder, "log");
  const output = openSync(path, "a");
  // setpriv: when this process is killed, the kernel kills the server.
  const tied = ["/usr/bin/setpriv", "--pdeathsig", "KILL"];
  const [command = "", ...args] = [...tied, ...enter, ...(enter.length > 0 ? tied : []), ...argv];
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ["pipe", output, output],
  });
  closeSync(output);
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  const log = (): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const until = async (what: string, done: () => Promise<boolean>) => {
    for (const deadline = Date.now() + START_S * 1_000; !(await done()); await sleep(50)) {
      if (child.exitCode === null && Date.now() < deadline) continue;
      const said = log().split("\n").slice(-20).join("\n");
      await stop();
      throw new Error(`${argv[0]} did not ${what} within ${START_S} s:\n${said}`);
    }
  };
  return { stop, log, until, pid: child.pid };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const slow = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(slow);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, ADDRESS, () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, ADDRESS, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

function answers(port: number, enter: readonly string[]): Promise<boolean> {
  const [command = "", ...args] = [...enter, "bash", "-c", `</dev/tcp/${ADDRESS}/${port}`];
  return new Promise((resolve) => execFile(command, args, (error) => resolve(error === null)));
}
