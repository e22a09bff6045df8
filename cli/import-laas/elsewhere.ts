import type { Fields } from "../import/fields";
import { fieldsOf, textOf } from "../import/fields";
import type { Notes } from "../import/notes";
import type { Kind, LaasFile } from "./folder";

const BOOKINGS =
  "belongs to bookings from a dashboard, which labplan does not import yet. Tokens are not copied";
const STATE = "what exists is kept in the stack's state; there is no database";
const LOGS = "runs are logged by whoever starts them";
const FILES = "the file of that name in the folder is read";

/** Keys of LaaS that no section of ours takes, with the reason. */
const REASONS: Partial<Record<Kind, Record<string, string>>> = {
  installer: {
    database: STATE,
    installer: "which installer runs on the machines is not part of a lab's machines and networks",
    logging_dir: LOGS,
    remote_scripts: "scripts on the host were part of an installer",
    scenario: "LaaS ignored it as well",
  },
  pharos: {
    dashboard: BOOKINGS,
    database: STATE,
    default_configs: BOOKINGS,
    inventory: FILES,
    logging_dir: LOGS,
    poling: BOOKINGS,
    polling: BOOKINGS,
    token: BOOKINGS,
  },
};

/** Keys that name other files of the folder. */
const FILE_KEYS = ["hypervisor_config.networks", "hypervisor_config.vms", "inventory", "vpn_config"];

/** Keys of hosts imaged by FOG: what becomes of them is told in metal.ts. */
const OF_METAL = ["dhcp_log", "dhcp_server", "fog"];

/** Notes every key of a file that has no place in our config. */
export function noteElsewhere(file: LaasFile, all: readonly LaasFile[], notes: Notes): void {
  if (file.kind === "inventory") {
    notes.add(
      `${file.name}: ${Object.keys(file.fields).length} hosts`,
      "in the inventory of the FOG server's backend, each a machine by its resource id",
    );
    return;
  }
  if (file.kind === "installer") noteFiles(file, all, notes);
  const reasons = REASONS[file.kind] ?? {};
  for (const key of Object.keys(file.fields)) {
    if (file.kind === "installer" && FILE_KEYS.some((known) => known.split(".")[0] === key)) continue;
    if (file.kind === "installer" && OF_METAL.includes(key)) continue;
    notes.add(`${file.name}: ${key}`, reasons[key] ?? "no key of this LaaS file; not imported");
  }
}

/** LaaS wrote absolute paths of its own machine: the file of that name in the folder is taken. */
function noteFiles(file: LaasFile, all: readonly LaasFile[], notes: Notes): void {
  for (const key of FILE_KEYS) {
    const path = textOf(at(file.fields, key));
    if (path === undefined) continue;
    const name = path.split("/").at(-1);
    const isThere = all.some((other) => other.name === name);
    notes.add(`${file.name}: ${key} ${path}`, isThere ? FILES : "no LaaS file of this name is in the folder");
  }
}

const at = (fields: Fields, key: string): unknown =>
  key.split(".").reduce<unknown>((value, part) => fieldsOf(value)[part], fields);
