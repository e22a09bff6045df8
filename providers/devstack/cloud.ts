import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { Cloud } from "../openstack/clouds";
import type { Dial } from "../openstack/http";
import type { SshConnection } from "../ssh/client";
import { isAway, type LoginTo, logInForLook, logInToMachine, machineTarget } from "../ssh/machine-login";
import { RootShell } from "../ssh/root-shell";
import { CloudApi } from "./api";
import { NovaManage } from "./nova-manage";
import { NODE_NOTE, RUN } from "./places";
import type { NodeLogin } from "./types";

/** Who is asked: a layout's first controller. */
export interface ControllerInputs {
  /** For messages: what it is asked about. */
  who: string;
  backend: string;
  login: NodeLogin;
  /** That devstack runs as, and its folder. */
  user: string;
  home: string;
}

/** A stacked controller that we are logged in to. */
export interface Controller {
  shell: RootShell;
  /** Ends with the run. */
  api: CloudApi;
  /** Goes on when the run is stopped, for what must not be left behind. */
  lasting: CloudApi;
  manage: NovaManage;
}

/** stack.sh writes it at its end, for every user of the machine. */
export const CLOUDS_YAML = "/etc/openstack/clouds.yaml";
export const ADMIN_CLOUD = "devstack-admin";

const NO_FILE = 44;
const READ = `[ -e "$1" ] || exit ${NO_FILE}; cat "$1"`;

/**
 * The cloud of the controller's clouds.yaml, with the text of its CA: with tls-proxy, devstack writes the path of its
 * bundle there, which only the controller has (lib/tls, functions-common). Undefined when nothing is stacked there.
 */
async function readCloud(shell: RootShell, signal: AbortSignal): Promise<Cloud | undefined> {
  const read = (file: string) => shell.run(`read ${file}`, READ, [file], { codes: [NO_FILE], signal });
  const yaml = await read(CLOUDS_YAML);
  if (yaml.code === NO_FILE) return undefined;
  // Loaded when a cloud is asked: an offline preview never does.
  const { cloudFromYaml } = require("../openstack/clouds") as typeof import("../openstack/clouds");
  const { ca, ...cloud } = cloudFromYaml(yaml.stdout, ADMIN_CLOUD);
  if (ca === undefined) return cloud;
  const bundle = await read(ca);
  if (bundle.code !== NO_FILE) return { ...cloud, caText: bundle.stdout };
  if (await isUnstacked({ shell })) return undefined;
  throw new LabError(
    `the controller's ${CLOUDS_YAML} names ${ca} as its CA, and that file is not there. stack.sh writes it: put it back, or have the controller stacked anew (\`generation\`).`,
  );
}

interface Opened extends Controller {
  connection: SshConnection;
  close(): void | Promise<void>;
}

/** Undefined when nothing is stacked there. Calls of the API go through the connection, out of the controller itself. */
async function openController(
  connection: SshConnection,
  { login, user, home }: Pick<ControllerInputs, "login" | "user" | "home">,
  signal: AbortSignal,
): Promise<Omit<Opened, "connection"> | undefined> {
  const shell = new RootShell(connection, login.user);
  const cloud = await readCloud(shell, signal);
  if (!cloud) return undefined;
  const { OpenStackClient } = require("../openstack/client") as typeof import("../openstack/client");
  const dial: Dial = (host, port) => connection.openTcp(host, port);
  const [api, lasting] = [
    new OpenStackClient(cloud, { dial, signal }),
    new OpenStackClient(cloud, { dial }),
  ] as const;
  return {
    shell,
    api: new CloudApi(api),
    lasting: new CloudApi(lasting),
    manage: new NovaManage(shell, { user, home }),
    close() {
      api.close();
      lasting.close();
    },
  };
}

interface Shared {
  opened: Promise<Opened | undefined>;
  users: number;
}

/** One connection and one session for all who ask the same controller at the same time. */
const shared = new Map<string, Shared>();

export type Mode = { forLook: true } | { title: string };

/**
 * Do something with the controller. `work` gets undefined when nothing is stacked there. Who comes while others are at
 * it shares their login: sshd drops some of ten that come at once.
 */
export async function withController<T>(
  inputs: ControllerInputs,
  run: Pick<Run, "on" | "signal" | "backend" | "progress">,
  mode: Mode,
  work: (controller: Controller | undefined) => Promise<T>,
): Promise<T> {
  // Of the controller, whose logical name we are not told: messages name what is done for.
  const to: LoginTo = { name: "the controller", login: inputs.login };
  const key = JSON.stringify([machineTarget(to, run.on, inputs.who), inputs.user, inputs.home]);
  for (;;) {
    const entry = shared.get(key) ?? { opened: open(inputs, to, run, mode), users: 0 };
    shared.set(key, entry);
    entry.users++;
    try {
      const opened = await entry.opened;
      if (opened?.connection.ended.aborted && shared.get(key) === entry) {
        // Broke while others used it: they hear of it, we begin anew.
        shared.delete(key);
        continue;
      }
      return await work(opened);
    } finally {
      if (--entry.users === 0) {
        if (shared.get(key) === entry) shared.delete(key);
        await entry.opened.then(
          (opened) => opened?.close(),
          () => undefined,
        );
      }
    }
  }
}

async function open(
  inputs: ControllerInputs,
  to: LoginTo,
  run: Pick<Run, "on" | "signal" | "backend" | "progress">,
  mode: Mode,
): Promise<Opened | undefined> {
  const connection =
    "forLook" in mode
      ? await logInForLook(to, run, inputs.who)
      : await logInToMachine(to, run, (message) => run.progress(`[${mode.title}] ${message}`), inputs.who);
  try {
    const opened = await openController(connection, inputs, run.signal);
    if (!opened) {
      await connection.close();
      return undefined;
    }
    return {
      ...opened,
      connection,
      async close() {
        await opened.close();
        await connection.close();
      },
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** unstack.sh stops the APIs and leaves clouds.yaml there; what we stacked is noted. */
const UNSTACKED = `[ -e ${NODE_NOTE} ] && [ ! -e ${RUN}/stacked ]`;
export const isUnstacked = async ({ shell }: Pick<Controller, "shell">): Promise<boolean> =>
  (await shell.exec(UNSTACKED)).code === 0;

export const notStacked = (who: string): LabError =>
  new LabError(
    `${who}: the controller has no ${CLOUDS_YAML}, so devstack is not stacked there, or its stack.sh did not come to its end. "pulumi up" stacks it first; "--refresh" lets it see that it is gone.`,
  );

export { isAway };
