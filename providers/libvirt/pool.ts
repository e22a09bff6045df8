export interface PoolInputs {
  name: string;
  uuid: string;
  backend: string;
  /** Folder on the hypervisor. */
  path: string;
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface PoolState extends PoolInputs {
  active: boolean;
  adopted?: boolean;
}
