/** A disk, an image that disks are cloned from, or an ISO: a file in the backend's folder. */
export interface MediumInputs {
  /** File name without its ending; begins with the lab's mark prefix, because media carry no metadata. */
  name: string;
  backend: string;
  format: "vdi" | "iso";
  /** Capacity in bytes, whole MiB; grows, never shrinks. Absent: as large as its source. */
  capacity?: number;
  /** Name of the medium that this is a linked (differencing) or full clone of. */
  parent?: string;
  clone?: "linked" | "full";
  /** What it is made of: raw, qcow2, vmdk, vhd or vdi; told by its header. */
  source?: { path: string } | { url: string };
  /** `sha256:<hex>` of the source. */
  checksum?: string;
}

export interface MediumState extends MediumInputs {
  /** UUID that VirtualBox knows it by. */
  uuid: string;
  /** Path at the host. */
  path: string;
  /** False while its content is not all there. */
  complete: boolean;
}
