import { randomBytes } from "node:crypto";
import type { Run } from "../../../providers/core/definition";
import { closeDirectories } from "../../../providers/ldap/backend";
import { canBind, Directory, type Entry } from "../../../providers/ldap/client";
import { sameDn } from "../../../providers/ldap/dn";
import type { Endpoint } from "../../../providers/ldap/endpoint";
import type { UserInputs, UserState } from "../../../providers/ldap/user";
import { userDefinition } from "../../../providers/ldap/user.handlers";
import type { BackendConfig, SecretRef } from "../../../stacks/config/types";

/** How the server's password policy stands; see the same word in the embedded server. */
export type Policy = "enforced" | "ignored" | "absent";

/** A running directory, real or embedded. */
export interface System {
  endpoint: Endpoint & { bindDn: string; password: string };
  policy: Policy;
  stop(): Promise<void>;
}

export interface StartOptions {
  policy?: Policy;
  sizeLimit?: number;
}

export type Start = (options?: StartOptions) => Promise<System>;

export const BASE = "ou=People,dc=lab";
export const GROUPS = "ou=Groups,dc=lab";
export const VPN = `cn=vpn,${GROUPS}`;

/** Options of one `up`. */
export interface Up {
  /** Stop before this step, counted from 1. */
  crashAt?: number;
  /** Logical name. @default the uid */
  name?: string;
  secrets?: Record<string, string>;
  lab?: string;
}

export interface Done {
  state: UserState;
  says: string[];
  steps: string[];
}

