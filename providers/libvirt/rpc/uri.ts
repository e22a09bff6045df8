import { join } from "node:path";
import { LabError } from "../../core/errors";

/** Where a libvirt URI leads, and what libvirt itself calls it. */
export interface LibvirtAddress {
  /** As the user wrote it. */
  uri: string;
  /** What the server is asked to open, `qemu:///system`. */
  name: string;
  transport: "unix" | "ssh" | "embedded";
  /** Sockets to try, in order, on this machine or on `host`. Empty: only the far side's helper can know. */
  sockets: string[];
  /** The `?socket=` of the URI: then nothing else is tried. */
  explicitSocket: boolean;
  host?: string;
  port?: number;
  user?: string;
  identityFile?: string;
  knownHostsFiles?: string[];
}

const FORMS =
  "qemu:///system, qemu:///session, qemu+unix:///system?socket=/path, qemu+ssh://user@host[:port]/system, test+unix:///default?socket=/path and embedded:";
const DRIVERS = ["qemu", "test"];
const SSH_TRANSPORTS = ["ssh", "libssh", "libssh2"];
const PARAMETERS = ["socket", "keyfile", "known_hosts"];

/** The monolithic libvirtd first, then the modular daemon of newer distributions. */
const DAEMONS = ["libvirt-sock", "virtqemud-sock"];
const SYSTEM_FOLDER = "/var/run/libvirt";

/** Reads a libvirt URI; refuses what we cannot do, and says what to write instead. */
export function parseLibvirtUri(uri: string, env: NodeJS.ProcessEnv = process.env): LibvirtAddress {
  if (uri === "embedded:") {
    return { uri, name: "qemu:///system", transport: "embedded", sockets: [], explicitSocket: false };
  }
  const refuse = (why: string): LabError => new LabError(`libvirt URI "${redact(uri)}": ${why}`);
  if (!/^[a-z]+(\+[a-z0-9]+)?:\/\//.test(uri) || !URL.canParse(uri)) {
    throw refuse(`is not a libvirt URI. Write one of ${FORMS}.`);
  }
  const url = new URL(uri);
  const [driver = "", transport = ""] = url.protocol.slice(0, -1).split("+");
  if (!DRIVERS.includes(driver))
    throw refuse(`the driver "${driver}" is not supported. Write one of ${FORMS}.`);
  if (url.password) throw refuse("holds a password. Take it out: logins are by key or agent.");
  for (const parameter of url.searchParams.keys()) {
    if (!PARAMETERS.includes(parameter)) {
      throw refuse(`the parameter "${parameter}" is not supported, only ${PARAMETERS.join(", ")} are.`);
    }
  }
  const path = decodeURIComponent(url.pathname);
  if (path.length < 2) throw refuse('lacks a path. Put "/system" or "/session" at its end.');
  const session = path === "/session";
  const name = `${driver}://${path}`;
  const socket = url.searchParams.get("socket");

  if (transport === "" || transport === "unix") {
    if (url.hostname !== "") {
      throw refuse(`names a host without a way to get there. Write qemu+ssh://${url.hostname}${path}.`);
    }
    const root = process.getuid?.() === 0;
    const folder = session || (driver === "test" && !root) ? sessionFolder(env) : SYSTEM_FOLDER;
    const sockets = socket ? [socket] : DAEMONS.map((file) => join(folder, file));
    return { uri, name, transport: "unix", sockets, explicitSocket: socket !== null };
  }
  if (!SSH_TRANSPORTS.includes(transport)) {
    throw refuse(`the transport "${transport}" is not supported. Write ${driver}+ssh://user@host${path}.`);
  }
  if (url.hostname === "") throw refuse(`lacks a host. Write ${driver}+ssh://user@host${path}.`);
  const identityFile = url.searchParams.get("keyfile");
  const knownHosts = url.searchParams.get("known_hosts");
  return {
    uri,
    name,
    transport: "ssh",
    sockets: socket ? [socket] : session ? [] : DAEMONS.map((file) => `${SYSTEM_FOLDER}/${file}`),
    explicitSocket: socket !== null,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    ...(url.port && { port: Number(url.port) }),
    ...(url.username && { user: decodeURIComponent(url.username) }),
    ...(identityFile && { identityFile }),
    ...(knownHosts && { knownHostsFiles: [knownHosts] }),
  };
}

function sessionFolder(env: NodeJS.ProcessEnv): string {
  if (env.XDG_RUNTIME_DIR) return join(env.XDG_RUNTIME_DIR, "libvirt");
  return join(env.XDG_CACHE_HOME ?? join(env.HOME ?? "/", ".cache"), "libvirt");
}

/** Without the password that someone may have put into it. */
const redact = (uri: string): string => uri.replace(/(\/\/[^/@:]*):[^/@]*@/, "$1:…@");
