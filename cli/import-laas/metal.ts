import { hostNameProblem } from "../../providers/fog/names";
import { type Fields, fieldsOf, given, logicalName, textOf, wholeNumberOf } from "../import/fields";
import type { Notes } from "../import/notes";
import type { LaasFile } from "./folder";
import { knownKeys } from "./keys";
import { secretOf } from "./secrets";

/** What LaaS' FOG files become. */
export interface ImportedMetal {
  backend: Fields;
  images: Map<string, Fields>;
  /** By the name that the host has in the FOG server. */
  hosts: Map<string, Fields>;
}

/**
 * The FOG server of the installers' files, the image that they put on hosts, and the hosts of the inventory. LaaS put
 * the same image on a host at the beginning and at the end, and rebooted it over SSH: so it is written.
 */
export function metalOf(
  files: readonly LaasFile[],
  backend: string,
  notes: Notes,
): ImportedMetal | undefined {
  const installers = files.filter(({ kind, fields }) => kind === "installer" && "fog" in fields);
  const inventories = files.filter(({ kind }) => kind === "inventory");
  const [first] = installers.filter(({ fields }) => textOf(fieldsOf(fields.fog).server) !== undefined);
  if (!first) {
    for (const { name } of [...installers, ...inventories])
      notes.add(`${name}: hosts imaged by FOG`, "no file of the folder has fog.server; not imported");
    return undefined;
  }
  const images = new Map<string, Fields>();
  let image: string | undefined;
  for (const file of installers) {
    const own = imageOf(file, backend, images, notes);
    if (file === first) image = own;
    else noteOther(file, first, notes);
  }
  const inventory = inventoryOf(inventories, notes);
  return {
    backend: backendOf(first, backend, inventory, notes),
    images,
    hosts: hostsOf(inventory, backend, image, notes),
  };
}

const FOG_KEYS = ["api_key", "image_id", "server", "user_key"];

function backendOf({ name, fields }: LaasFile, backend: string, inventory: Fields, notes: Notes): Fields {
  const at = `backends.${backend}`;
  const fog = knownKeys(`${name}: fog.`, fieldsOf(fields.fog), FOG_KEYS, notes);
  notes.add(`${name}: fog.server`, `written as ${at}.url`);
  notes.add(`${name}: fog.api_key`, `written by name as ${at}.apiToken, and fog.user_key as ${at}.userToken`);
  notes.add(
    `${name}: fog.user_key`,
    `written by name as ${at}.apiToken, and fog.user_key as ${at}.userToken`,
  );
  return given({
    kind: "fog",
    url: urlOf(name, textOf(fog.server) ?? "", notes),
    apiToken: secretOf(`${name}: fog.api_key`, fog.api_key, `${backend}ApiToken`, notes),
    userToken: secretOf(`${name}: fog.user_key`, fog.user_key, `${backend}UserToken`, notes),
    inventory: Object.keys(inventory).length > 0 ? inventory : undefined,
    dhcpLog: dhcpLogOf(name, fields, at, notes),
  });
}

/** Without a login, and with the server's folder. */
function urlOf(name: string, server: string, notes: Notes): string {
  const text = /^https?:\/\//i.test(server) ? server : `http://${server}`;
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username || url.password)
    notes.add(`${name}: fog.server`, "a login stood in it; left out, the tokens are the login");
  const path = url.pathname.replace(/\/+$/, "");
  if (path === "") notes.add(`${name}: fog.server`, "it had no folder; FOG's usual one, /fog, is written");
  return `${url.protocol}//${url.host}${path === "" ? "/fog" : path}`;
}

