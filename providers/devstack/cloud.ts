import type { Duplex } from "node:stream";
import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { SshConnection } from "../ssh/client";
import { isAway, type LoginTo, logInForLook, logInToMachine, machineTarget } from "../ssh/machine-login";
import { RootShell } from "../ssh/root-shell";
import { CloudApi, type Rest } from "./api";
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

type Dial = (host: string, port: number) => Promise<Duplex>;

/** Makes the session out of the text of clouds.yaml; `close` when it is not needed any more. */
export type OpenSession = (
  cloudsYaml: string,
  options: { dial: Dial; signal?: AbortSignal },
) => Rest & { close?(): unknown };

const openSession: OpenSession = (text, options) => {
  // Loaded when a cloud is asked: an offline preview never does.
  const { cloudFromYaml } = require("../openstack/clouds") as typeof import("../openstack/clouds");
  const { OpenStackClient } = require("../openstack/client") as typeof import("../openstack/client");
  return new OpenStackClient(cloudFromYaml(text, ADMIN_CLOUD), options);
};

interface Opened extends Controller {
  connection: SshConnection;
  close(): Promise<void>;
}

/** Undefined when nothing is stacked there. Calls of the API go through the connection, out of the controller itself. */
export async function openController(
  connection: SshConnection,
  { login, user, home }: Pick<ControllerInputs, "login" | "user" | "home">,
  signal: AbortSignal,
  open: OpenSession = openSession,
): Promise<Omit<Opened, "connection"> | undefined> {
  const shell = new RootShell(connection, login.user);
  const { code, stdout } = await shell.run(`read ${CLOUDS_YAML}`, READ, [CLOUDS_YAML], {
    codes: [NO_FILE],
    signal,
  });
  if (code === NO_FILE) return undefined;
  const dial: Dial = (host, port) => connection.openTcp(host, port);
  const sessions = [open(stdout, { dial, signal }), open(stdout, { dial })] as const;
  const [api, lasting] = sessions;
  return {
    shell,
    api: new CloudApi(api),
    lasting: new CloudApi(lasting),
    manage: new NovaManage(shell, { user, home }),
    async close() {
      for (const session of sessions) await session.close?.();
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
