/** What the server keeps of each thing. Numbers are numbers here; how an answer shows them is `shapes.ts`'s. */

export interface HostRecord {
  id: number;
  name: string;
  description: string;
  ip: string;
  /** 0 for none; also that of an image that there is not. */
  imageID: number;
  /** The primary one first. */
  macs: string[];
  kernel: string;
  kernelArgs: string;
  kernelDevice: string;
  init: string;
  biosexit: string;
  efiexit: string;
  createdTime: string;
  createdBy: string;
  deployed: string;
}

export interface ImageRecord {
  id: number;
  name: string;
  description: string;
  /** Folder below the image store. */
  path: string;
  osID: number;
  imageTypeID: number;
  imagePartitionTypeID: number;
  isEnabled: number;
  size: string;
  createdTime: string;
  createdBy: string;
  deployed: string;
}

/** 1 queued, 2 checked in, 3 in progress, 4 complete, 5 cancelled, 6 failed (1.6 only). */
export type TaskState = 1 | 2 | 3 | 4 | 5 | 6;

export const STATE_NAMES: Record<TaskState, string> = {
  1: "Queued",
  2: "Checked In",
  3: "In-Progress",
  4: "Complete",
  5: "Cancelled",
  6: "Failed",
};

export const isActive = (state: TaskState): boolean => state <= 3;

/** Types that a task can be of; those of them that need an image, and those that wipe. */
export const TYPE_NAMES: Record<number, string> = {
  1: "Deploy",
  2: "Capture",
  3: "Debug",
  4: "Memory Test",
  5: "Test Disk",
  6: "Disk Surface Test",
  7: "Recover Files",
  8: "Multi-Cast",
  10: "Hardware Inventory",
  11: "Password Reset",
  12: "All Snapins",
  13: "Single Snapin",
  14: "Wake-Up",
  15: "Deploy - Debug",
  16: "Capture - Debug",
  17: "Deploy - No Snapins",
  18: "Fast Wipe",
  19: "Normal Wipe",
  20: "Full Wipe",
};
const IMAGE_TYPES = [1, 2, 8, 15, 16, 17];
export const needsImage = (type: number): boolean => IMAGE_TYPES.includes(type);
export const isCapture = (type: number): boolean => type === 2 || type === 16;
export const isWipe = (type: number): boolean => type >= 18 && type <= 20;

export interface TaskRecord {
  id: number;
  name: string;
  hostID: number;
  imageID: number;
  stateID: TaskState;
  typeID: number;
  percent: number;
  bpm: string;
  timeElapsed: string;
  timeRemaining: string;
  dataCopied: string;
  dataTotal: string;
  shutdown: number;
  isDebug: number;
  wol: number;
  createdTime: string;
  createdBy: string;
  checkInTime: string;
}

export interface ImagingRecord {
  id: number;
  hostID: number;
  start: string;
  finish: string;
  image: string;
  type: "down" | "up";
  createdBy: string;
}

export const NO_DATE = "0000-00-00 00:00:00";

/** Server-local, without a zone. */
export function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * Secrets that a real server's answers are full of. These values are ours alone, so that a test can look for them in
 * logs and messages.
 */
export const SECRETS = {
  storageUser: "fogproject-canary-user",
  storagePassword: "canary-storage-6f1c0a2b",
  adPassword: "canary-ad-93d07e55",
  productKey: "CANRY-PRDCT-00KEY-7B21D-E5F90",
} as const;

/** With colons, in lower case; undefined when it is none. */
export function macOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const digits = value.trim().toLowerCase().replace(/[:-]/g, "");
  return /^[0-9a-f]{12}$/.test(digits) ? (digits.match(/../g) ?? []).join(":") : undefined;
}
