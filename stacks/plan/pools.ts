import { markPrefix } from "../../providers/core/definition";
import type { Context } from "./context";
import { own } from "./stable";
import { resourceKey } from "./types";

/** Where volumes of a backend live. */
export interface PoolFacts {
  /** Name at the hypervisor. */
  name: string;
  /** Folder on the hypervisor; unknown for a pool that is not ours. */
  path?: string;
  /** Key of the resource, for a pool of ours. */
  key?: string;
}

const POOLS_FOLDER = "/var/lib/libvirt/images";

/** The pool that the backend names, or else one of our own. */
export function poolOf({ config }: Context, backend: string): PoolFacts {
  const connection = own(config.backends, backend);
  const libvirt = connection?.kind === "libvirt" ? connection : undefined;
  if (libvirt?.pool !== undefined) return { name: libvirt.pool };
  const name = `${markPrefix(config)}${backend}`;
  const folder = (libvirt?.poolPath ?? POOLS_FOLDER).replace(/\/+$/, "");
  return { name, path: `${folder}/${name}`, key: resourceKey("libvirt:Pool", backend) };
}
