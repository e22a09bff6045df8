import type { BackendConfig } from "./types";

/** Where a backend is, as its config writes it. */
function addressOf(backend: BackendConfig): string {
  switch (backend.kind) {
    case "embedded":
      return "embedded:";
    case "libvirt":
      return backend.uri;
    case "ldap":
    case "fog":
      return backend.url;
    case "virtualbox":
      return backend.host ?? "virtualbox:";
    case "openstack":
      return `openstack:${backend.cloud ?? ""}${backend.region === undefined ? "" : `/${backend.region}`}`;
  }
}

/** The lab that comes with the project, under any of its spellings. */
export const isEmbedded = (backend: BackendConfig): boolean => addressOf(backend).startsWith("embedded:");

/** Backends with the same text here are one and the same place, whatever they are called. */
export const placeOf = (backend: BackendConfig): string =>
  isEmbedded(backend) ? "embedded" : addressOf(backend);
