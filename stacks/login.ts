import { isEmbedded } from "./config/place";
import type { CloudInitConfig } from "./config/types";
import { remoteHost } from "./plan/hypervisor";
import type { PlannedResource } from "./plan/types";

/** How to log in to a machine: what is planned, and what only the machine itself can tell. */
export interface Login {
  user: string;
  /** Planned; absent where only the machine knows. */
  host?: string;
  port?: number;
  /** The other machine that its hypervisor is on, and the way to it: `-J root@rack1.example`. */
  jump?: string;
}

interface Reached {
  cloudInit?: CloudInitConfig;
  ssh?: { host: string; port: number };
  nics?: { ip?: string; type?: string; network?: string; bridge?: string }[];
  wait?: { port?: number };
}

/** Undefined where nobody can log in that we know of. */
export function loginOf({ inputs, backend, kind }: PlannedResource): Login | undefined {
  if (kind === "fog:ImagedHost") return loginAtHost(inputs as { user: string; address?: string }, backend);
  const { cloudInit, ssh, nics = [], wait } = inputs as Reached;
  if (!cloudInit) return undefined;
  const user = cloudInit.user ?? "labplan";
  if (ssh) return { user, host: ssh.host, port: ssh.port, ...jumpTo(backend) };
  // Its addresses are on loopback, chosen by the lab itself.
  if (isEmbedded(backend)) return { user };
  const reached = nics.find(
    ({ ip, type }) =>
      ip !== undefined && (kind === "libvirt:Domain" || type === "hostonly" || type === "bridged"),
  );
  if (reached?.ip === undefined) return kind === "libvirt:Domain" ? { user, ...jumpTo(backend) } : undefined;
  const isOnTheHostsNetwork = reached.type === "bridged" || reached.bridge !== undefined;
  return {
    user,
    host: reached.ip,
    port: wait?.port ?? 22,
    ...(isOnTheHostsNetwork ? {} : jumpTo(backend)),
  };
}

function loginAtHost(
  { user, address }: { user: string; address?: string },
  backend: PlannedResource["backend"],
): Login {
  const bastion = backend.kind === "fog" ? backend.bastion : undefined;
  return {
    user,
    ...(address === undefined ? {} : { host: address, port: 22 }),
    ...(bastion === undefined ? {} : { jump: bastion.replace(/^ssh:\/\/|\/$/g, "") }),
  };
}

function jumpTo(backend: PlannedResource["backend"]): { jump?: string } {
  if (remoteHost(backend) === undefined) return {};
  const address =
    backend.kind === "virtualbox" ? backend.host : backend.kind === "libvirt" ? backend.uri : "";
  const [, place] = /^(?:qemu\+)?ssh:\/\/([^/?]+)/.exec(address ?? "") ?? [];
  return place === undefined ? {} : { jump: place };
}

/** `ssh -J root@rack1.example -p 2231 labplan@127.0.0.1`, or undefined while the address is not known. */
export function loginLine(login: Login, seen: { address?: unknown; sshPort?: unknown }): string | undefined {
  const host = login.host ?? seen.address;
  const port = login.port ?? seen.sshPort ?? 22;
  if (typeof host !== "string") return undefined;
  return [
    "ssh",
    ...(login.jump === undefined ? [] : ["-J", login.jump]),
    ...(port === 22 ? [] : ["-p", String(port)]),
    `${login.user}@${host}`,
  ].join(" ");
}
