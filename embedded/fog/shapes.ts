import { asShown, type LineVersion } from "./answer";
import {
  type HostRecord,
  type ImageRecord,
  type ImagingRecord,
  NO_DATE,
  SECRETS,
  STATE_NAMES,
  type TaskRecord,
  TYPE_NAMES,
} from "./records";
import type { FogStore, Kind } from "./store";

/** How records look in answers, secrets and all. */

export type Shape = Record<string, unknown>;

const STORAGE_GROUP = { id: 1, name: "default", description: "Auto generated fog nfs group" };
const STORAGE_NODE = {
  id: 1,
  name: "DefaultMember",
  description: "Auto generated fog nfs group member",
  isMaster: 1,
  storagegroupID: 1,
  isEnabled: 1,
  isGraphEnabled: 1,
  path: "/images",
  ftppath: "/images",
  bitrate: "",
  snapinpath: "/opt/fog/snapins",
  sslpath: "/opt/fog/snapins/ssl",
  ip: "127.0.0.1",
  maxClients: 10,
  user: SECRETS.storageUser,
  pass: SECRETS.storagePassword,
  key: "",
  interface: "eth0",
  bandwidth: 0,
  webroot: "/fog",
};

function bareHost(host: HostRecord): Shape {
  const { macs, ...fields } = host;
  return {
    ...fields,
    building: 0,
    useAD: "",
    ADDomain: "",
    ADOU: "",
    ADUser: "",
    ADPass: SECRETS.adPassword,
    ADPassLegacy: "",
    productKey: SECRETS.productKey,
    printerLevel: "",
    pending: "",
    pub_key: "",
    sec_tok: "",
    sec_time: NO_DATE,
    pingstatus: 6,
    enforce: "",
    mac: macs[0] ?? "",
  };
}

export function hostShape(store: FogStore, host: HostRecord): Shape {
  const image = store.get("image", host.imageID);
  return {
    ...bareHost(host),
    primac: host.macs[0] ?? "",
    imagename: image?.name ?? "",
    hostscreen: {},
    hostalo: {},
    inventory: {},
    image: image ? bareImage(image) : {},
    pingstatuscode: 6,
    pingstatustext: "No such device or address",
    macs: host.macs,
  };
}

const bareImage = (image: ImageRecord): Shape => ({
  ...image,
  building: 0,
  format: 5,
  magnet: "",
  protected: 0,
  compress: 6,
  toReplicate: 1,
  srvsize: "",
});

export const imageShape = (image: ImageRecord): Shape => ({
  ...bareImage(image),
  os: { id: image.osID, name: image.osID === 50 ? "Linux" : "Other", description: "" },
  imagetype: { id: image.imageTypeID, name: "Single Disk - Resizable" },
  imagepartitiontype: { id: image.imagePartitionTypeID, name: "Everything" },
  imagetypename: "Single Disk - Resizable",
  imageparttypename: "Everything",
  osname: image.osID === 50 ? "Linux" : "Other",
  storagegroupname: STORAGE_GROUP.name,
  hosts: "",
  storagegroups: [1],
  storagegroup: STORAGE_GROUP,
});

export function taskShape(store: FogStore, task: TaskRecord): Shape {
  const host = store.get("host", task.hostID);
  const image = store.get("image", task.imageID);
  return {
    ...task,
    isForced: 0,
    scheduledStartTime: NO_DATE,
    pct: String(task.percent).padStart(10, "0"),
    storagegroupID: 1,
    storagenodeID: 1,
    NFSFailures: "",
    NFSLastMemberID: 0,
    passreset: "",
    image: image ? bareImage(image) : {},
    host: host ? { ...bareHost(host), primac: host.macs[0] ?? "" } : {},
    type: { id: task.typeID, name: TYPE_NAMES[task.typeID] ?? "" },
    state: { id: task.stateID, name: STATE_NAMES[task.stateID] },
    storagenode: STORAGE_NODE,
    storagegroup: STORAGE_GROUP,
  };
}

function imagingShape(store: FogStore, log: ImagingRecord): Shape {
  const host = store.get("host", log.hostID);
  const image = store.named("image", log.image);
  return { ...log, host: host ? bareHost(host) : {}, images: image ? bareImage(image) : {} };
}

export function shapeOf(store: FogStore, kind: Kind, id: number): Shape | undefined {
  if (kind === "host") {
    const host = store.get("host", id);
    return host && hostShape(store, host);
  }
  if (kind === "image") {
    const image = store.get("image", id);
    return image && imageShape(image);
  }
  if (kind === "task") {
    const task = store.get("task", id);
    return task && taskShape(store, task);
  }
  const log = store.get("imaginglog", id);
  return log && imagingShape(store, log);
}

/** What a list does not show: since 1.6 its rows are those of one table, without the host's other cards and secrets. */
const NOT_IN_LISTS = [
  "macs",
  "image",
  "ADPass",
  "ADPassLegacy",
  "ADDomain",
  "ADOU",
  "ADUser",
  "useAD",
  "sec_tok",
];

export function listShape(line: LineVersion, kind: Kind, rows: Shape[], query: URLSearchParams): Shape {
  if (line === "1.5") return { count: rows.length, [`${kind}s`]: asShown(line, rows) };
  const start = Number(query.get("start") ?? 0);
  const length = Number(query.get("length") ?? -1);
  const page = length < 0 ? rows.slice(start) : rows.slice(start, start + length);
  const hidden = kind === "host" ? NOT_IN_LISTS : [];
  return {
    draw: 0,
    recordsTotal: rows.length,
    recordsFiltered: rows.length,
    data: page.map((row) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !hidden.includes(name))),
    ),
    _lang: kind,
  };
}
