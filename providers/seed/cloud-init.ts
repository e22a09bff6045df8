import { createHash } from "node:crypto";
import { dump } from "js-yaml";
import type { CloudInitConfig } from "../../stacks/config/types";
import { LabError } from "../core/errors";
import { type BootAccess, bootEnvironment, bootRecordData } from "./boot-record";
import { putFiles, type SeedFile } from "./every-boot";
import type { HostKey } from "./host-key";

export interface SeedInputs {
  uuid: string;
  hostName: string;
  cloudInit: CloudInitConfig;
  nics: readonly { mac: string }[];
  /** The unit that calls home is in it. */
  bootRecord?: { url: string };
}

const DEFAULT_USER = "labplan";

const digest = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

/**
 * What a seed is made of, in short: kept in the domain's mark, so that an edit that has not reached the guest is
 * seen without reading the image. References to secrets count, their values do not: a rotation is no change.
 */
export const seedDigest = ({ uuid, hostName, cloudInit, nics, bootRecord }: SeedInputs): string =>
  digest([
    uuid,
    hostName,
    cloudInit,
    cloudInit.networkConfig ? [] : nics.map(({ mac }) => mac),
    ...(bootRecord ? [bootRecord.url] : []),
  ]);

/**
 * cloud-init does its once-per-instance work (users, keys, `runcmd`) anew when the id is another. It depends on what
 * that work is made of, and not on the host name or the network, which cloud-init applies at every boot anyway: a
 * new card must not run the user's `mkfs` again.
 */
export const instanceId = ({ uuid, cloudInit, bootRecord }: SeedInputs): string => {
  const { user, sshKeys, userData } = cloudInit;
  const once = [user, sshKeys, userData, ...(bootRecord ? [bootRecord.url] : [])];
  return `${uuid}-${digest(once).slice(0, 8)}`;
};

/**
 * The three texts of a NoCloud seed. `fill` puts a secret's value in place of its `{{secret:name}}`; `access` is of
 * a machine with a boot record.
 */
export function seedTexts(
  inputs: SeedInputs,
  hostKey: HostKey,
  fill: (secretName: string) => string,
  access?: BootAccess,
): { "user-data": string; "meta-data": string; "network-config": string } {
  const { cloudInit, hostName } = inputs;
  const asked = withSecrets(merged(ourUserData(inputs, hostKey), cloudInit.userData ?? {}), fill);
  const ours = access ? bootRecordData(access) : {};
  const kept = [...hostKeyFiles(asked), ...(access ? [bootEnvironment(access)] : [])];
  const userData = withLists({ ...ours, ...(kept.length > 0 ? { bootcmd: [putFiles(kept)] } : {}) }, asked);
  return {
    "user-data": `#cloud-config\n${yaml(userData)}`,
    "meta-data": yaml({ "instance-id": instanceId(inputs), "local-hostname": hostName }),
    "network-config": yaml(withSecrets(cloudInit.networkConfig ?? networkConfig(inputs.nics), fill)),
  };
}

/** The key pair as it was asked for: ours, or the user's own in its place. */
function hostKeyFiles({ ssh_keys: keys }: Tree): SeedFile[] {
  if (!isTree(keys)) return [];
  const { ed25519_private: secret, ed25519_public: known } = keys;
  if (typeof secret !== "string" || typeof known !== "string") return [];
  const path = "/etc/ssh/ssh_host_ed25519_key";
  return [
    { path, mode: "0600", content: secret },
    { path: `${path}.pub`, mode: "0644", content: known },
  ];
}

function ourUserData({ hostName, cloudInit }: SeedInputs, hostKey: HostKey): Record<string, unknown> {
  return {
    hostname: hostName,
    users: [
      {
        name: cloudInit.user ?? DEFAULT_USER,
        shell: "/bin/bash",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        lock_passwd: true,
        ssh_authorized_keys: cloudInit.sshKeys ?? [],
      },
    ],
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
    // update-locale is missing in minimal images, and fails the whole run there.
    locale: false,
    // The seed's network is read at every boot, so that a new card needs no new instance id.
    updates: { network: { when: ["boot"] } },
  };
}

/**
 * Where the plan gives none, every card asks by DHCP; its reservation is known to the network. Version 2, because
 * there a card is found by its MAC, whatever the guest calls it. The boot waits for the first one alone.
 */
function networkConfig(nics: SeedInputs["nics"]): Record<string, unknown> {
  const ethernets = nics.map(({ mac }, index) => [
    `nic${index}`,
    { match: { macaddress: mac }, dhcp4: true, ...(index > 0 ? { optional: true } : {}) },
  ]);
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The user's values over ours, key by key; a list replaces a list; null takes a key of ours out. */
function merged(ours: Tree, theirs: Tree): Tree {
  const result: Tree = { ...ours };
  for (const [key, value] of Object.entries(theirs)) {
    if (value === null) delete result[key];
    else result[key] = isTree(value) && isTree(result[key]) ? merged(result[key], value) : value;
  }
  return result;
}

/** Our files and commands before the user's own, which may end the run. */
function withLists(ours: Record<string, unknown[]>, theirs: Tree): Tree {
  const result: Tree = { ...theirs };
  for (const [key, items] of Object.entries(ours)) {
    const given = theirs[key];
    if (given !== undefined && !Array.isArray(given))
      throw new LabError(`cloud-init: "${key}" must be a list, for ours are added to it`);
    result[key] = [...items, ...(given ?? [])];
  }
  return result;
}

const SECRET = /\{\{\s*secret:([\w.:-]+)\s*\}\}/g;

/** In the tree, not in the text: a value with a colon or a line end in it stays one value. */
function withSecrets<T>(value: T, fill: (name: string) => string): T {
  const walk = (node: unknown): unknown => {
    if (typeof node === "string") return node.replace(SECRET, (_, name: string) => fill(name));
    if (Array.isArray(node)) return node.map(walk);
    if (isTree(node)) return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, walk(item)]));
    return node;
  };
  return walk(value) as T;
}

function yaml(value: unknown): string {
  try {
    return dump(value, { lineWidth: -1, noRefs: true });
  } catch {
    // js-yaml's own message may quote the value, which may be a secret.
    throw new LabError("cloud-init: the user data hold something that YAML cannot say");
  }
}
