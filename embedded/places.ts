import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { LabError } from "../providers/core/errors";

/** Where the daemon of one home keeps its sockets and its log. Folder and names are short: sockets end at 107 bytes. */
export interface Places {
  /** The home as asked for; see `stateFolder` for where the state really is. */
  home: string;
  /** Private to the user who calls. */
  runFolder: string;
  libvirtSocket: string;
  /** Of `VBoxManage.cjs`. */
  virtualBoxSocket: string;
  controlSocket: string;
  lock: string;
  /** What the daemon says; begun anew with each start. */
  log: string;
}

/** As of the kernel's struct sockaddr_un, less its closing zero; 103 on macOS. */
const SOCKET_PATH_BYTES = process.platform === "darwin" ? 103 : 107;

/** `home`, else what LABPLAN_EMBEDDED_HOME says, else `.labplan/embedded` of this project. */
export function homeOf(home?: string): string {
  const chosen = home ?? process.env.LABPLAN_EMBEDDED_HOME;
  return chosen ? path.resolve(chosen) : path.resolve(__dirname, "..", ".labplan", "embedded");
}

export function placesOf(home?: string): Places {
  const chosen = homeOf(home);
  const key = createHash("sha256").update(chosen).digest("hex").slice(0, 10);
  const runFolder = makeRunFolder(key);
  const at = (suffix: string): string => path.join(runFolder, `${key}.${suffix}`);
  return {
    home: chosen,
    runFolder,
    libvirtSocket: at("libvirt"),
    virtualBoxSocket: at("vbox"),
    controlSocket: at("control"),
    lock: at("lock"),
    log: at("log"),
  };
}

function makeRunFolder(key: string): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = process.env.XDG_RUNTIME_DIR;
  const candidates = [
    ...(runtime && isOwnFolder(runtime, uid) ? [path.join(runtime, "labplan")] : []),
    path.join(os.tmpdir(), `labplan-${uid}`),
    `/tmp/labplan-${uid}`,
  ];
  const folder = candidates.find(
    (one) => Buffer.byteLength(path.join(one, `${key}.libvirt`)) <= SOCKET_PATH_BYTES,
  );
  if (!folder)
    throw new LabError(`embedded lab: the temporary folder ${os.tmpdir()} has too long a name for a socket`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isOwnFolder(folder, uid)) {
    throw new LabError(
      `embedded lab: ${folder} belongs to someone else or is open to others. Remove it, or set TMPDIR to a folder of your own.`,
    );
  }
  return folder;
}

/** A real folder, ours, and closed to others: its sockets need no further protection. */
function isOwnFolder(folder: string, uid: number): boolean {
  try {
    const status = fs.lstatSync(folder);
    return status.isDirectory() && status.uid === uid && (status.mode & 0o077) === 0;
  } catch {
    return false;
  }
}
