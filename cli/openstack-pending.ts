import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { isOffline } from "../providers/core/settings";
import { OpenStackClient } from "../providers/openstack/client";
import { findCloud } from "../providers/openstack/clouds";
import { Look, type Made, markOf, wordOf } from "../providers/openstack/made";
import { type ExportedStack, isPlugins, pendingCreates, type StateResource } from "./pending";

const PROVIDER = "pulumi:providers:openstack";

/** A request that was on its way when the run died is seen in the cloud within this. */
const SETTLED_MS = 10_000;
/** Where the run's plugin may still be at work, it may have a few requests to make before. */
const UNSEEN_SETTLED_MS = 60_000;
/** A server that is being built cannot be read by the plugin. */
const BUILT_MS = 600_000;
const PAUSE_MS = 2_000;

/** How a cloud is asked, by its provider's inputs in the state. */
export type AskCloud = (login: { cloud?: string; region?: string }) => OpenStackClient;

export interface Waits {
  settledMs: number;
  builtMs: number;
  pauseMs: number;
}

/** `isOver`: it was seen that nothing of the killed run is at work any more. */
export const waitsFor = (isOver: boolean): Waits => ({
  settledMs: isOver ? SETTLED_MS : UNSEEN_SETTLED_MS,
  builtMs: BUILT_MS,
  pauseMs: PAUSE_MS,
});

const askCloud: AskCloud = (login) => {
  if (isOffline(process.env)) throw new Error("offline (LABPLAN_OFFLINE, or a pull request's job).");
  return new OpenStackClient(findCloud(login));
};

/**
 * Look in the clouds for what a killed run was making there. What is found is a resource for the state, by its URN;
 * what is not was never made. Fails, with all of it by name, where that cannot be said of each.
 */
export async function findInClouds(
  stack: ExportedStack,
  waits: Waits,
  ask: AskCloud = askCloud,
): Promise<Map<string, StateResource>> {
  const found = new Map<string, StateResource>();
  for (const [reference, pending] of byProvider(pendingCreates(stack).filter(isPlugins))) {
    const api = await loggedIn(stack, reference, pending, ask);
    try {
      for (const [resource, id] of await lookedFor(stack, pending, api, waits))
        found.set(resource.urn, taken(resource, id));
    } finally {
      api.close();
    }
  }
  return found;
}

function byProvider(pending: readonly StateResource[]): Map<string, StateResource[]> {
  const groups = new Map<string, StateResource[]>();
  for (const resource of pending) {
    const { provider = "" } = resource;
    groups.set(provider, [...(groups.get(provider) ?? []), resource]);
  }
  return groups;
}

/** As the run was: in another project nothing of it would be found. */
async function loggedIn(
  { deployment: { resources = [] } }: ExportedStack,
  reference: string,
  pending: readonly StateResource[],
  ask: AskCloud,
): Promise<OpenStackClient> {
  const provider = resources.find(({ type, urn, id }) => type === PROVIDER && `${urn}::${id}` === reference);
  if (!provider) throw unknown(pending, "the state does not say in which cloud.");
  const { cloud, region, authUrl, tenantId } = (provider.inputs ?? {}) as Record<string, string>;
  let api: OpenStackClient | undefined;
  try {
    api = ask({ ...(cloud ? { cloud } : {}), ...(region ? { region } : {}) });
    const project = await api.projectId();
    const projects = [
      ...(tenantId ? [tenantId] : []),
      ...resources.flatMap((one) =>
        one.provider === reference && one.outputs?.tenantId ? [String(one.outputs.tenantId)] : [],
      ),
    ];
    if ((authUrl && authUrl !== api.keystone) || (projects.length > 0 && !projects.includes(project)))
      throw new Error(
        `it was made in project ${projects[0] ?? "?"} of ${authUrl ?? api.keystone}, and the login is for ${project} of ${api.keystone}. Log in as then (clouds.yaml, or the OS_* variables).`,
      );
    return api;
  } catch (error) {
    api?.close();
    throw unknown(pending, (error as Error).message);
  }
}

/** Ids of what is there, looked for until it is clear of each. */
async function lookedFor(
  stack: ExportedStack,
  pending: readonly StateResource[],
  api: OpenStackClient,
  { settledMs, builtMs, pauseMs }: Waits,
): Promise<[StateResource, string][]> {
  const known = new Set((stack.deployment.resources ?? []).map(ofType));
  const start = Date.now();
  for (;;) {
    const found = await lookOnce(pending, api, known);
    const ambiguous = found.filter(([, made]) => made.length > 1);
    if (ambiguous.length > 0) throw tooMany(ambiguous);
    const passedMs = Date.now() - start;
    const building = found.filter(([, [made]]) => made?.building);
    if (building.length > 0 && passedMs >= builtMs) throw stillBuilt(building, builtMs);
    const isSettled = passedMs >= settledMs || found.every(([, made]) => made.length > 0);
    if (isSettled && building.length === 0)
      return found.flatMap(([resource, [made]]) => (made ? [[resource, made.id]] : []));
    await setTimeout(pauseMs);
  }
}

