import type { ServerInputs } from "../providers/openstack/server";
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
  /** That machine is one of the lab: its name stands where only it knows the address. */
  jumpMachine?: string;
}

interface Reached {
  cloudInit?: CloudInitConfig;
  ssh?: { host: string; port: number };
  nics?: { ip?: string; type?: string; network?: string; bridge?: string }[];
  wait?: { port?: number };
}

/** Undefined where nobody can log in that we know of. */
export function loginOf({ inputs, backend, kind }: PlannedResource): Login | undefined {
  if (kind === "openstack:Server") return loginAtServer(inputs as unknown as ServerInputs, backend);
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

/** A floating IP is known to the cloud alone; a planned address lies behind the bastion, where there is one. */
function loginAtServer(
  { user, fixedAddress, floatingIp, wait }: ServerInputs,
  backend: PlannedResource["backend"],
): Login | undefined {
  if (floatingIp) return { user };
  if (fixedAddress === undefined) return undefined;
  const bastion = backend.kind === "openstack" ? backend.bastion : undefined;
  return {
    user,
    host: fixedAddress,
    port: wait.port ?? 22,
    ...(bastion === undefined ? {} : { jump: bastion.replace(/^ssh:\/\/|\/$/g, "") }),
  };
}

function jumpTo(backend: PlannedResource["backend"]): Pick<Login, "jump" | "jumpMachine"> {
  if (remoteHost(backend) === undefined) return {};
  const address =
    backend.kind === "virtualbox" ? backend.host : backend.kind === "libvirt" ? backend.uri : "";
  const [, place] = /^(?:qemu\+)?ssh:\/\/([^/?]+)/.exec(address ?? "") ?? [];
  if (place === undefined) return {};
  const machine = backend.kind === "libvirt" ? backend.machine : undefined;
  return { jump: place, ...(machine === undefined ? {} : { jumpMachine: machine }) };
}

/** What only the machine itself can tell, and the one that its hypervisor is on. */
export interface Seen {
  address?: unknown;
  sshPort?: unknown;
  jump?: { address?: unknown; sshPort?: unknown };
}

/** `ssh -J root@rack1.example -p 2231 labplan@127.0.0.1`, or undefined while an address is not known. */
export function loginLine(login: Login, seen: Seen): string | undefined {
  const host = login.host ?? seen.address;
  const port = login.port ?? seen.sshPort ?? 22;
  const jump = login.jumpMachine === undefined ? login.jump : jumpAt(login.jump ?? "", seen.jump ?? {});
  if (typeof host !== "string" || (login.jump !== undefined && jump === undefined)) return undefined;
  return [
    "ssh",
    ...(jump === undefined ? [] : ["-J", jump]),
    ...(port === 22 ? [] : ["-p", String(port)]),
    `${login.user}@${host}`,
  ].join(" ");
}

/** `root@pod1-node1` with the machine's own address. */
function jumpAt(place: string, { address, sshPort = 22 }: NonNullable<Seen["jump"]>): string | undefined {
  if (typeof address !== "string") return undefined;
  const user = /^([^@]*@)?/.exec(place)?.[0] ?? "";
  return `${user}${address}${sshPort === 22 ? "" : `:${sshPort}`}`;
}