/** LaaS read the log on its own machine, or as root over SSH on another. */
function dhcpLogOf(name: string, fields: Fields, at: string, notes: Notes): Fields | undefined {
  const [path, server] = [textOf(fields.dhcp_log), textOf(fields.dhcp_server)];
  if (path === undefined) {
    for (const key of ["dhcp_log", "dhcp_server"])
      if (key in fields)
        notes.add(`${name}: ${key}`, "no log is named; addresses come from the boot log or FOG");
    return undefined;
  }
  const why = `written as ${at}.dhcpLog; a host with an \`address\` needs no log`;
  for (const key of ["dhcp_log", "dhcp_server"]) if (key in fields) notes.add(`${name}: ${key}`, why);
  return given({ path, host: server === undefined ? undefined : `ssh://root@${server}` });
}

/** LaaS knew an image by its number, and we by its name, which only the server can tell. */
function imageOf(
  { name, fields }: LaasFile,
  backend: string,
  images: Map<string, Fields>,
  notes: Notes,
): string | undefined {
  const number = wholeNumberOf(fieldsOf(fields.fog).image_id);
  if (number === undefined) {
    notes.add(`${name}: fog.image_id`, "no number of an image; the hosts of the inventory are left out");
    return undefined;
  }
  const image = `fog-image-${number}`;
  notes.add(
    `${name}: fog.image_id`,
    `image ${number} is declared as ${image}; put its name in the server in place of that (Image Management shows both)`,
  );
  images.set(image, { fog: { backend, name: image } });
  return image;
}

function noteOther({ name, fields }: LaasFile, first: LaasFile, notes: Notes): void {
  const why = `a stack has the FOG server of ${first.name}; what this file says otherwise needs a stack of its own`;
  for (const key of Object.keys(fieldsOf(fields.fog)))
    if (key !== "image_id") notes.add(`${name}: fog.${key}`, why);
  for (const key of ["dhcp_log", "dhcp_server"]) if (key in fields) notes.add(`${name}: ${key}`, why);
}

/** Dashboard resource id → host. */
function inventoryOf(files: readonly LaasFile[], notes: Notes): Fields {
  const inventory: Fields = {};
  for (const { name, fields } of files)
    for (const [id, value] of Object.entries(fields)) {
      const host = textOf(value);
      if (host === undefined) notes.add(`${name}: ${id}`, "names no host; left out");
      else if (id in inventory && inventory[id] !== host)
        notes.add(
          `${name}: ${id}`,
          "another file names another host for this resource; that one is left out",
        );
      else inventory[id] = host;
    }
  return inventory;
}

function hostsOf(
  inventory: Fields,
  backend: string,
  image: string | undefined,
  notes: Notes,
): Map<string, Fields> {
  const hosts = new Map<string, Fields>();
  if (image === undefined) return hosts;
  for (const [resource, value] of Object.entries(inventory)) {
    const host = String(value);
    const bad = hostNameProblem(host);
    if (bad) notes.add(`host ${host}`, `${bad}; in the inventory, and no machine`);
    else if ([...hosts.keys()].some((other) => other.toLowerCase() === host.toLowerCase()))
      notes.add(`host ${host}`, "two resources name it; it is one machine, of the first");
    else
      hosts.set(host, {
        backend,
        resource,
        adopt: true,
        image,
        power: { kind: "ssh" },
        onRelease: `image:${image}`,
      });
  }
  if (hosts.size > 0) {
    notes.add(
      "power of each host",
      "LaaS rebooted hosts over SSH, which whoever is on one can prevent; so it is written. Give each its BMC: power: { kind: ipmi, host: …, user: …, password: { secret: … } }",
    );
    notes.add(
      "onRelease of each host",
      "LaaS put the image on it again at the end of a booking; so it is written",
    );
    notes.add(
      "allow of each host",
      "a host that has the image already is taken as it is (adopt: true); nothing is put on another before you say so: add allow: [wipe] to it",
    );
  }
  return hosts;
}

/** Names of machines, for hosts that are called as a virtual machine is. */
export const hostMachineName = (host: string, taken: ReadonlySet<string>): string => {
  const plain = logicalName(host);
  return taken.has(plain) ? logicalName(`host-${plain}`) : plain;
};
