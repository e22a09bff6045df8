import type { ImagingConfig } from "../../stacks/config/types";
import type { PlannedPower } from "../power/power";

/** What the installed system must say of itself. */
export interface Proof {
  /** Lines of /etc/os-release; a value may end in `*`. */
  osRelease?: Record<string, string>;
  marker?: { path: string; text: string };
}

/** A FOG host with an image on it. */
export interface ImagedHostInputs {
  /** Name of the host in the server. */
  name: string;
  backend: string;
  /** Name of the image in the server. */
  image: string;
  generation: number;
  /** The host that is given with `allow: [wipe]` in the same config. */
  allow: "wipe"[];
  /** First MAC, where the config has it: the record must agree. */
  mac?: string;
  /** Planned address; else it is found. */
  address?: string;
  /** SSH host keys of the installed system, where they are known beforehand. */
  hostKeys?: string[];
  /** Who we log in as, for the proof. */
  user: string;
  power: PlannedPower;
  proof: Proof;
  imaging: Required<ImagingConfig>;
  /** `image:<name in the server>`, `wipe`, `poweroff` or `keep`. */
  onRelease: string;
  /** Where the host's key is told during imaging, where the boot server can be reached. */
  callback?: { url: string; address: string; httpPort: number };
  /** Images, by their names in the server, that this stack registers or captures: they may not be there yet. */
  ownImages?: string[];
  /** Take a host that has this image already as it is. */
  adopt?: boolean;
}

export interface ImagedHostState extends ImagedHostInputs {
  hostId: number;
  /** What was imaged last, by us: an edit of `image` or `generation` that is not carried out yet differs from it. */
  imagedImage: string;
  imagedGeneration: number;
  /** ISO 8601. Of an adopted host, when the server says that it was deployed. */
  imagedAt: string;
  /** How long the last imaging took, in seconds; for the next preview. */
  imagingS?: number;
  /** Of the last deploy task. */
  taskId?: number;
  /** /proc/sys/kernel/random/boot_id of the proven boot. */
  bootId?: string;
  /** Always 22, unless the machine's address says otherwise. */
  sshPort?: number;
  sshHostKey?: string;
  /** True while nobody knows what is on its disk: an imaging was begun, and its end was not seen. */
  interrupted?: boolean;
  /** Server-local time of its last imaging, as the server said it after ours … */
  deployed?: string;
  /** … and as it says it now: another one was done by somebody else. */
  deployedSeen?: string;
}