type Found = [StateResource, Made[]];

/** A floating IP and where it leads are two resources of one id. */
const ofType = ({ type, id = "" }: Pick<StateResource, "type" | "id">): string => `${type} ${id}`;

async function lookOnce(
  pending: readonly StateResource[],
  api: OpenStackClient,
  known: ReadonlySet<string>,
): Promise<Found[]> {
  const look = new Look(api);
  try {
    return await Promise.all(
      pending.map(async (resource): Promise<Found> => {
        const made = await look.find(resource.type, resource.inputs ?? {});
        return [resource, made.filter(({ id }) => !known.has(ofType({ type: resource.type, id })))];
      }),
    );
  } catch (error) {
    throw unknown(pending, (error as Error).message);
  }
}

/** As the state has one that was made in peace, as far as the plugin's refresh does not say it anew. */
function taken(resource: StateResource, id: string): StateResource {
  const outputs = withoutHidden(resource.inputs ?? {}) as Record<string, unknown>;
  const { userData } = outputs;
  return {
    ...resource,
    id,
    // The plugin keeps its digest, and takes anything else for other user data: the server would be made anew.
    outputs:
      typeof userData === "string"
        ? { ...outputs, userData: createHash("sha1").update(userData).digest("hex") }
        : outputs,
  };
}

/** The plugin's own notes on inputs (`__defaults`) are none of outputs. */
function withoutHidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutHidden);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (key.startsWith("__") ? [] : [[key, withoutHidden(one)]])),
  );
}

/** `server n1`, as the stack calls it. */
export const called = ({ type, urn }: StateResource): string =>
  `${wordOf(type) ?? type} ${urn.slice(urn.lastIndexOf("::") + 2)}`;

/** What became of them, for the user. `isOver` as in `waitsFor`. */
export function outcome(
  pending: readonly StateResource[],
  found: ReadonlyMap<string, StateResource>,
  isOver: boolean,
): string {
  const missing = pending.filter(({ urn }) => !found.has(urn));
  const taken = pending.filter(({ urn }) => found.has(urn)).map(called);
  const begin = `in the cloud, and now in the state: ${taken.join(", ") || "nothing"}.`;
  if (missing.length === 0 || isOver)
    return `${begin} Never made: ${missing.map(called).join(", ") || "nothing"}.`;
  const marked = missing.map((one) => {
    const mark = markOf(one.inputs ?? {});
    return mark === undefined ? called(one) : `${called(one)} (mark "${mark}")`;
  });
  return `${begin} Not there, and forgotten: ${marked.join(", ")}. It cannot be seen from here whether the killed run's plugin is still at work (another host, or no Linux). If it is, end it, and look for the marks: ${lists(missing)}.`;
}

const NOTHING = "Nothing was changed, and nothing is forgotten.";
const FORGET =
  'Or "npx pulumi refresh --clear-pending-creates", without "npm run lab": it forgets them for good, and what is there stays in the cloud until you delete it.';

const lists = (pending: readonly StateResource[]): string =>
  [...new Set(pending.map(({ type }) => wordOf(type) ?? type))]
    .map((word) => `"openstack ${word} list"`)
    .join(", ");

function unknown(pending: readonly StateResource[], why: string): Error {
  return new Error(
    `a run was killed while it was making ${pending.map(called).join(", ")}, and it cannot be looked for: ${why} ${NOTHING} Run this again when it can. By hand: ${lists(pending)}. ${FORGET}`,
  );
}

function tooMany(found: readonly Found[]): Error {
  const lines = found.map(([resource, made]) => {
    const word = wordOf(resource.type);
    return `  ${called(resource)}: ${made.map(({ id }) => id).join(", ")} ("openstack ${word} show <id>", "openstack ${word} delete <id>")`;
  });
  return new Error(
    [
      `a run was killed, and more than one thing of the cloud carries the mark of what it was making. ${NOTHING} Delete those that are too many, and run this again:`,
      ...lines,
      FORGET,
    ].join("\n"),
  );
}

const stillBuilt = (found: readonly Found[], builtMs: number): Error =>
  new Error(
    `the cloud is still building ${found.map(([resource, [made]]) => `${called(resource)} (${made?.id})`).join(", ")} after ${builtMs / 1_000} s. ${NOTHING} Run this again when it is done, or delete it ("openstack server delete <id>"). ${FORGET}`,
  );
