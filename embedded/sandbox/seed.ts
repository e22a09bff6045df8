import { JSON_SCHEMA, load } from "js-yaml";
import { readIsoRoot } from "./iso";

/** What a machine takes from its NoCloud seed or its kernel command line. */
export interface Seed {
  /** Another id makes the machine do its first-boot work again. */
  instanceId: string;
  hostName?: string;
  /** Public keys (`ssh-ed25519 AAAA…`) by login name. */
  keys: Map<string, string[]>;
  /** PEM of the ed25519 host key. */
  hostKey?: string;
  files: { path: string; content: string; mode: number }[];
  /** Shell commands of the first boot. */
  commands: string[];
}

/** cloud-init's own login on the usual images; keys without a user go to it. */
const DEFAULT_USER = "labplan";
/** Word of the kernel command line that carries a key, with a comma for the space: `labplan.key=ssh-ed25519,AAAA`. */
const KERNEL_KEY = /(?:^|\s)labplan\.key=(\S+)/g;
const KERNEL_HOST = /(?:^|\s)(?:labplan|lab)\.host=(\S+)/;

const EMPTY = (): Seed => ({ instanceId: "none", keys: new Map(), files: [], commands: [] });

export function readSeed(media: readonly string[], cmdline = ""): Seed {
  for (const file of media) {
    const image = readIsoRoot(file);
    const userData = image?.files.get("user-data");
    if (!image || !userData || image.label.toLowerCase() !== "cidata") continue;
    const metaData = image.files.get("meta-data");
    return parseSeed(userData.toString("utf8"), metaData?.toString("utf8") ?? "");
  }
  return fromKernel(cmdline);
}

function fromKernel(cmdline: string): Seed {
  const seed = EMPTY();
  const keys = [...cmdline.matchAll(KERNEL_KEY)].map(([, key]) => (key ?? "").replaceAll(",", " "));
  for (const user of ["root", DEFAULT_USER]) if (keys.length > 0) seed.keys.set(user, keys);
  const host = KERNEL_HOST.exec(cmdline)?.[1];
  if (host) seed.hostName = host;
  return seed;
}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const texts = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === "string");

/** As much of cloud-init's cloud-config as a sandbox can follow. What is not understood is left out, as there. */
export function parseSeed(userData: string, metaData: string): Seed {
  const seed = EMPTY();
  const meta = parse(metaData);
  if (typeof meta["instance-id"] === "string") seed.instanceId = meta["instance-id"];
  const config = userData.startsWith("#cloud-config") ? parse(userData) : {};
  if (userData.startsWith("#!")) seed.commands.push(userData);
  const host = [config.fqdn, config.hostname, meta["local-hostname"]].find(
    (name) => typeof name === "string",
  );
  if (typeof host === "string") seed.hostName = host;
  readUsers(config, seed);
  const hostKeys = config.ssh_keys;
  if (isTree(hostKeys) && typeof hostKeys.ed25519_private === "string")
    seed.hostKey = hostKeys.ed25519_private;
  for (const file of Array.isArray(config.write_files) ? config.write_files : []) {
    if (isTree(file) && typeof file.path === "string") seed.files.push(fileOf(file, file.path));
  }
  for (const command of Array.isArray(config.runcmd) ? config.runcmd : []) {
    seed.commands.push(Array.isArray(command) ? command.map(quote).join(" ") : String(command));
  }
  return seed;
}

function readUsers(config: Tree, seed: Seed): void {
  const add = (user: string, keys: string[]): unknown =>
    keys.length > 0 && seed.keys.set(user, [...(seed.keys.get(user) ?? []), ...keys]);
  const users = (Array.isArray(config.users) ? config.users : []).filter(isTree);
  for (const user of users) {
    if (typeof user.name === "string") add(user.name, texts(user.ssh_authorized_keys));
  }
  const named = isTree(config.user) ? config.user.name : config.user;
  const first = users[0]?.name;
  const main = [named, first].find((name): name is string => typeof name === "string") ?? DEFAULT_USER;
  const common = texts(config.ssh_authorized_keys);
  add(main, common);
  if (config.disable_root === false) add("root", common);
}

function fileOf(file: Tree, path: string): Seed["files"][number] {
  const content = typeof file.content === "string" ? file.content : "";
  const base64 = ["b64", "base64"].includes(String(file.encoding));
  return {
    path,
    content: base64 ? Buffer.from(content, "base64").toString("utf8") : content,
    mode: Number.parseInt(String(file.permissions ?? "0644"), 8) || 0o644,
  };
}

function parse(text: string): Tree {
  try {
    const value = load(text, { schema: JSON_SCHEMA });
    return isTree(value) ? value : {};
  } catch {
    return {};
  }
}

/** One word for the shell, whatever is in it. */
export const quote = (value: unknown): string => `'${String(value).replaceAll("'", "'\\''")}'`;
