import { MARK_KEY } from "../../providers/openstack/marks";
import { suggest } from "../config/suggest";
import type { ConfigPath, MachineConfig, NetworkConfig, NicConfig } from "../config/types";
import type { Context } from "./context";
import { checkNoFogFields } from "./fog-fields";
import { modeOf } from "./network-fields";
import { own, sortedKeys } from "./stable";

type Add = (field: ConfigPath, message: string) => void;
type Rule<T> = { field: keyof T & string; advice: string };

/** What a machine of a hypervisor has, and a server of a cloud has not. */
const NOT_ON_A_CLOUD: Rule<MachineConfig>[] = [
  { field: "iso", advice: "Name an image of the cloud: `image: …`" },
  { field: "boot", advice: "A server boots from its image: take it out" },
  { field: "kernel", advice: "A server boots from its image: take it out" },
  { field: "firmware", advice: "It is a property of the cloud's image: take it out" },
  { field: "autostart", advice: "Take it out" },
  { field: "osType", advice: "It is VirtualBox's: take it out" },
  { field: "sharedFolders", advice: "They are VirtualBox's: take them out" },
  { field: "snapshots", advice: "They are VirtualBox's: take them out" },
  { field: "template", advice: "It is a template of libvirt's XML: take it out" },
  { field: "adopt", advice: "A server that exists is not taken over: take it out" },
  { field: "onDestroy", advice: "It is for adopted things: take it out" },
];

/** What only a server of a cloud has. */
const ONLY_ON_A_CLOUD: (keyof MachineConfig & string)[] = [
  "flavor",
  "floatingIp",
  "openPorts",
  "metadata",
  "availabilityZone",
];

/** What a network of a hypervisor has, and one of a cloud has not. */
const NO_NETWORK_FIELDS: Rule<NetworkConfig>[] = [
  { field: "bridge", advice: "Take it out" },
  { field: "domain", advice: "Take it out" },
  { field: "forwardDevice", advice: "A router of the cloud leads out: take it out" },
  { field: "ipv6", advice: "Take it out: only IPv4 is planned there" },
  { field: "autostart", advice: "Take it out" },
  { field: "template", advice: "It is a template of libvirt's XML: take it out" },
  { field: "adopt", advice: "A network that exists is not taken over: take it out" },
  { field: "onDestroy", advice: "It is for adopted things: take it out" },
];

const NO_CARD_FIELDS: (keyof NicConfig & string)[] = [
  "bridge",
  "type",
  "attachment",
  "properties",
  "forwards",
  "cable",
  "model",
];

/** Metadata keys and values are at most 255 characters (nova's API reference, "Create server"). */
const MAX_METADATA = 255;

/** Fields of a server on a machine that is none. */
export function checkNoCloudFields(config: MachineConfig, place: string, add: Add): void {
  for (const field of ONLY_ON_A_CLOUD)
    if (config[field] !== undefined)
      add(
        [field],
        `${field} is for servers of an OpenStack cloud, and this machine is on ${place}. Take it out.`,
      );
}

/** Checks of one server that need no facts of others. */
export function checkOpenStackMachine(context: Context, config: MachineConfig, add: Add): void {
  const { image: _itsOwn, ...others } = config;
  checkNoFogFields(others, "OpenStack", add);
  for (const { field, advice } of NOT_ON_A_CLOUD)
    if (config[field] !== undefined && !isEmpty(config[field]))
      add([field], `a server of an OpenStack cloud has no ${field}. ${advice}.`);
  checkImage(context, config, add);
  if (config.flavor !== undefined)
    for (const field of ["cpus", "memoryMiB"] as const)
      if (config[field] !== undefined)
        add(
          [field === "cpus" ? "cpus" : "memory"],
          `flavor "${config.flavor}" says how many cpus and how much memory it has. Keep one of the two.`,
        );
  for (const [index, port] of (config.openPorts ?? []).entries())
    if (!(Number.isInteger(port) && port >= 1 && port <= 65_535))
      add(["openPorts", index], `port ${port} does not exist. Use 1 to 65535.`);
  checkMetadata(config.metadata ?? {}, add);
  if (config.wait?.for === "boot")
    add(["wait"], "a server of a cloud does not call home yet. Use `wait: ssh`.");
  checkCloudInit(config, add);
  checkFloatingIp(context, config, add);
}

