/** FOG's REST interface, as far as labs need it, in types of our own. Facts: recorded against FOG 1.5.8. */

export interface FogHost {
  id: number;
  name: string;
  description: string;
  /** Lower case with colons, the primary one first. */
  macs: string[];
  /** 0 for none. */
  imageId: number;
  imageName?: string;
  /** Address that the server knows it by, where it knows one. */
  ip?: string;
  /** Server-local `YYYY-MM-DD hh:mm:ss` of the last imaging; absent for never. */
  deployed?: string;
  kernelArgs: string;
}

export interface FogImage {
  id: number;
  name: string;
  description: string;
  path: string;
  osId: number;
  imageType: number;
  partitionType: number;
  enabled: boolean;
}

/** 1 queued, 2 checked in, 3 in progress, 4 complete, 5 cancelled, 6 failed (1.6). */
export type FogTaskState = 1 | 2 | 3 | 4 | 5 | 6;

/** 1 deploy, 2 capture, 18 fast wipe, 19 normal wipe, 20 full wipe. */
export type FogTaskType = 1 | 2 | 18 | 19 | 20;

export interface FogTask {
  id: number;
  hostId: number;
  name: string;
  type: number;
  state: FogTaskState;
  /** 0 to 100 */
  percent: number;
  copied?: string;
  total?: string;
  elapsed?: string;
  remaining?: string;
  /** Who started it, as the server says. */
  createdBy?: string;
}

export interface FogImaging {
  image: string;
  host: number;
  /** Seconds from start to finish. */
  seconds: number;
}

export interface FogClient {
  /** For messages. */
  readonly server: string;
  /** Milliseconds between two polls of a task. */
  readonly pollMs: number;
  /** FOG 1.6 lists the primary MAC alone: see `host` for all of them. */
  hosts(): Promise<FogHost[]>;
  /** Undefined when the server certainly has none of that id. */
  host(id: number): Promise<FogHost | undefined>;
  /** Exact, in any case of letters. */
  hostByName(name: string): Promise<FogHost | undefined>;
  createHost(host: { name: string; macs: string[]; description: string }): Promise<FogHost>;
  /** Only what differs is sent, each field by itself, and read again. `macs` keeps the primary one first. */
  editHost(
    id: number,
    change: Partial<Pick<FogHost, "imageId" | "description" | "kernelArgs" | "macs">>,
  ): Promise<FogHost>;
  deleteHost(id: number): Promise<void>;
  images(): Promise<FogImage[]>;
  imageByName(name: string): Promise<FogImage | undefined>;
  createImage(image: Omit<FogImage, "id">): Promise<FogImage>;
  editImage(id: number, change: Partial<Omit<FogImage, "id" | "name">>): Promise<FogImage>;
  deleteImage(id: number): Promise<void>;
  /**
   * Start a task for a host and find it. `name` begins our task's name. One of ours that is active already is given
   * back instead; another's is an error that says whose.
   */
  startTask(host: FogHost, type: FogTaskType, name: string): Promise<FogTask>;
  /** In any state; undefined when the server has none of that id. */
  task(id: number): Promise<FogTask | undefined>;
  /** States 1, 2 and 3. */
  activeTasks(hostId?: number): Promise<FogTask[]>;
  /** Of this host alone, after its name was read again. Nothing active is success. */
  cancelTasks(host: Pick<FogHost, "id" | "name">): Promise<void>;
  /** Finished imagings, the latest first. */
  imagings(): Promise<FogImaging[]>;
}
