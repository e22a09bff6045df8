import { type Answer, crashed, empty, error, json } from "./answer";
import type { ApiContext, Call } from "./api";
import { type HostRecord, macOf, NO_DATE } from "./records";
import { hostShape } from "./shapes";

/** Fields of a host that an edit can change besides its cards; the name has rules of its own. */
const TEXTS = [
  "description",
  "ip",
  "kernel",
  "kernelArgs",
  "kernelDevice",
  "init",
  "biosexit",
  "efiexit",
] as const;

/** What a create leaves out: anything that PHP takes for nothing. */
export const given = (value: unknown): boolean =>
  !["", "0", 0, false, null, undefined].some((none) => none === value);

const created = (line: "1.5" | "1.6"): number => (line === "1.6" ? 201 : 200);

export function createHost(context: ApiContext, { fields = {}, user, lie }: Call): Answer {
  const { store, line } = context;
  const name = given(fields.name) ? String(fields.name) : "";
  if (store.named("host", name)) return error(500, "Already created");
  const macs = viable(context, fields.macs);
  if (macs.length === 0) return crashed();
  if (name === "") return error(417, "Required database field is empty");
  const values: Omit<HostRecord, "id"> = {
    name,
    description: "",
    ip: "",
    imageID: given(fields.imageID) ? Number(fields.imageID) || 0 : 0,
    macs,
    kernel: "",
    kernelArgs: "",
    kernelDevice: "",
    init: "",
    biosexit: "",
    efiexit: "",
    createdTime: store.now(),
    createdBy: user,
    deployed: NO_DATE,
  };
  for (const field of TEXTS) if (given(fields[field])) values[field] = String(fields[field]);
  if (lie) return json(line, hostShape(store, { ...values, id: 999_999 }), created(line));
  const { id } = store.add("host", values);
  context.hostSaved(macs);
  const host = store.host(id);
  // It was stored, and cannot be found again.
  return host ? json(line, hostShape(store, host), created(line)) : empty(404);
}

export function editHost(context: ApiContext, { id, fields = {}, lie }: Call): Answer {
  const { store, line } = context;
  const before = store.host(id);
  if (!before) return empty(404);
  const host: HostRecord = { ...before, macs: [...before.macs] };
  if (typeof fields.name === "string") {
    const other = store.named("host", fields.name);
    // Lower case is compared with what was sent, so that capitals are always a name that is taken.
    if (fields.name !== fields.name.toLowerCase() || (other && other.id !== id))
      return error(500, "Already created");
    host.name = fields.name;
  }
  if (fields.macs !== undefined) {
    const macs = viable(context, fields.macs);
    const [primary, ...others] = macs;
    if (primary === undefined) return error(500, "No viable macs to use");
    // Cards that somebody has are left out, and the host itself is somebody: the first new one takes the primary's place.
    const listed = new Set([fields.macs].flat().map(macOf));
    host.macs = [...new Set([primary, ...host.macs.slice(1).filter((mac) => listed.has(mac)), ...others])];
  }
  for (const field of TEXTS) if (field in fields) host[field] = String(fields[field] ?? "");
  if ("imageID" in fields) host.imageID = Number(fields.imageID) || 0;
  if (!lie) {
    store.save("host", host);
    context.hostSaved(host.macs);
  }
  return json(line, hostShape(store, host));
}

/** MACs that are some, and that no host has. */
function viable({ store }: ApiContext, value: unknown): string[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return [...new Set(list.flatMap((one) => macOf(one) ?? []))].filter((mac) => !store.isMacTaken(mac));
}
