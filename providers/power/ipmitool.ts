import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { PowerError, type PowerFailure } from "./errors";

export interface IpmiEndpoint {
  /** Machine and BMC, for messages. */
  who: string;
  host: string;
  port: number;
  user?: string;
  password: string;
  cipherSuite?: number;
  /** Path of ipmitool. @default the one of PATH, or of the usual folders */
  find?: () => string | undefined;
}

type Privilege = "ADMINISTRATOR" | "OPERATOR";

const FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"];
const MAX_OUTPUT = 64 * 1024;
/** IPMI 2.0, 22.30: what a BMC keeps of a password. */
const MAX_PASSWORD = 20;

/** The path of ipmitool, or undefined. */
export function findIpmitool(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [...(env.PATH ?? "").split(delimiter).filter(Boolean), ...FOLDERS];
  return folders
    .map((folder) => join(folder, "ipmitool"))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** What ipmitool says, and what it means (measured on 1.8.19). The first that fits counts. */
const MEANINGS: { says: RegExp; reason: PowerFailure; text: string; privilege?: true }[] = [
  {
    says: /privilege level (?:for the)?.*(?:insufficient|exceeds)|insufficient privilege|unauthorized role|requested (?:privilege|role)|privilege level insufficient/i,
    reason: "rights",
    text: "does not give this user the rights of an operator",
    privilege: true,
  },
  {
    says: /RAKP 2 HMAC is invalid|Authentication code invalid|invalid (?:integrity check value|authentication)|password (?:invalid|is wrong)/i,
    reason: "login",
    text: "does not take this password",
  },
  {
    says: /unauthorized name|Invalid user name/i,
    reason: "login",
    text: "does not take this user",
  },
  {
    says: /no response from RAKP 1/i,
    reason: "unreachable",
    text: "fell silent in the middle of the login. Either it does not know this user, or its network loses packets",
  },
  {
    says: /not what we requested|no cipher suite match|invalid (?:authentication|integrity|confidentiality) algorithm|no matching cipher|Unsupported cipher|Invalid Cipher Suite/i,
    reason: "refused",
    text: 'does not have this cipher suite. Write another as "cipherSuite" (3 and 17 are usual), or none',
  },
  {
    says: /Address lookup for .* failed/i,
    reason: "name",
    text: "has no address that can be found. Check the spelling of its host, and the DNS",
  },
  {
    says: /Node busy|insufficient resources|out of space|Command not available in present state|not supported in present state|BMC initialization in progress|Timeout$/im,
    reason: "busy",
    text: "is busy",
  },
  {
    says: /Invalid command|not supported|Invalid data field/i,
    reason: "unable",
    text: "does not know this order",
  },
  {
    says: /Unable to establish|Get Auth Capabilities error|no response|timed? ?out|Could not open socket|Connection refused/i,
    reason: "unreachable",
    text: "does not answer. Is it up, is IPMI over LAN switched on, and is this its address and port?",
  },
];

export class IpmiFailure extends PowerError {
  constructor(
    reason: PowerFailure,
    message: string,
    /** Another privilege level may be given. */
    readonly privilege: boolean,
  ) {
    super(reason, message);
  }
}

/** What `-v` tells besides: orders of its own that a BMC need not know. */
const ASIDE =
  /^(Loading |Using best |Running |Discovered |Invalid completion code received|Get HPM\.x|Unable to Get Channel Cipher)/;

/** Put what ipmitool said in our words; never what it was given. */
export function classify(who: string, order: string, stderr: string, code: number | null): IpmiFailure {
  const told = stderr
    .split("\n")
    .filter((line) => !ASIDE.test(line))
    .join("\n");
  const meaning = MEANINGS.find(({ says }) => says.test(told));
  if (meaning)
    return new IpmiFailure(
      meaning.reason,
      `${who} ${meaning.text}${/[.?]$/.test(meaning.text) ? "" : "."} ("ipmitool ${order}")`,
      meaning.privilege ?? false,
    );
  return new IpmiFailure("server", `${who} failed: "ipmitool ${order}" ended with ${code}.`, false);
}

/** One BMC through ipmitool's lanplus. A call is one attempt, and fails with a `PowerError`. */
export class Ipmitool {
  readonly #endpoint: IpmiEndpoint;
  /** Most BMCs give an administrator's session only to one, and ipmitool asks for it. */
  #privilege: Privilege = "ADMINISTRATOR";

  constructor(endpoint: IpmiEndpoint) {
    this.#endpoint = endpoint;
    const { who, password } = endpoint;
    if (Buffer.byteLength(password) > MAX_PASSWORD)
      throw new PowerError(
        "refused",
        `${who}: its password is longer than the ${MAX_PASSWORD} bytes that IPMI 2.0 can have.`,
      );
  }

  async run(order: readonly string[], signal: AbortSignal): Promise<string> {
    try {
      return await this.#once(order, signal);
    } catch (error) {
      if (!(error instanceof IpmiFailure && error.privilege) || this.#privilege === "OPERATOR") throw error;
      this.#privilege = "OPERATOR";
      return this.#once(order, signal);
    }
  }

  #once(order: readonly string[], signal: AbortSignal): Promise<string> {
    const { who, host, port, user, password, cipherSuite } = this.#endpoint;
    const program = (this.#endpoint.find ?? findIpmitool)();
    if (program === undefined)
      throw new PowerError(
        "program",
        `${who} is switched by ipmitool, which is not installed here. Install the package "ipmitool" (Debian, Ubuntu, Fedora, Homebrew), or use "power: { kind: redfish }" where the BMC has it.`,
      );
    const argv = [
      // -v: without it a wrong password and a dead BMC look the same. -vvv would print keys.
      ...["-v", "-I", "lanplus", "-H", host, "-p", `${port}`, "-N", "1", "-R", "3", "-L", this.#privilege],
      ...(user === undefined ? [] : ["-U", user]),
      ...(cipherSuite === undefined ? [] : ["-C", `${cipherSuite}`]),
      ...["-E", ...order],
    ];
    // Arguments can be read by everyone on this machine, and the environment of a process by its user alone.
    const env = { PATH: process.env.PATH ?? "", HOME: "/nonexistent", LC_ALL: "C", IPMI_PASSWORD: password };
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const child = spawn(program, argv, { env, stdio: ["ignore", "pipe", "pipe"] });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (bytes) => {
        if (stdout.length < MAX_OUTPUT) stdout += bytes;
      });
      child.stderr.on("data", (bytes) => {
        if (stderr.length < MAX_OUTPUT) stderr += bytes;
      });
      const stop = () => {
        child.kill("SIGKILL");
        reject(signal.reason);
      };
      signal.addEventListener("abort", stop, { once: true });
      child.once("error", (cause) => {
        signal.removeEventListener("abort", stop);
        reject(new PowerError("program", `${who}: ${program} does not run: ${cause.message}.`, { cause }));
      });
      child.once("close", (code) => {
        signal.removeEventListener("abort", stop);
        if (code === 0) resolve(stdout);
        else reject(classify(who, order.join(" "), `${stderr}\n${stdout}`, code));
      });
    });
  }
}
