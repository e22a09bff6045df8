import { isEmbedded } from "../../stacks/config/place";
import type { OnMachine, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { backendOf } from "../core/run";
import type { NodeLogin } from "../devstack/types";
import type { SshConnection, SshTarget } from "./client";
import { SshError } from "./errors";

/** A look must not hold up a preview. */
const LOOK_TIMEOUT_S = 15;
/** A machine that has only just come up may not let us in yet. */
const ARRIVAL_TIMEOUT_S = 180;

/** A machine that we log in to. */
export interface LoginTo {
  /** Logical name of the machine. */
  name: string;
  login: NodeLogin;
}

/** What a login needs of a run: where the machine is, and what it is made in. */
export type Way = Pick<Run, "on" | "signal" | "backend">;

/** The way to another machine than the one that the resource lives on. `backend` is the name of that one's backend. */
export const wayToPeer = (
  run: Pick<Run, "peers" | "signal" | "backend">,
  name: string,
  backend?: string,
): Way => {
  const on = run.peers?.[name];
  return { signal: run.signal, backend: backendOf(backend, run.backend), ...(on ? { on } : {}) };
};

/** How the machine is reached, as its own resource found it. `who` begins the messages: what it is done for. */
export function machineTarget(to: LoginTo, on: OnMachine | undefined, who = `"${to.name}"`): SshTarget {
  const { login, name } = to;
  if (on?.address === undefined)
    throw new LabError(
      `${who}: nobody said at which address "${name}" is reached. Is it running? Let its machine wait for an address, or give it one.`,
    );
  if (on.sshHostKey === undefined)
    throw new LabError(
      `${who}: nobody said which SSH host key "${name}" has, so nobody can tell it from an impostor. Add "hostKey:" to the machine (ssh-keyscan at its console shows it).`,
    );
  const key = login.identityFile === undefined ? {} : { identityFile: login.identityFile };
  return {
    host: on.address,
    ...(on.sshPort === undefined ? {} : { port: on.sshPort }),
    hostKey: on.sshHostKey,
    user: login.user,
    ...key,
    ...(login.via === undefined ? {} : { via: { ...jumpHost(login.via), ...key, ...pin(login.viaHostKey) } }),
  };
}

const pin = (hostKey: string | undefined) => (hostKey === undefined ? {} : { hostKey });

const JUMP = /^(?:([^@\s]+)@)?(?:\[([0-9a-fA-F:.]+)\]|([^:@\s]+))(?::(\d{1,5}))?$/;

/** `[user@]host[:port]`, as after ssh's -J. */
export function jumpHost(text: string): SshTarget {
  const [, user, ipv6, name, port] = JUMP.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined) throw new LabError(`"${text}" is no jump host; write [user@]host[:port]`);
  return { host, ...(user ? { user } : {}), ...(port ? { port: Number(port) } : {}) };
}

/** A host of the embedded FOG server lets in the key of its images, where no other one is said. */
async function reach(to: LoginTo, way: Way, who: string | undefined): Promise<SshTarget> {
  const target = machineTarget(to, way.on, who);
  const { backend } = way;
  if (target.identityFile !== undefined || backend?.kind !== "fog" || !isEmbedded(backend)) return target;
  const { ensureEmbedded } = require("../../embedded/start") as typeof import("../../embedded/start");
  return { ...target, identityFile: (await ensureEmbedded({ signal: way.signal })).fogIdentityFile };
}

// Loaded when somebody logs in: an offline preview never does.
const client = () => require("./client") as typeof import("./client");
const waiting = () => require("./wait") as typeof import("./wait");

/** Log in for a look. Fails fast. */
export const logInForLook = async (to: LoginTo, way: Way, who?: string): Promise<SshConnection> =>
  client().connectSsh(await reach(to, way, who), { signal: way.signal, readyTimeoutS: LOOK_TIMEOUT_S });

/** Log in for work; waits for a machine that is still coming up, and tells so. */
export async function logInToMachine(
  to: LoginTo,
  way: Way,
  onProgress: (message: string) => void,
  who?: string,
): Promise<SshConnection> {
  const target = await reach(to, way, who);
  const { signal } = way;
  const { connectSsh } = client();
  try {
    return await connectSsh(target, { signal });
  } catch (error) {
    if (!(error instanceof SshError) || !MAY_PASS.has(error.reason)) throw error;
  }
  await waiting().waitForSsh(target, { signal, timeoutS: ARRIVAL_TIMEOUT_S, loginGraceS: 20, onProgress });
  return connectSsh(target, { signal });
}

/** Reasons that go away by themselves while a machine comes up. */
const MAY_PASS: ReadonlySet<SshError["reason"]> = new Set([
  "refused",
  "unreachable",
  "timeout",
  "lost",
  "login",
]);

/** Reasons that say that there is nothing to look at at the moment, rather than that we are not wanted. */
export const isAway = (error: unknown): error is SshError =>
  error instanceof SshError && ["refused", "unreachable", "timeout", "lost"].includes(error.reason);
