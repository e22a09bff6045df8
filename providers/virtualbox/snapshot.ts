export interface SnapshotInputs {
  name: string;
  backend: string;
  /** Name and UUID of the machine. */
  machine: string;
  machineUuid: string;
  description: string;
  /** Raised to go back to it: the machine is switched off, restored, and started again if it ran. */
  restore: number;
}

export interface SnapshotState extends SnapshotInputs {
  /** Names may repeat; the UUID is what it is known by. */
  uuid: string;
}
