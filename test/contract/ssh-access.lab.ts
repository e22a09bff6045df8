import { readdirSync, readFileSync } from "node:fs";
import type { OnMachine } from "../../providers/core/definition";
import type { AccessInputs, AccessState } from "../../providers/ssh/access";
import type { ExecResult, SshConnection } from "../../providers/ssh/client";
import { newTrace, type RunOptions, runOn, up } from "./libvirt-handlers.run";

// As the provider process loads them: the handlers load the SSH client by require(), and a class must be there once.
export const { accessDefinition } =
  require("../../providers/ssh/access.handlers") as typeof import("../../providers/ssh/access.handlers");
export const { Account } =
  require("../../providers/ssh/access.account") as typeof import("../../providers/ssh/access.account");
export const { SudoError } = require("../../providers/ssh/sudo") as typeof import("../../providers/ssh/sudo");
const { connectSsh } = require("../../providers/ssh/client") as typeof import("../../providers/ssh/client");

/** A machine that the suite logs in to. */
export interface AccessSystem {
  on: Required<Pick<OnMachine, "address" | "sshPort" | "sshHostKey">>;
  /** Private key that every one of its users lets in at the beginning. */
  identityFile: string;
  /** It has users of their own, owners, rights, PAM: what a sandbox has not. */
  isReal: boolean;
  /** Why its sudo is none that could refuse, or undefined. */
  noSudo?: string;
  stop(): Promise<void>;
}

export type Start = () => Promise<AccessSystem>;

export const KEY_A = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";
export const KEY_B = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA bob";

const BACKEND = { kind: "embedded" } as const;

export interface Options extends RunOptions {
  on?: OnMachine;
}

/** One machine, driven as the engine drives the handlers. */
export class Machine {
  readonly #open = new Map<string, SshConnection>();
  constructor(readonly system: AccessSystem) {}

  access(more: Partial<AccessInputs> = {}): AccessInputs {
    return {
      name: "node1",
      backend: "b",
      user: "root",
      login: { user: "root", identityFile: this.system.identityFile },
      authorizedKeys: [KEY_A],
      exclusive: false,
      password: "generated",
      passwordVersion: 1,
      ...more,
    };
  }

  /** As `ops`, who is not root and gets by sudo. */
  get ops(): AccessInputs["login"] {
    return { user: "ops", identityFile: this.system.identityFile };
  }

  run(options: Options = {}) {
    const trace = options.trace ?? newTrace();
    const name = options.name ?? "node1";
    const run = runOn<AccessState>(BACKEND, { ...options, name, trace });
    return { ...run, on: options.on ?? this.system.on, trace };
  }

  up(inputs: AccessInputs, known?: AccessState, options: Options = {}): Promise<AccessState> {
    return up(accessDefinition, inputs, this.run(options), known);
  }

  /** What a refresh finds. */
  look(state: AccessState, options: Options = {}): Promise<AccessState | undefined> {
    return accessDefinition.observe(state, this.run(options), state);
  }

  async precheck(inputs: AccessInputs, options: Options = {}): Promise<string[]> {
    const problems = await accessDefinition.precheck?.(inputs, this.run(options));
    return (problems ?? []).map(({ field, message }) => `${field}: ${message}`);
  }

  /** Returns what was said. */
  async remove(state: AccessState, options: Options = {}): Promise<string> {
    const run = this.run(options);
    await accessDefinition.remove(state, run);
    return run.trace.said.join("\n");
  }

  async connection(user: string): Promise<SshConnection> {
    const open = this.#open.get(user);
    if (open && !open.ended.aborted) return open;
    const { address, sshPort, sshHostKey } = this.system.on;
    const made = await connectSsh({
      ...{ host: address, port: sshPort, hostKey: sshHostKey, user, agent: false },
      identityFile: this.system.identityFile,
    });
    this.#open.set(user, made);
    return made;
  }

  /** Run a shell text there as root. */
  async sh(text: string, stdin?: string): Promise<string> {
    const root = await this.connection("root");
    const result: ExecResult = await root.exec(["sh", "-c", text], {
      deadlineS: 20,
      ...(stdin === undefined ? {} : { stdin }),
    });
    if (result.code !== 0) throw new Error(`${text}: ${result.stderr}`);
    return result.stdout;
  }

  keysOf(user: string): Promise<string> {
    const home = user === "root" ? "/root" : `/home/${user}`;
    return this.sh(`cat ${home}/.ssh/authorized_keys 2>/dev/null || :`);
  }

  /** The crypted password. */
  async shadowOf(user: string): Promise<string> {
    return (await this.sh(`grep '^${user}:' /etc/shadow`)).split(":")[1] ?? "";
  }

  /** Everything that access is made of, as text: rights, owners, keys, accounts, notes. */
  snapshot(): Promise<string> {
    return this.sh(
      [
        "for f in /root /home/*; do [ -d $f/.ssh ] || continue; ls -ldn $f/.ssh | cut -d' ' -f1,3,4; cd $f/.ssh",
        "for k in *; do [ -e $k ] && { ls -ln $k | cut -d' ' -f1,3,4; echo $f/.ssh/$k; cat $k; }; done; done",
        "cut -d: -f1,2 /etc/shadow",
        "ls -lnd /etc/labplan/access 2>/dev/null | cut -d' ' -f1,3,4; cat /etc/labplan/access/* 2>/dev/null || :",
      ].join("\n"),
    );
  }

  async close(): Promise<void> {
    for (const connection of this.#open.values()) await connection.close();
    await this.system.stop();
  }
}

/** Watches the command lines and environments of every process that can be seen, until it is stopped. */
export function watchProcesses(): { stop(): string } {
  let seen = "";
  const known = new Set<string>();
  const look = () => {
    for (const pid of readdirSync("/proc"))
      if (/^\d+$/.test(pid))
        for (const name of ["cmdline", "environ"]) {
          try {
            const text = readFileSync(`/proc/${pid}/${name}`, "latin1");
            if (known.has(text)) continue;
            known.add(text);
            seen += `${text}\n`;
          } catch {
            // It has ended.
          }
        }
  };
  const timer = setInterval(look, 1);
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}
