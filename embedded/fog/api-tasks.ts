import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, empty, error, json } from "./answer";
import type { ApiContext, Call } from "./api";
import { NO_DATE, needsImage, TYPE_NAMES } from "./records";

/** Between the look for a task of the host and the new one's row. */
const RACE_MS = 15;
/** PHP processes that are at it at once: as many of six parallel calls get through. */
const WORKERS = 2;
const WAKE_UP = 14;

/** Calls that wait for a worker of theirs, by server. */
const lines = new WeakMap<object, { busy: number; waiting: (() => void)[] }>();

/** `POST /host/N/task`: looks first and adds later, so that two calls at once make two tasks. */
export async function startTask(context: ApiContext, call: Call): Promise<Answer> {
  const workers = lines.get(context.store) ?? { busy: 0, waiting: [] };
  lines.set(context.store, workers);
  if (workers.busy >= WORKERS) await new Promise<void>((resolve) => workers.waiting.push(resolve));
  else workers.busy++;
  try {
    return await add(context, call);
  } finally {
    const next = workers.waiting.shift();
    if (next) next();
    else workers.busy--;
  }
}

async function add(
  { store, line, twice }: ApiContext,
  { id, fields = {}, user, lie }: Call,
): Promise<Answer> {
  const host = store.host(id);
  if (!host) return empty(404);
  const typeID = Number(fields.taskTypeID) || 0;
  if (!Object.hasOwn(TYPE_NAMES, typeID)) return error(501, "Invalid tasking type passed");
  if (store.activeOf(id).length > 0) return error(500, "Host is already a member of an active task");
  const image = store.get("image", host.imageID);
  if (needsImage(typeID)) {
    if (!image) return error(500, "Image is not valid");
    if (!image.isEnabled) return error(500, "Image is not enabled");
  }
  await sleep(RACE_MS);
  // A wake-up is sent and done.
  const count = lie || typeID === WAKE_UP ? 0 : twice() ? 2 : 1;
  for (let made = 0; made < count; made++) {
    store.add("task", {
      name: `${String(fields.taskName ?? "")} - ${host.name}`,
      hostID: id,
      imageID: needsImage(typeID) ? host.imageID : 0,
      stateID: 1,
      typeID,
      percent: 0,
      bpm: "",
      timeElapsed: "",
      timeRemaining: "",
      dataCopied: "",
      dataTotal: "",
      shutdown: fields.shutdown ? 1 : 0,
      isDebug: fields.debug ? 1 : 0,
      wol: fields.wol ? 1 : 0,
      createdTime: store.now(),
      createdBy: user,
      checkInTime: NO_DATE,
    });
  }
  return json(line, "");
}
