import type { Run } from "../core/definition";
import { BackendError, isDeadline } from "../core/errors";
import { isAway } from "../ssh/machine-login";
import type { ServerRecord } from "./api";
import { type ControllerInputs, isUnstacked, withController } from "./cloud";
import { RUN } from "./places";

/**
 * What a cloud's nova said about its servers. `silent`: the controller is there, and nova does not answer; `away`: the
 * controller is not.
 */
export type Answer = { servers: ServerRecord[] } | { silent: string } | { away: string };

/** Every server that nova knows, whoever's it is. Where nothing is stacked there is none. */
export async function serversIn(
  controller: ControllerInputs,
  run: Pick<Run, "on" | "signal" | "backend" | "progress">,
): Promise<Answer> {
  if (run.on?.address === undefined) return { away: "its controller is nowhere to be found" };
  try {
    return await withController(controller, run, { forLook: true }, async (opened): Promise<Answer> => {
      if (!opened) return { servers: [] };
      try {
        return { servers: (await opened.api.servers()).filter(hasSomething) };
      } catch (error) {
        if (run.signal.aborted || !(error instanceof BackendError)) throw error;
        // Nova itself may have been left out.
        const isNone = /has no compute service/.test(error.message) || (await isUnstacked(opened));
        return isNone ? { servers: [] } : { silent: error.message };
      }
    });
  } catch (error) {
    if (run.signal.aborted || !(isAway(error) || isDeadline(error))) throw error;
    return { away: `its controller does not answer (${error.message})` };
  }
}

/** One that failed before it came to a host has nothing to lose. */
const hasSomething = ({ host, status }: ServerRecord): boolean => host !== "" || status !== "ERROR";

const LISTED = 10;

/** The first of them, and how many more there are. */
export const listed = (names: readonly string[]): string =>
  [...names.slice(0, LISTED), ...(names.length > LISTED ? [`${names.length - LISTED} more`] : [])].join(", ");

/** `precious (6c1f…) on hv1` */
export const namesOf = (servers: readonly ServerRecord[], more: { hosts?: boolean } = {}): string =>
  listed(
    servers.map(
      ({ name, id, host }) => `${name || "one"} (${id})${more.hosts && host !== "" ? ` on ${host}` : ""}`,
    ),
  );

/** Why a compute stays in its cloud. */
export const cannotLeave = (who: string, servers: readonly ServerRecord[]): string =>
  `${who} cannot leave: ${servers.length === 1 ? "a server is" : `${servers.length} servers are`} on it: ${namesOf(servers)}. Move them (openstack server migrate --live-migration <id>) or delete them (openstack server delete <id>), and repeat; or take the edit back. Nothing was changed.`;

/** What helps where nova does not answer. */
export const ASK_AGAIN = `Bring its services up there (systemctl list-units --failed 'devstack@*'), and repeat. If nothing of that cloud is needed any more, remove ${RUN}/stacked there, and repeat`;
