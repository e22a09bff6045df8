import type { Definition, Run } from "../core/definition";
import { markText } from "../core/definition";
import { DeadlineError, LabError } from "../core/errors";
import { stopwatch } from "../core/stopwatch";
import { DEFAULT_TIMEOUT_S, waitForLogin } from "../ssh/arrival";
import type { SshTarget } from "../ssh/target";
import { adviceFor } from "./broken";
import { cloudOf, FRESH_MS, REFRESH_MS, type Server, type SharedCloud } from "./clients";
import { hostKeyIn } from "./console";
import { OpenStackError } from "./errors";
import { MARK_KEY, markedDescription } from "./marks";
import type { ServerInputs, ServerState } from "./server";
import { serverChanges } from "./server.changes";
import { serverSchema } from "./server.schema";

const POLL_MS = 2_000;
const ACTIVE_TIMEOUT_S = 600;
const CONSOLE_POLL_MS = 3_000;

/** Sees that the server of a machine runs, and how it is reached. It is made and removed by the plugin's resources. */
export const serverDefinition: Definition<ServerInputs, ServerState> = {
  kind: "openstack:Server",
  schema: serverSchema,
  changes: serverChanges,
  expects: { failed: { value: false, sentence: "the server is in state ERROR" } },

  id: ({ name }) => name,

  async observe(inputs, run, known) {
    const cloud = cloudOf(run.backend);
    const project = await projectOf(cloud);
    if (known?.projectId !== undefined && known.projectId !== project.projectId)
      throw elsewhere(inputs, known, project);
    const freshMs = known ? REFRESH_MS : FRESH_MS;
    const server = await serverOf(cloud, run, freshMs);
    if (!server) return undefined;
    const isSame = known?.serverId === server.id;
    return stateOf(inputs, server, project, {
      ...addressIn(inputs, inputs.floatingIp ? await floatingIpOf(cloud, run, freshMs) : undefined),
      ...(isSame && known.sshPort !== undefined ? { sshPort: known.sshPort } : {}),
      ...(isSame && known.sshHostKey !== undefined ? { sshHostKey: known.sshHostKey } : {}),
    });
  },

  async reconcile(inputs, _observed, run) {
    const cloud = cloudOf(run.backend);
    const server = await run.step("1/3 the server runs", () => running(inputs, cloud, run));
    const found = await run.step("2/3 its address", () => reachedAt(inputs, cloud, run));
    return run.step("3/3 its host key", async () => {
      const sshPort = inputs.wait.port ?? 22;
      const sshHostKey = inputs.hostKey ?? (await learnedKey(inputs, server, cloud, run));
      const arrival = { ...found, sshPort, ...(sshHostKey === undefined ? {} : { sshHostKey }) };
      if (inputs.wait.for === "ssh" && inputs.running) await loggedIn(inputs, arrival, run);
      return stateOf(inputs, server, await projectOf(cloud), arrival);
    });
  },

  // The server goes with the plugin's resource.
  remove: async () => {},
};

type Arrival = Pick<ServerState, "address" | "sshPort" | "sshHostKey">;

type Project = Required<Pick<ServerState, "projectId" | "keystone">>;

const projectOf = async ({ api }: SharedCloud): Promise<Project> => ({
  projectId: await api.projectId(),
  keystone: api.keystone,
});

const stateOf = (
  inputs: ServerInputs,
  { id, status }: Server,
  project: Project,
  arrival: Arrival,
): ServerState => ({
  ...inputs,
  serverId: id,
  status,
  ...project,
  failed: status === "ERROR",
  ...arrival,
});

/** What is not in this project is not gone. */
const elsewhere = ({ name }: ServerInputs, known: ServerState, now: Project): LabError =>
  new LabError(
    `${name}: this is another project than it was made in: it is in ${known.projectId} of ${known.keystone}, and the login is for ${now.projectId} of ${now.keystone}. Log in as then (clouds.yaml, or the OS_* variables).`,
  );

/** By our mark: names are not unique in a cloud. */
async function serverOf(
  cloud: SharedCloud,
  { mark }: Pick<Run, "mark">,
  freshMs?: number,
): Promise<Server | undefined> {
  const wanted = markText(mark);
  const found = (await cloud.servers(freshMs)).filter(
    ({ metadata, status }) => metadata[MARK_KEY] === wanted && !/DELETED/.test(status),
  );
  // One that is being deleted beside a new one is the old one.
  return found.find((one) => one["OS-EXT-STS:task_state"] !== "deleting") ?? found[0];
}

async function running(inputs: ServerInputs, cloud: SharedCloud, run: Run<ServerState>): Promise<Server> {
  const watch = stopwatch(run);
  const wanted = inputs.running ? "ACTIVE" : "SHUTOFF";
  for (;;) {
    const server = await serverOf(cloud, run);
    if (server?.status === wanted) return server;
    if (server?.status === "ERROR") throw broken(inputs, server);
    if (watch.elapsedS() >= ACTIVE_TIMEOUT_S)
      throw new DeadlineError(
        `${inputs.name}: its server is ${server ? `in state ${server.status}` : "not there"} after ${ACTIVE_TIMEOUT_S} s, and not ${wanted}. See "openstack server show ${server?.id ?? inputs.serverName}"; "pulumi up" resumes here.`,
      );
    run.progress(`[1/3 the server runs] ${server?.status ?? "not seen yet"}`);
    await watch.pause(POLL_MS);
  }
}

