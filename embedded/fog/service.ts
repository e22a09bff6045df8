import type { FaultRule } from "../faults";
import { type Answer, type LineVersion, text } from "./answer";
import { type BootFiles, firstScript, menuScript, taskScript } from "./ipxe";
import { type HostRecord, isCapture, isWipe, macOf, type TaskRecord } from "./records";
import type { FogStore } from "./store";

/** What machines call while they boot from the network: `/fog/service/…`, open to everybody who can reach it. */

export interface ServiceContext {
  store: FogStore;
  line: LineVersion;
  /** How many machines are imaged at once. */
  slots: number;
  /** `http://server:port/fog` as the caller knows it. */
  base: string;
  files: BootFiles;
  fault: (stage: string) => FaultRule | undefined;
  log: (line: string) => void;
  lie: boolean;
}

/** Of the client's own wait for a slot. */
const NO_SLOT = (before: number): string => `No open slots, There are ${before} before me.`;

export function answerService(context: ServiceContext, path: string, form: URLSearchParams): Answer {
  if (path === "ipxe/default.ipxe") return script(firstScript(context.base));
  if (path === "ipxe/boot.php") return boot(context, form);
  const serve = SERVICES[path];
  const isKnown = serve && (context.line === "1.6" || path !== "failed.php");
  if (!serve || !isKnown)
    return { status: 404, type: "text/html; charset=UTF-8", body: "<h1>404 Not Found</h1>\n" };
  const mac = macsIn(form)[0] ?? "";
  const host = macsIn(form).flatMap((one) => context.store.hostByMac(one) ?? [])[0];
  if (!host) return text("Invalid Host");
  const task = taskOf(context.store, host);
  if (!task) return text(`No Active Task found for Host: ${host.name} (${mac})`);
  return serve({ ...context, host, task, mac }, form);
}

const script = (body: string): Answer => ({ status: 200, type: "text/plain; charset=UTF-8", body });

/** Cards by `mac`, several with a bar between them, or `mac0`, `mac1` … */
const macsIn = (form: URLSearchParams): string[] =>
  [...form].flatMap(([name, value]) =>
    /^mac\d?$/.test(name) ? value.split("|").flatMap((one) => macOf(one) ?? []) : [],
  );

/** Of two that a race made, the first. */
const taskOf = (store: FogStore, host: HostRecord): TaskRecord | undefined =>
  store.activeOf(host.id).find((task) => ACTIVE_ON_HOST(task.typeID));
const ACTIVE_ON_HOST = (type: number): boolean =>
  type === 1 || type === 17 || isCapture(type) || isWipe(type);

function boot(context: ServiceContext, form: URLSearchParams): Answer {
  const { store, base, files } = context;
  const macs = macsIn(form);
  const host = macs.flatMap((one) => store.hostByMac(one) ?? [])[0];
  const task = host && taskOf(store, host);
  if (!host || !task) return script(menuScript(host));
  // As of a machine that never comes here: it boots from its disk.
  if (context.fault("queued")) return script(menuScript(host));
  const image = store.get("image", task.imageID);
  return script(taskScript(base, files, { task, host, image, mac: host.macs[0] ?? "" }));
}

interface Visit extends ServiceContext {
  host: HostRecord;
  task: TaskRecord;
  mac: string;
}

const SERVICES: Record<string, ((visit: Visit, form: URLSearchParams) => Answer) | undefined> = {
  "hostinfo.php": hostInfo,
  "Pre_Stage1.php": checkIn,
  "progress.php": progress,
  "Post_Stage2.php": finish,
  "Post_Stage3.php": finish,
  "Post_Wipe.php": finish,
  // Ours: how a machine of the 1.6 line says that it failed.
  "failed.php": failed,
};

function hostInfo({ store, host, task }: Visit): Answer {
  const image = store.get("image", task.imageID);
  const values: Record<string, string> = {
    shutdown: task.shutdown ? "1" : "",
    hostname: host.name,
    hostdesc: host.description,
    hostip: host.ip,
    hostimageid: String(host.imageID),
    mac: host.macs[0] ?? "",
    ...(image && { imgid: String(image.id), img: image.path, imgName: image.name, osid: String(image.osID) }),
    type: image ? (isCapture(task.typeID) ? "up" : "down") : "",
  };
  const quoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;
  const lines = Object.entries(values).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return text(`#!/bin/bash\n${lines.join("\n")}\n`);
}

function checkIn({ store, task, slots, fault, lie }: Visit): Answer {
  const others = store.active().filter((one) => one.stateID === 3 && one.id !== task.id);
  const isFull = others.length >= slots;
  if (isFull || fault("slot")) {
    if (task.stateID !== 3) store.setState(task, 2);
    const before = store.active().filter((one) => one.stateID === 2 && one.id < task.id).length;
    return text(NO_SLOT(before));
  }
  if (!lie) store.begin(task);
  return text("##@GO");
}

function progress({ store, task, fault, log, lie }: Visit, form: URLSearchParams): Answer {
  const status = Buffer.from(form.get("status") ?? "", "base64").toString("utf8");
  const [speed = "", elapsed = "", remaining = "", copied = "", total = "", percent = ""] = status.split("@");
  if (!/^\d{1,3}$/.test(percent) || lie) return text("");
  const crossed = task.percent < 50 && Number(percent) >= 50;
  Object.assign(task, {
    bpm: speed,
    timeElapsed: elapsed,
    timeRemaining: remaining,
    dataCopied: copied,
    dataTotal: total,
    percent: Number(percent),
  });
  const stays = !(crossed && fault("cancelled"));
  if (!stays) log(`fog: task ${task.id} is cancelled by somebody else`);
  store.setState(task, stays ? task.stateID : 5);
  return text("");
}

function finish({ store, task, lie }: Visit): Answer {
  if (!lie) store.complete(task);
  return text("##");
}

function failed({ store, task }: Visit): Answer {
  store.setState(task, 6);
  return text("##");
}
