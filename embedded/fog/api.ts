import { type Answer, crashed, empty, error, json, type LineVersion } from "./answer";
import { createHost, editHost } from "./api-hosts";
import { createImage, editImage } from "./api-images";
import { startTask } from "./api-tasks";
import { listShape, type Shape, shapeOf } from "./shapes";
import type { FogStore, Kind } from "./store";
import { type Tokens, whoIs } from "./tokens";

/** The REST interface: `/fog/<class>/…`. */

export interface ApiContext {
  store: FogStore;
  line: LineVersion;
  tokens: Tokens;
  /** False: the server says it by a redirect to its own pages. */
  enabled: boolean;
  log: (line: string) => void;
  /** The scripted fault of a stage says that two tasks come of one call. */
  twice: () => boolean;
  /** A host has these cards. */
  hostSaved: (macs: readonly string[]) => void;
}

export interface ApiRequest {
  method: string;
  /** Below `/fog`, without the first slash. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  /** Tell what would be told, and do nothing. */
  lie?: boolean;
}

/** What a handler is told besides the server. */
export interface Call {
  id: number;
  /** Undefined when the body is no JSON object. */
  fields: Record<string, unknown> | undefined;
  user: string;
  lie: boolean;
}

const CLASSES: Record<string, Kind> = {
  host: "host",
  image: "image",
  task: "task",
  imaginglog: "imaginglog",
};

type Action =
  | "list"
  | "active"
  | "ids"
  | "names"
  | "search"
  | "get"
  | "create"
  | "edit"
  | "task"
  | "cancel"
  | "delete";
interface Route {
  kind: Kind;
  action: Action;
  id: number;
  term: string;
}

/** Verb, then what follows the class; words in capitals stand for what is there. Class names are lower-case only. */
const ROUTES: readonly (readonly [string, RegExp, Action, Kind[]?])[] = [
  ["GET", /^(?:current|active)$/, "active", ["task"]],
  ["GET", /^ids$/, "ids"],
  ["GET", /^names$/, "names"],
  ["GET", /^search\/(?<term>.*)$/, "search"],
  ["GET", /^(?<id>\d+)$/, "get"],
  ["GET", /^(?:list|all)?$/, "list"],
  ["PUT", /^(?<id>\d+)(?:\/(?:update|edit))?$/, "edit"],
  ["POST", /^(?<id>\d+)\/task$/, "task", ["host"]],
  ["POST", /^(?:create|new)?$/, "create"],
  ["DELETE", /^(?:(?<id>\d+)\/)?cancel$/, "cancel", ["host", "task"]],
  ["DELETE", /^(?<id>\d+)(?:\/(?:delete|remove))?$/, "delete"],
];

export function routeOf(method: string, path: string): Route | undefined {
  const [, name = "", rest = ""] = /^([^/]+)(?:\/(.*?))?\/?$/.exec(path) ?? [];
  const kind = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (!kind) return undefined;
  for (const [verb, pattern, action, kinds] of ROUTES) {
    const match = verb === method && (kinds?.includes(kind) ?? true) ? pattern.exec(rest) : null;
    if (!match) continue;
    return { kind, action, id: Number(match.groups?.id ?? 0), term: match.groups?.term ?? "" };
  }
  return undefined;
}

export async function answerApi(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { line, tokens } = context;
  const { method, path, headers } = request;
  if (!context.enabled) {
    const headersOut = { location: "/fog/management/index.php" };
    return {
      status: line === "1.5" ? 302 : 308,
      type: "text/html; charset=UTF-8",
      body: "",
      headers: headersOut,
    };
  }
  const isInfo = method === "GET" && /^system\/(info|status)$/.test(path);
  if (isInfo && line === "1.6") return json(line, { version: "1.6.0-beta.2000", msg: "success" });
  const user = whoIs(tokens, headers);
  if (typeof user === "number") return empty(user);
  if (isInfo) return { status: 200, body: "success\n" };
  const route = routeOf(method, path);
  if (!route) return empty(501);
  const call: Call = { id: route.id, fields: fieldsOf(request.body), user, lie: request.lie ?? false };
  return act(context, route, call, request.query);
}

function fieldsOf(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function act(context: ApiContext, route: Route, call: Call, query: URLSearchParams): Promise<Answer> {
  const { store, line } = context;
  const { kind, id } = route;
  const shapes = (ids: number[]) => ids.flatMap((one): Shape[] => [shapeOf(store, kind, one) ?? []].flat());
  // The count alone is a number in every line.
  const list = (ids: number[]) => json("1.6", listShape(line, kind, shapes(ids), query));
  const all = store.all(kind);
  switch (route.action) {
    case "list":
      return list(all.filter((one) => line === "1.6" || fits(one, call.fields)).map((one) => one.id));
    case "active":
      return list(store.active().map((one) => one.id));
    // These two alone keep their numbers.
    case "ids":
      return json(
        "1.6",
        all.map((one) => one.id),
      );
    case "names":
      return json(
        "1.6",
        all.map((one) => ({ id: one.id, name: "name" in one ? one.name : "" })),
      );
    case "search":
      return list(all.filter((one) => holds(one, decodeURIComponent(route.term))).map((one) => one.id));
    case "get":
      return isThere(store, kind, id) ? json(line, shapeOf(store, kind, id)) : empty(404);
    case "create":
      if (kind === "host") return createHost(context, call);
      return kind === "image" ? createImage(context, call) : empty(501);
    case "edit":
      if (!isThere(store, kind, id)) return empty(404);
      if (kind === "host") return editHost(context, call);
      return kind === "image" ? editImage(context, call) : empty(501);
    case "task":
      return startTask(context, call);
    case "cancel":
      return cancel(context, kind, call);
    case "delete":
      return remove(context, kind, call);
  }
}

const isThere = (store: FogStore, kind: Kind, id: number): boolean =>
  (kind === "host" ? store.host(id) : store.get(kind, id)) !== undefined;

/** The exact filter of a body, over any scalar field. */
const fits = (record: object, wanted: Record<string, unknown> | undefined): boolean =>
  Object.entries(wanted ?? {}).every(
    ([name, value]) =>
      !Object.hasOwn(record, name) ||
      String((record as Record<string, unknown>)[name]).toLowerCase() === String(value).toLowerCase(),
  );

const holds = (record: object, term: string): boolean =>
  Object.values(record)
    .flat()
    .some((value) => String(value).toLowerCase().includes(term.toLowerCase()));

function cancel({ store, line, log }: ApiContext, kind: Kind, { id, lie }: Call): Answer {
  const done = json(line, null);
  if (lie) return done;
  if (kind === "host") {
    if (!store.host(id)) return empty(404);
    const [task] = store.activeOf(id);
    if (!task) return line === "1.5" ? crashed() : error(409, "No active task");
    for (const one of store.activeOf(id)) store.setState(one, 5);
    return done;
  }
  const task = store.get("task", id);
  // An id that names nothing is no filter at all, and then all of them are meant.
  const meant = task ? [task] : store.active();
  if (!task) log(`fog: cancel of task ${id}, which there is not: ${meant.length} active tasks are cancelled`);
  for (const one of meant) if (one.stateID <= 3) store.setState(one, 5);
  return done;
}

function remove({ store, line }: ApiContext, kind: Kind, { id, lie }: Call): Answer {
  if (!isThere(store, kind, id)) return empty(404);
  if (!lie) store.remove(kind, id);
  return json(line, "");
}
