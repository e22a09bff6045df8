import { type Mark, markText, type Run } from "../../core/definition";
import { DeadlineError } from "../../core/errors";
import type { CloudApi } from "../api";
import { eachOf, type Patience, until } from "../until";

/** Says whose a server is, in its metadata: only those with our own text here are ever touched. */
export const MARK_KEY = "labplan_verify";

const NAME = "labplan-verify";
export const serverName = (host: string): string => `${NAME}-${host}`;
/** Let pings in; one for each layout. Its description says whose it is. */
export const groupName = ({ lab, stack, name }: Mark): string => `${NAME}-${lab}-${stack}-${name}`;
export const groupText = (mark: Mark): string => `labplan ${markText(mark)}`;

const AT_ONCE = 8;

/**
 * Delete servers and security groups of ours, of whichever run, and wait until the servers are gone. Returns how many
 * servers there were.
 */
export async function removeLeftovers(
  api: CloudApi,
  { mark, signal }: Pick<Run, "mark" | "signal">,
  patience: Patience,
): Promise<number> {
  const ours = (await api.servers()).filter(({ metadata }) => metadata[MARK_KEY] === markText(mark));
  await eachOf(ours, AT_ONCE, async ({ id, name }) => {
    await api.removeServer(id);
    await untilGone(api, { id, name }, signal, patience);
  });
  const groups = await api.securityGroups(groupName(mark));
  for (const { id, description } of groups)
    if (description === groupText(mark)) await api.removeSecurityGroup(id);
  return ours.length;
}

/** Its port and its place on the hypervisor are free only then. */
export async function untilGone(
  api: CloudApi,
  { id, name }: { id: string; name: string },
  signal: AbortSignal,
  patience: Patience,
): Promise<void> {
  let status = "";
  const late = () =>
    new DeadlineError(
      `server ${name} (${id}) is still ${status} ${patience.goneS} s after it was deleted. Look: openstack server show ${id}; "openstack server set --state error" and another delete help where it hangs.`,
    );
  await until({ patience, timeoutS: patience.goneS, signal, late }, async () => {
    const server = await api.server(id);
    if (!server || server.status === "DELETED") return true;
    status = server.status;
    return undefined;
  });
}
