export interface VolumeInputs {
  /** Name in the pool; begins with the lab's mark prefix, because volumes carry no metadata. */
  name: string;
  backend: string;
  pool: string;
  format: "qcow2" | "raw" | "iso";
  /** Capacity in bytes; grows, never shrinks. Absent: as large as its source. */
  capacity?: number;
  /** Name in the same pool of the image that this overlays. */
  backing?: string;
  /** Name in the same pool of the image that this is a full copy of. */
  copyOf?: string;
  /** What is uploaded into it. */
  source?: { path: string } | { url: string };
  /** `sha256:<hex>` of the source, checked while it is read. */
  checksum?: string;
}

export interface VolumeState extends VolumeInputs {
  /** Path on the hypervisor. */
  path: string;
  /** False while the upload is not complete. */
  complete: boolean;
}