/** What an `up` that failed leaves to the engine, as the kit does: nothing, or a partial state. */
export class UpFailed extends Error {
  constructor(
    override readonly cause: unknown,
    readonly partial: UserState | undefined,
    readonly steps: string[],
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/** A directory with a stack's users in it, driven as the engine drives the handlers. */
export class Lab {
  readonly directory: Directory;
  constructor(readonly system: System) {
    this.directory = new Directory(system.endpoint);
  }

  get backend(): BackendConfig {
    const { url, bindDn, caFile, startTls } = this.system.endpoint;
    return {
      kind: "ldap",
      url,
      bindDn,
      password: { secret: "admin" },
      ...(caFile ? { ca: caFile } : {}),
      ...(startTls ? { startTls } : {}),
    };
  }

  async close(): Promise<void> {
    await this.directory.close();
    await closeDirectories();
    await this.system.stop();
  }

  run(
    name: string,
    options: Up = {},
  ): Run<UserState> & { says: string[]; steps: string[]; kept: Partial<UserState>[] } {
    const [says, steps, kept]: [string[], string[], Partial<UserState>[]] = [[], [], []];
    return {
      signal: new AbortController().signal,
      backend: this.backend,
      mark: { lab: options.lab ?? "k3v9q2x7", stack: "dev", name: options.name ?? name },
      dryRun: false,
      secret: (ref: SecretRef) => {
        const key = "secret" in ref ? ref.secret : "";
        return key === "admin" ? this.system.endpoint.password : (options.secrets?.[key] ?? "");
      },
      progress: () => {},
      say: (message: string) => says.push(message),
      step: async (title, work) => {
        steps.push(title);
        if (steps.length === options.crashAt) throw new Error(`crashed before "${title}"`);
        return work();
      },
      checkpoint: (partial) => kept.push(partial),
      now: () => new Date(),
      random: randomBytes,
      says,
      steps,
      kept,
    };
  }

  /** Create or update, as the kit does it. */
  async up(inputs: UserInputs, known?: UserState, options: Up = {}): Promise<Done> {
    const run = this.run(inputs.uid, options);
    try {
      const observed = await userDefinition.observe(inputs, run, known);
      const state = await userDefinition.reconcile(inputs, observed, run);
      return { state, says: run.says, steps: run.steps };
    } catch (error) {
      const partial =
        known || run.kept.length > 0
          ? ({ ...inputs, ...known, ...Object.assign({}, ...run.kept) } as UserState)
          : undefined;
      throw new UpFailed(error, partial, run.steps);
    }
  }

  /** What a refresh writes into the state; undefined when it is gone. */
  async refresh(state: UserState, options: Up = {}): Promise<UserState | undefined> {
    const live = await userDefinition.observe(state, this.run(state.uid, options), state);
    return live && { ...state, ...live };
  }

  async precheck(inputs: UserInputs, options: Up = {}): Promise<string[]> {
    const problems = await userDefinition.precheck?.(inputs, this.run(inputs.uid, options));
    return (problems ?? []).map(({ field, message }) => `${field}: ${message}`);
  }

  async destroy(state: UserState, options: Up = {}): Promise<string[]> {
    const run = this.run(state.uid, options);
    await userDefinition.remove(state, run);
    return run.says;
  }

  entry(dn: string): Promise<Entry | undefined> {
    return this.directory.read(dn, ["*", "+"]);
  }

  logsIn(dn: string, password: string | undefined): Promise<boolean> {
    return canBind(this.system.endpoint, dn, password ?? "none");
  }

  async members(group = VPN): Promise<string[]> {
    const entry = await this.directory.read(group, ["uniqueMember", "member", "memberUid"]);
    return ["uniqueMember", "member", "memberUid"].flatMap((name) => entry?.values(name) ?? []);
  }

  async isIn(dn: string, group = VPN): Promise<boolean> {
    return (await this.members(group)).some((one) => sameDn(one, dn));
  }

  /** An entry as somebody else makes it. */
  async foreign(uid: string, more: Record<string, string[]> = {}, base = BASE): Promise<string> {
    const dn = `uid=${uid},${base}`;
    const objectClass = ["top", "person", "organizationalPerson", "inetOrgPerson"];
    await this.directory.add(dn, { objectClass, uid: [uid], cn: [uid], sn: ["Foreign"], ...more });
    return dn;
  }

  async group(
    cn: string,
    kind: "groupOfUniqueNames" | "groupOfNames" | "posixGroup",
    members = [this.system.endpoint.bindDn],
  ): Promise<string> {
    const dn = `cn=${cn},${GROUPS}`;
    const attribute = { groupOfUniqueNames: "uniqueMember", groupOfNames: "member", posixGroup: "memberUid" }[
      kind
    ];
    await this.directory.add(dn, {
      objectClass: ["top", kind],
      cn: [cn],
      ...(kind === "posixGroup" ? { gidNumber: ["5000"] } : {}),
      ...(members.length > 0 ? { [attribute]: members } : {}),
    });
    return dn;
  }

  /** Every entry with every value, except what a login changes. */
  async everything(below = "dc=lab"): Promise<Record<string, Record<string, string[]>>> {
    const attributes = ["*", "+"];
    const all: Record<string, Record<string, string[]>> = {};
    for (const entry of await this.directory.search(below, { scope: "sub", attributes })) {
      const values: Record<string, string[]> = {};
      for (const name of COMPARED) {
        const found = entry.values(name);
        if (found.length > 0) values[name] = [...found].sort();
      }
      all[entry.dn] = values;
    }
    return all;
  }
}

const COMPARED = [
  "objectClass",
  "uid",
  "cn",
  "sn",
  "givenName",
  "mail",
  "description",
  "labeledURI",
  "userPassword",
  "uniqueMember",
  "member",
  "memberUid",
  "pwdEndTime",
  "pwdAccountLockedTime",
  "pwdChangedTime",
  "entryUUID",
  "modifyTimestamp",
  "modifiersName",
  "entryCSN",
];

/** A user as planned from `alice: { sn: Ames }`. */
export const user = (uid: string, more: Partial<UserInputs> = {}): UserInputs => ({
  uid,
  backend: "people",
  base: BASE,
  objectClasses: ["top", "person", "organizationalPerson", "inetOrgPerson"],
  cn: `${uid} Ames`,
  sn: "Ames",
  groups: [VPN],
  expired: false,
  passwordVersion: 1,
  permanent: [],
  ...more,
});

/** What an entry is at the end, without what differs between two runs: times, serials, hashes. */
export async function endState(lab: Lab, dn: string): Promise<unknown> {
  const entry = await lab.entry(dn);
  if (!entry) return undefined;
  const notes = entry.values("labeledURI").map((value) => value.replace(/#password=[0-9a-f]+/u, "#password"));
  const pick = (name: string) => [...entry.values(name)].sort();
  return {
    dn: entry.dn,
    notes: notes.sort(),
    classes: pick("objectClass"),
    cn: pick("cn"),
    sn: pick("sn"),
    mail: pick("mail"),
    givenName: pick("givenName"),
    hasPassword: entry.values("userPassword").length,
    end: pick("pwdEndTime"),
    lock: pick("pwdAccountLockedTime"),
    members: (await lab.members()).filter((one) => sameDn(one, dn)),
  };
}
