import * as path from "node:path";
import { SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";

/** Properties that are taken and mean nothing here. */
const TAKEN = [
  "autostartdbpath",
  "defaultfrontend",
  "hwvirtexclusive",
  "language",
  "logginglevel",
  "loghistorycount",
  "proxymode",
  "proxyurl",
  "vrdeauthlibrary",
  "vrdeextpack",
  "websrvauthlibrary",
];

export function setProperty({ virtualBox, session, args }: Call): void {
  const [name = "", value] = args;
  if (value === undefined) throw new SyntaxRefusal("Not enough parameters", "setproperty");
  if (name === "machinefolder") {
    if (value === "default") delete virtualBox.globals.machineFolder;
    else virtualBox.globals.machineFolder = path.resolve(session.cwd, value);
    virtualBox.saveGlobals();
  } else if (!TAKEN.includes(name)) throw new SyntaxRefusal(`Invalid parameter '${name}'`, "setproperty");
}
