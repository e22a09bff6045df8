import { type Calls, writeAndLook } from "./calls";
import type { FogClient, FogHost } from "./client";
import { FogError, isFog } from "./errors";
import { type Field, putFields } from "./fields";
import { host, hostByName, hostPath, hosts, refuseMacsOfOthers } from "./host-look";
import { putMacs } from "./macs";
import { checkedHostName, checkedMacs } from "./names";
import { idOf, rowOf, sameName, sameText } from "./parse";

/** Ours first: the last two decide what is put on the machine. */
const FIELDS: readonly Field<FogHost>[] = [
  { name: "description", key: "description" },
  { name: "kernelArgs", key: "kernelArgs" },
  { name: "imageId", key: "imageID" },
];

type NewHost = Parameters<FogClient["createHost"]>[0];

export async function createHost(calls: Calls, wanted: NewHost): Promise<FogHost> {
  const name = checkedHostName(calls.label, wanted.name);
  const macs = checkedMacs(calls.label, name, wanted.macs);
  const body = { name, macs, description: wanted.description };
  await refuseIfTaken(calls, wanted, macs);
  let id: number | undefined;
  const write = async () => {
    const row = rowOf(await calls.write("POST", "/host/create", body));
    id = row?.id === undefined ? undefined : idOf(row.id, "the new host");
  };
  // By its number where it is known, and by its name: a create may be answered with 201 and insert nothing.
  const look = async () => {
    const byId = id === undefined ? undefined : await host(calls, id);
    const found = byId && sameName(byId.name, name) ? byId : await hostByName(calls, name);
    return found && sameText(found.description, wanted.description) ? found : undefined;
  };
  const made = await writeAndLook(write, look).catch((error: unknown) => {
    if (!isFog(error, "server")) throw error;
    // Of a card that another host has beside its primary one, which 1.6 does not list (recorded: 500, no word).
    const hint = `FOG also says that of a MAC that it does not like, or that another host has: ${macs.join(", ")}.`;
    throw new FogError("server", `${error.message} ${hint}`, { status: error.status }, { cause: error });
  });
  if (!made)
    throw new FogError(
      "refused",
      `${calls.label}: it answered that host "${name}" is created, and has none with our description. Look at its web page, and run it again.`,
    );
  return editHost(calls, made.id, { macs });
}

/** What FOG refuses with 500 and often no word (recorded), said before it is sent. */
async function refuseIfTaken(calls: Calls, { name }: NewHost, macs: readonly string[]): Promise<void> {
  const all = await hosts(calls);
  const namesake = all.find((one) => sameName(one.name, name));
  if (namesake)
    throw new FogError(
      "conflict",
      `${calls.label}: a host "${namesake.name}" exists already, and names are the same in any case of letters.`,
    );
  refuseMacsOfOthers(calls, all, name, macs);
}

type HostChange = Parameters<FogClient["editHost"]>[1];

export async function editHost(calls: Calls, id: number, change: HostChange): Promise<FogHost> {
  const path = `${hostPath(id)}/edit`;
  const read = () => host(calls, id);
  // FOG takes any number for an image, and the task would fail later.
  if (change.imageId && !(await calls.record(`/image/${idOf(change.imageId, "an image")}`)))
    throw new FogError("not-found", `${calls.label}: it has no image ${change.imageId} for host ${id}.`);
  const { macs, ...rest } = change;
  const after = await putFields(calls, { path, text: `host ${id}`, fields: FIELDS, read }, rest);
  if (!macs) return after;
  return putMacs(calls, after, checkedMacs(calls.label, after.name, macs));
}

/** What is gone already is success. */
export async function deleteHost(calls: Calls, id: number): Promise<void> {
  await remove(calls, hostPath(id), `host ${id}`);
}

export async function remove(calls: Calls, path: string, text: string): Promise<void> {
  const look = async () => ((await calls.record(path)) ? undefined : true);
  try {
    if (await writeAndLook(() => calls.write("DELETE", `${path}/delete`), look)) return;
  } catch (error) {
    if (!isFog(error, "not-found")) throw error;
    if (await look()) return;
  }
  throw new FogError(
    "refused",
    `${calls.label}: it answered that ${text} is deleted, and still has it. Look at its web page.`,
  );
}
