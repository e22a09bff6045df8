import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { LabError } from "../../providers/core/errors";
import { fsyncFolder } from "./durable";
import { checkCmdline } from "./ipxe";
import { isMac, macWithDashes } from "./mac";
import type { InstallFiles, Registration } from "./types";

export interface BeginOptions {
  /** Logical name of the machine or image. */
  machine: string;
  /** Lower case with colons. */
  mac: string;
  purpose: Registration["purpose"];
  expiresInS: number;
  /** What is served; as a function where its text needs the token. */
  install?: InstallFiles | ((build: Pick<Registration, "build" | "token">) => InstallFiles);
  /** Where SSH reaches it from here, when that is not the address that it calls from. */
  ssh?: { host: string; port: number };
  /** Give it a new token and build name, even when the present ones are still good. */
  fresh?: boolean;
  /** Keep the token of a registration that has expired: for a machine whose seed holds it already. */
  renew?: boolean;
  /** The token that the machine's seed holds already, whether it is registered or not. */
  token?: string;
}

/** Bytes of a token: 128 bits, as many as cannot be guessed. */
const TOKEN_BYTES = 16;
const TOKEN = /^[0-9a-f]{32}$/;
const FILE = /^[0-9a-f]{2}(-[0-9a-f]{2}){5}\.json$/;
/** A folder changed this recently may change again without showing a newer time. */
const TIMES_SETTLE_MS = 100;

/**
 * Who may call, and what each may fetch: one file of mode 0600 a MAC, read anew for every caller, so that a running
 * server sees at once what another process registers. A registration is written whole or not at all.
 */
export class Registry {
  readonly #folder: string;
  readonly #now: () => number;
  #all: Registration[] = [];
  #tokens = new Map<string, string>();
  #readAt = "";

