import type { BackendConfig } from "../../stacks/config/types";
import { engineSignal } from "../core/engine";
import { LabError } from "../core/errors";
import { OpenStackClient } from "./client";
import { findCloud } from "./clouds";

/** A look that so many resources share is no older than this. */
export const FRESH_MS = 500;
/** Of a refresh: it takes a cloud of 100 servers for some seconds, and all it finds is of one moment. */
export const REFRESH_MS = 10_000;

/** A server as nova shows it, as far as we read it (Compute API, "List Servers Detailed"). */
export interface Server {
  id: string;
  name: string;
  status: string;
  metadata: Record<string, string>;
  addresses: Record<string, { addr: string; version: number; "OS-EXT-IPS:type"?: string }[]>;
  fault?: { code: number; message: string };
  /** Ids, whether they are still there or not; "" for one that boots from a volume. */
  image?: { id: string } | "";
  flavor?: { id: string };
  /** Null for one that never ran. */
  "OS-SRV-USG:launched_at"?: string | null;
  "OS-EXT-AZ:availability_zone"?: string;
  /** "True", or "" without one. */
  config_drive?: string;
  "OS-EXT-STS:task_state"?: string | null;
}

export interface FloatingIp {
  floating_ip_address: string;
  description: string;
  port_id: string | null;
}

/** The cloud of a backend, with lists that all who ask at once share: 100 servers are one call, not 100. */
export class SharedCloud {
  readonly #lists = new Map<string, { at: number; list: Promise<unknown[]> }>();

  constructor(readonly api: OpenStackClient) {}

  servers(freshMs?: number): Promise<Server[]> {
    return this.#shared(
      "servers",
      () => this.api.list<Server>("compute", "/servers/detail", "servers"),
      freshMs,
    );
  }

  floatingIps(freshMs?: number): Promise<FloatingIp[]> {
    return this.#shared(
      "floatingips",
      () => this.api.list("network", "/floatingips", "floatingips"),
      freshMs,
    );
  }

  #shared<T>(key: string, look: () => Promise<T[]>, freshMs = FRESH_MS): Promise<T[]> {
    const known = this.#lists.get(key);
    if (known && Date.now() - known.at < freshMs) return known.list as Promise<T[]>;
    const list = look();
    const entry = { at: Number.POSITIVE_INFINITY, list };
    this.#lists.set(key, entry);
    // It counts from its answer: until then all who come wait for it.
    list.then(
      () => {
        entry.at = Date.now();
      },
      () => this.#lists.delete(key),
    );
    return list;
  }
}

const clouds = new Map<string, SharedCloud>();

/** One for each cloud and region in a process. */
export function cloudOf(backend: BackendConfig): SharedCloud {
  if (backend?.kind !== "openstack")
    throw new LabError(`it is on no OpenStack cloud, but on ${backend?.kind}`);
  const { cloud, region } = backend;
  const key = JSON.stringify([cloud, region]);
  const known = clouds.get(key);
  if (known) return known;
  const made = new SharedCloud(
    new OpenStackClient(findCloud({ ...(cloud ? { cloud } : {}), ...(region ? { region } : {}) }), {
      signal: engineSignal,
    }),
  );
  clouds.set(key, made);
  return made;
}
