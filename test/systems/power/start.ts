import { execFile, execFileSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificates } from "../ldap/tls";
import { freePort, freeUdpPort } from "../loopback";
import { ADDRESS, launch } from "./bmc-process";

/** Where install.sh puts the Python programs. */
const home = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "labplan", "power");
const bin = (name: string): string => join(home, "venv", "bin", name);
const INSTALL = "test/systems/power/install.sh installs it";

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

/** A folder and a login of its own. */
export function begin() {
  const reason = available();
  if (reason) throw new Error(`no BMC: ${reason}`);
  return {
    folder: mkdtempSync(join(tmpdir(), "labplan-bmc-")),
    user: "operator",
    // IPMI 2.0 takes no more than 20 bytes.
    password: randomBytes(9).toString("hex"),
  };
}

function answers(port: number, enter: readonly string[]): Promise<boolean> {
  const [command = "", ...args] = [...enter, "bash", "-c", `</dev/tcp/${ADDRESS}/${port}`];
  return new Promise((resolve) => execFile(command, args, (error) => resolve(error === null)));
}