  /** `folder` is the boot server's; made when it is not there. */
  constructor(folder: string, options: { now?: () => number } = {}) {
    this.#folder = path.join(folder, "registrations");
    this.#now = options.now ?? Date.now;
    fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const made of [folder, this.#folder]) fs.chmodSync(made, 0o700);
    this.#sweep();
  }

  /**
   * Let a machine in. The same machine, MAC and purpose again, while the registration is good, gives the same one with
   * the files given now: that is how a killed run carries on.
   */
  begin(options: BeginOptions): Registration {
    const { machine, mac, purpose, expiresInS } = options;
    if (!isMac(mac)) throw new LabError(`${machine}: "${mac}" is no MAC address in lower case with colons`);
    if (!(expiresInS > 0)) throw new LabError(`${machine}: a registration must last some seconds`);
    const last = this.current(mac);
    if (options.token !== undefined && !TOKEN.test(options.token))
      throw new LabError(`${machine}: its seed's token is damaged`);
    const known = options.token === undefined || options.token === last?.token;
    const same = known && last?.machine === machine && last.purpose === purpose && !options.fresh;
    const kept = same && (options.renew || !isExpired(last, this.#now())) ? last : undefined;
    const build = kept?.build ?? randomBytes(8).toString("hex");
    const token = options.token ?? kept?.token ?? randomBytes(TOKEN_BYTES).toString("hex");
    const install =
      typeof options.install === "function" ? options.install({ build, token }) : options.install;
    if (install) checkCmdline(machine, install.cmdline);
    const registration: Registration = {
      build,
      machine,
      mac,
      purpose,
      token,
      begun: kept?.begun ?? new Date(this.#now()).toISOString(),
      expires: new Date(this.#now() + expiresInS * 1_000).toISOString(),
      ...(install && { install }),
      ...(options.ssh && { ssh: options.ssh }),
      ...(kept?.hostKey && { hostKey: kept.hostKey }),
      ...(kept?.installedAt && { installedAt: kept.installedAt }),
    };
    this.#write(registration);
    return registration;
  }

  /** The last registration of a MAC, expired or not. */
  current(mac: string): Registration | undefined {
    return isMac(mac) ? readRegistration(this.#fileOf(mac)) : undefined;
  }

  /** The registration that a token belongs to, expired or not. */
  byToken(token: string): Registration | undefined {
    if (!TOKEN.test(token)) return undefined;
    this.#readAll();
    // By its hash: the time of the look-up says nothing about the tokens there are.
    const mac = this.#tokens.get(hashOf(token));
    const found = mac === undefined ? undefined : this.current(mac);
    return found?.token === token ? found : undefined;
  }

  /** What is served for this MAC now: only while it is being installed. */
  serving(mac: string): (Registration & { install: InstallFiles }) | undefined {
    const found = this.current(mac);
    return found && isServed(found, this.#now()) ? found : undefined;
  }

  /** True while any machine is being installed: boot loaders are handed out only then. */
  isServingAny(): boolean {
    this.#readAll();
    return this.#all.some((registration) => isServed(registration, this.#now()));
  }

  isExpired(registration: Registration): boolean {
    return isExpired(registration, this.#now());
  }

  list(): Registration[] {
    return fs
      .readdirSync(this.#folder)
      .filter((name) => FILE.test(name))
      .sort()
      .flatMap((name) => readRegistration(path.join(this.#folder, name)) ?? []);
  }

  /** Its disk is written: stop serving. Later events of the build are still taken. */
  markInstalled(registration: Registration): void {
    const found = this.current(registration.mac);
    if (found?.build !== registration.build || found.installedAt) return;
    this.#write({ ...found, installedAt: new Date(this.#now()).toISOString() });
  }

  /** Which SSH host key it was given, for those who wait for its call. */
  expectHostKey(mac: string, hostKey: string): void {
    const found = this.current(mac);
    if (found && found.hostKey !== hostKey) this.#write({ ...found, hostKey });
  }

  /** Forget a machine. With `build`, only when that is still its present one. Gone already is fine. */
  end(mac: string, build?: string): void {
    if (!isMac(mac)) return;
    if (build !== undefined && this.current(mac)?.build !== build) return;
    fs.rmSync(this.#fileOf(mac), { force: true });
  }

  #fileOf(mac: string): string {
    return path.join(this.#folder, `${macWithDashes(mac)}.json`);
  }

  #write(registration: Registration): void {
    const file = this.#fileOf(registration.mac);
    const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
    try {
      const handle = fs.openSync(draft, "wx", 0o600);
      try {
        fs.writeFileSync(handle, `${JSON.stringify(registration, undefined, 2)}\n`);
        fs.fsyncSync(handle);
      } finally {
        fs.closeSync(handle);
      }
      fs.renameSync(draft, file);
    } finally {
      fs.rmSync(draft, { force: true });
    }
    fsyncFolder(this.#folder);
  }

  /** Every change is a rename or a removal, and both show in the folder's time: nothing is read twice for nothing. */
  #readAll(): void {
    const { mtimeNs } = fs.statSync(this.#folder, { bigint: true });
    const settled = Date.now() - Number(mtimeNs / 1_000_000n) > TIMES_SETTLE_MS;
    if (settled && this.#readAt === String(mtimeNs)) return;
    this.#all = this.list();
    this.#tokens = new Map(this.#all.map(({ token, mac }) => [hashOf(token), mac]));
    this.#readAt = settled ? String(mtimeNs) : "";
  }

  /** Drafts of a process that was killed while it wrote. */
  #sweep(): void {
    for (const name of fs.readdirSync(this.#folder)) {
      if (FILE.test(name)) continue;
      const file = path.join(this.#folder, name);
      const age = Date.now() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (age > 60_000) fs.rmSync(file, { force: true });
    }
  }
}

const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Also of a date that cannot be read: a damaged file opens nothing. */
const isExpired = ({ expires }: Registration, now: number): boolean => !(Date.parse(expires) > now);

const isServed = (
  registration: Registration,
  now: number,
): registration is Registration & { install: InstallFiles } =>
  registration.purpose === "install" &&
  registration.install !== undefined &&
  registration.installedAt === undefined &&
  !isExpired(registration, now);

function readRegistration(file: string): Registration | undefined {
  try {
    const read = JSON.parse(fs.readFileSync(file, "utf8")) as Registration;
    const whole = typeof read.token === "string" && typeof read.build === "string" && isMac(read.mac);
    return whole && path.basename(file) === `${macWithDashes(read.mac)}.json` ? read : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Renames are whole, so a damaged file is somebody's edit: it lets nobody in.
    if (code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