/** What user data hold is kept by the cloud, and in the plugin's part of the state, as it is. */
function checkCloudInit({ cloudInit }: MachineConfig, add: Add): void {
  if (cloudInit?.networkConfig !== undefined)
    add(
      ["cloudInit", "networkConfig"],
      "a cloud tells its servers their addresses itself. Take it out, and give cards an `ip`.",
    );
  if (/\{\{secret:/.test(JSON.stringify(cloudInit?.userData ?? {})))
    add(
      ["cloudInit", "userData"],
      "a cloud shows user data to whoever is on the server, and the state would hold the secret. Put secrets on it over SSH.",
    );
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** The image of a server: its own, or that of its one disk. */
export const imageNameOf = ({ image, disks = [] }: MachineConfig): string | undefined =>
  image ?? disks[0]?.image;

function checkImage({ config: lab }: Context, config: MachineConfig, add: Add): void {
  const { disks = [] } = config;
  if (disks.length > 1)
    add(
      ["disks", 1],
      "a server of a cloud has the disk of its flavor, and volumes are not made yet. Keep one disk.",
    );
  for (const [index, disk] of disks.entries())
    for (const field of ["volume", "clone", "bus", "format"] as const)
      if (disk[field] !== undefined)
        add(["disks", index, field], `the cloud decides on a server's ${field}. Take it out.`);
  const name = imageNameOf(config);
  if (name === undefined) {
    add([], "a server starts from an image of its cloud. Add `image: <image>`, declared with `glance: {}`.");
    return;
  }
  const path = config.image === undefined ? ["disks", 0, "image"] : ["image"];
  const image = own(lab.images, name);
  const fitting = sortedKeys(lab.images).filter((one) => own(lab.images, one)?.glance);
  if (!image) add(path, `no image "${name}" is declared${suggest(name, fitting)}`);
  else if (!image.glance)
    add(
      path,
      `image "${name}" is none of an OpenStack cloud. Declare one with \`glance: { name: … }\`: the cloud must have it.`,
    );
}

function checkMetadata(metadata: Record<string, string>, add: Add): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (key === MARK_KEY)
      add(["metadata", key], `"${MARK_KEY}" is where we keep whose it is. Choose another key.`);
    if (key.length > MAX_METADATA || value.length > MAX_METADATA)
      add(
        ["metadata", key],
        `a cloud keeps at most ${MAX_METADATA} characters of a key and of a value. Shorten it.`,
      );
  }
}

/** A floating IP leads to a card on a network that has a router. */
function checkFloatingIp({ config: lab }: Context, config: MachineConfig, add: Add): void {
  if (config.floatingIp !== true) return;
  const networks = (config.networks ?? []).flatMap(({ network }) => own(lab.networks, network ?? "") ?? []);
  if (!networks.some((network) => modeOf(network) === "nat"))
    add(
      ["floatingIp"],
      "a floating IP needs a router, and none of its networks has one. Put it on a network of mode nat.",
    );
}

/** Checks of one network of a cloud that need no facts of others. */
export function checkOpenStackNetwork(config: NetworkConfig, add: Add): void {
  const mode = modeOf(config);
  if (mode !== "nat" && mode !== "isolated")
    add(
      config.mode === undefined ? ["bridge"] : ["mode"],
      `OpenStack has no network of mode ${mode}. Use nat (a router leads to the external network) or isolated.`,
    );
  for (const { field, advice } of NO_NETWORK_FIELDS)
    if (config[field] !== undefined && !(field === "bridge" && mode === "bridge"))
      add([field], `a network of an OpenStack cloud has no ${field}. ${advice}.`);
}

/** A card of a server is a port on a declared network. */
export function checkOpenStackNic(nic: NicConfig, add: Add): void {
  for (const field of NO_CARD_FIELDS)
    if (nic[field] !== undefined)
      add(
        [field],
        `${field} is a hypervisor's, and a server's card is a port of a declared network. Take it out.`,
      );
}
