import type { Journal } from "../journal";
import {
  type HostRecord,
  type ImageRecord,
  type ImagingRecord,
  isActive,
  isCapture,
  localTime,
  NO_DATE,
  type TaskRecord,
  type TaskState,
} from "./records";

interface Kinds {
  host: HostRecord;
  image: ImageRecord;
  task: TaskRecord;
  imaginglog: ImagingRecord;
}
export type Kind = keyof Kinds;

/** As the column of the name: what is longer is cut off, and is no valid name then, either. */
const NAME_COLUMN = 16;
/** Names that the server itself can find again. */
const SAFE_NAME = /^[\w!@#$%^()'{}.~-]{1,15}$/;

/** What there is in the FOG server. Every change is in the journal before its call is answered. */
export class FogStore {
  private readonly records: { [K in Kind]: Map<number, Kinds[K]> } = {
    host: new Map(),
    image: new Map(),
    task: new Map(),
    imaginglog: new Map(),
  };
  private readonly last: Record<Kind, number>;

  constructor(
    private readonly journal: Journal,
    private readonly clock: () => Date,
  ) {
    for (const kind of Object.keys(this.records) as Kind[]) {
      for (const record of journal.all<Kinds[Kind]>(`${kind}/`))
        (this.records[kind] as Map<number, Kinds[Kind]>).set(record.id, record);
    }
    // As the database counts: an id is never given twice.
    this.last = journal.all<Record<Kind, number>>("last")[0] ?? { host: 0, image: 0, task: 0, imaginglog: 0 };
  }

  /** Whether there never was one. */
  isNew(kind: Kind): boolean {
    return this.last[kind] === 0;
  }

  now(): string {
    return localTime(this.clock());
  }

  all<K extends Kind>(kind: K): Kinds[K][] {
    return [...(this.records[kind] as Map<number, Kinds[K]>).values()].sort((a, b) => a.id - b.id);
  }

  get<K extends Kind>(kind: K, id: number): Kinds[K] | undefined {
    return (this.records[kind] as Map<number, Kinds[K]>).get(id);
  }

  /** As the database compares: without regard to case. */
  named<K extends "host" | "image">(kind: K, name: string): Kinds[K] | undefined {
    return this.all(kind).find((one) => one.name.toLowerCase() === name.toLowerCase());
  }

  add<K extends Kind>(kind: K, values: Omit<Kinds[K], "id">): Kinds[K] {
    const record = { ...values, id: ++this.last[kind] } as Kinds[K];
    if (kind === "host") (record as HostRecord).name = (record as HostRecord).name.slice(0, NAME_COLUMN);
    this.journal.set("last", this.last);
    this.save(kind, record);
    return record;
  }

  save<K extends Kind>(kind: K, record: Kinds[K]): void {
    (this.records[kind] as Map<number, Kinds[K]>).set(record.id, record);
    this.journal.set(`${kind}/${record.id}`, record);
  }

  remove(kind: Kind, id: number): void {
    this.records[kind].delete(id);
    this.journal.delete(`${kind}/${id}`);
    if (kind === "host") for (const task of this.activeOf(id)) this.remove("task", task.id);
    if (kind === "image")
      for (const host of this.all("host"))
        if (host.imageID === id) this.save("host", { ...host, imageID: 0 });
  }

  /** A host that the server can find by its id: those with a bad name are there, and cannot be reached. */
  host(id: number): HostRecord | undefined {
    const host = this.get("host", id);
    return host && SAFE_NAME.test(host.name) ? host : undefined;
  }

  hostByMac(mac: string): HostRecord | undefined {
    return this.all("host").find((host) => host.macs.includes(mac) && SAFE_NAME.test(host.name));
  }

  isMacTaken(mac: string): boolean {
    return this.all("host").some((host) => host.macs.includes(mac));
  }

  active(): TaskRecord[] {
    return this.all("task").filter((task) => isActive(task.stateID));
  }

  activeOf(hostID: number): TaskRecord[] {
    return this.active().filter((task) => task.hostID === hostID);
  }

  setState(task: TaskRecord, stateID: TaskState): void {
    task.stateID = stateID;
    this.save("task", task);
  }

  /** Its image goes to the machine, or the machine's disk into the image. */
  begin(task: TaskRecord): void {
    const isNew = task.stateID !== 3;
    task.checkInTime = this.now();
    this.setState(task, 3);
    const image = this.get("image", task.imageID);
    if (!isNew || !image) return;
    this.add("imaginglog", {
      hostID: task.hostID,
      start: this.now(),
      finish: NO_DATE,
      image: image.name,
      type: isCapture(task.typeID) ? "up" : "down",
      createdBy: task.createdBy,
    });
  }

  complete(task: TaskRecord): void {
    task.percent = 100;
    this.setState(task, 4);
    const host = this.get("host", task.hostID);
    const image = this.get("image", task.imageID);
    if (!image) return;
    if (host && !isCapture(task.typeID)) this.save("host", { ...host, deployed: this.now() });
    if (isCapture(task.typeID)) this.save("image", { ...image, deployed: this.now() });
    const log = this.all("imaginglog").findLast(
      (one) => one.hostID === task.hostID && one.finish === NO_DATE,
    );
    if (log) this.save("imaginglog", { ...log, finish: this.now() });
  }
}