/** A server in ERROR stays so, whatever the engine believes. */
const broken = ({ name }: ServerInputs, server: Server): LabError => {
  const why = server.fault ? `: ${server.fault.message.replace(/\.$/, "")} (${server.fault.code})` : "";
  return new LabError(
    `${name}: its server is in state ERROR${why}. Make room for it or mend the cloud. ${adviceFor(server)}`,
  );
};

const addressIn = (
  { fixedAddress }: ServerInputs,
  floating: string | undefined,
): Pick<Arrival, "address"> => {
  const address = floating ?? fixedAddress;
  return address === undefined ? {} : { address };
};

/** Of neutron: what nova shows of a server's addresses is refreshed now and then. */
async function floatingIpOf(
  cloud: SharedCloud,
  { mark }: Pick<Run, "mark">,
  freshMs?: number,
): Promise<string | undefined> {
  const wanted = markedDescription(markText(mark));
  return (await cloud.floatingIps(freshMs)).find(({ description }) => description === wanted)
    ?.floating_ip_address;
}

async function reachedAt(
  inputs: ServerInputs,
  cloud: SharedCloud,
  run: Run<ServerState>,
): Promise<Pick<Arrival, "address">> {
  if (!inputs.floatingIp) return addressIn(inputs, undefined);
  let floating = await floatingIpOf(cloud, run);
  if (floating === undefined) {
    // The list may be from before it was made.
    await stopwatch(run).pause(2 * FRESH_MS);
    floating = await floatingIpOf(cloud, run);
  }
  if (floating === undefined)
    throw new LabError(
      `${inputs.name}: no floating IP of the cloud carries our mark. Was it removed? "pulumi up --refresh" makes it again.`,
    );
  return { address: floating };
}

/** Its console shows it, once cloud-init has come that far. Who waits for nothing does not wait for it either. */
async function learnedKey(
  { name, wait, running: runs }: ServerInputs,
  { id }: Server,
  cloud: SharedCloud,
  run: Run<ServerState>,
): Promise<string | undefined> {
  const watch = stopwatch(run);
  const limit = wait.for === "ssh" && runs ? (wait.timeoutS ?? DEFAULT_TIMEOUT_S) : 0;
  for (;;) {
    const key = hostKeyIn(await consoleLog(cloud, name, id, limit > 0));
    if (key !== undefined || limit === 0) return key;
    if (watch.elapsedS() >= limit)
      throw new DeadlineError(
        `${name}: its console log shows no SSH host key within ${limit} s. Look at it ("openstack console log show ${id}"): does its image run cloud-init? Else give the key: \`hostKey: ssh-ed25519 …\`.`,
      );
    run.progress("[3/3 its host key] waiting for cloud-init to print it");
    await watch.pause(CONSOLE_POLL_MS);
  }
}

/** A console that is not there yet, or cannot be asked just now, shows nothing yet; nor does one that nobody waits for. */
async function consoleLog(cloud: SharedCloud, name: string, id: string, waiting: boolean): Promise<string> {
  try {
    const { output } = await cloud.api.post<{ output: string | null }>("compute", `/servers/${id}/action`, {
      "os-getConsoleOutput": {},
    });
    return output ?? "";
  } catch (error) {
    if (!(error instanceof OpenStackError)) throw error;
    if (!waiting || error.passing || error.status === 404 || error.status === 409) return "";
    if (error.status === 403 || error.status === 501)
      throw new LabError(
        `${name}: this cloud shows no console (${error.status}), and so no SSH host key. Give the key: \`hostKey: ssh-ed25519 …\`.`,
        { cause: error },
      );
    throw error;
  }
}

async function loggedIn(inputs: ServerInputs, arrival: Arrival, run: Run<ServerState>): Promise<void> {
  const via = inputs.floatingIp ? undefined : bastionOf(run);
  await waitForLogin(inputs, arrival as { address: string }, {
    timeoutS: inputs.wait.timeoutS ?? DEFAULT_TIMEOUT_S,
    signal: run.signal,
    onProgress: (message) => run.progress(`[3/3 its host key] ${message}`),
    ...(via ? { via } : {}),
  });
}

function bastionOf({ backend }: Pick<Run, "backend">): SshTarget | undefined {
  if (backend.kind !== "openstack" || backend.bastion === undefined) return undefined;
  const { bastion, bastionHostKey, identityFile } = backend;
  const { hostname, port, username } = new URL(bastion);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    ...(port === "" ? {} : { port: Number(port) }),
    ...(username === "" ? {} : { user: decodeURIComponent(username) }),
    ...(bastionHostKey === undefined ? {} : { hostKey: bastionHostKey.trim() }),
    ...(identityFile === undefined ? {} : { identityFile }),
  };
}
