import type {
  BackendConfig,
  ConfigPath,
  ConfigProblem,
  LabConfig,
  MachineConfig,
  NetworkConfig,
  NicConfig,
} from "./types";

type Add = (path: ConfigPath, message: string) => void;

/** Which kinds of backend each section can live in. */
const FITTING: Record<"networks" | "machines" | "vpn", BackendConfig["kind"][]> = {
  networks: ["libvirt", "embedded"],
  machines: ["libvirt", "embedded"],
  vpn: ["ldap", "embedded"],
};

/**
 * What does not fit together, as far as the config alone can tell: addresses are the plan's. A name that is declared
 * nowhere is not told here (`dangling.ts`).
 */
export function referenceProblems(config: LabConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const add: Add = (path, message) => problems.push({ path, message });
  const context = { config, add };
  for (const [name, network] of Object.entries(config.networks)) checkNetwork(context, name, network);
  for (const [name, machine] of Object.entries(config.machines)) checkMachine(context, name, machine);
  checkVpn(context);
  for (const section of ["networks", "machines"] as const) {
    checkNames(section, config[section], add);
    checkRenames([section], config[section], add);
  }
  return problems;
}

interface Context {
  config: LabConfig;
  add: Add;
}

function checkNetwork({ config, add }: Context, name: string, network: NetworkConfig): void {
  const at = ["networks", name];
  checkBackend({ config, add }, "networks", at, network.backend);
  const bridged = network.mode === "bridge";
  if (bridged && network.bridge === undefined)
    add(at, "mode bridge needs bridge: the name of a bridge of the host that exists");
  if (bridged && network.dhcp !== undefined && network.dhcp !== false)
    add(
      [...at, "dhcp"],
      "on a bridge of the host, addresses are served by whoever serves that net; take dhcp out",
    );
  if (
    network.forwardDevice !== undefined &&
    (bridged || network.mode === "isolated" || network.mode === "open")
  )
    add([...at, "forwardDevice"], `only nat and routed go out by a device; this is ${network.mode}`);
}

function checkMachine(context: Context, name: string, machine: MachineConfig): void {
  const at = ["machines", name];
  checkBackend(context, "machines", at, machine.backend);
  machine.disks?.forEach((disk, i) => {
    if (disk.image !== undefined) checkImage(context, [...at, "disks", i, "image"], disk.image, "disk");
  });
  if (machine.iso !== undefined) checkImage(context, [...at, "iso"], machine.iso, "cdrom");
  for (const field of ["kernel", "initrd"] as const) {
    const file = machine.kernel?.[field];
    if (file !== undefined && !file.startsWith("/"))
      checkImage(context, [...at, "kernel", field], file, "file");
  }
  machine.networks?.forEach((nic, i) => {
    checkNic(context, [...at, "networks", i], nic, machine);
  });
  if (machine.boot?.includes("cdrom") && machine.iso === undefined && machine.template === undefined)
    context.add([...at, "boot"], "it has no CD-ROM to boot from; give it an iso");
}

function checkNic({ config, add }: Context, at: ConfigPath, nic: NicConfig, machine: MachineConfig): void {
  if (nic.network === undefined) return;
  const path = [...at, "network"];
  const network = config.networks[nic.network];
  if (network && network.backend !== machine.backend)
    add(path, `network "${nic.network}" lives in ${network.backend}, and this machine in ${machine.backend}`);
}

function checkImage(
  { config, add }: Context,
  path: ConfigPath,
  name: string,
  use: "disk" | "cdrom" | "file",
): void {
  const format = config.images[name]?.format;
  if (use === "disk" && format === "iso")
    add(path, `image "${name}" is an ISO; put it in the drive: "iso: ${name}"`);
  if (use === "cdrom" && format !== undefined && format !== "iso")
    add(path, `image "${name}" is a disk (${format}), no ISO; lay it on a disk: "image: ${name}"`);
}

function checkVpn({ config, add }: Context): void {
  const { vpn } = config;
  if (!vpn) return;
  checkBackend({ config, add }, "vpn", ["vpn"], vpn.backend);
  const users = Object.entries(vpn.users ?? {});
  // A directory compares uids without regard to case.
  const permanent = new Set(vpn.permanent?.map((uid) => uid.toLowerCase()));
  const seen = new Map<string, string>();
  for (const [name, user] of users) {
    const uid = user.name ?? name;
    const path = ["vpn", "users", name, ...(user.name === undefined ? [] : ["name"])];
    if (permanent.has(uid.toLowerCase()))
      add(path, `"${uid}" is permanent, so it is never touched; take it out of users or out of permanent`);
    const other = seen.get(uid.toLowerCase());
    if (other !== undefined) add(path, `the uid "${uid}" is that of user ${other} as well`);
    seen.set(uid.toLowerCase(), name);
  }
  checkRenames(["vpn", "users"], vpn.users ?? {}, add);
}

function checkBackend(
  { config, add }: Context,
  section: keyof typeof FITTING,
  at: ConfigPath,
  name: string,
): void {
  const path = [...at, "backend"];
  const kind = config.backends[name]?.kind;
  const fitting = FITTING[section];
  if (kind !== undefined && !fitting.includes(kind))
    add(path, `backend "${name}" is of kind ${kind}; ${section} live in ${fitting.join(" or ")}`);
}

/** Two things of one name at one backend would be one thing. */
function checkNames(section: string, things: Record<string, NetworkConfig | MachineConfig>, add: Add): void {
  const seen = new Map<string, string>();
  for (const [name, thing] of Object.entries(things)) {
    const key = `${thing.backend} ${thing.name ?? name}`;
    const other = seen.get(key);
    if (other !== undefined)
      add(
        [section, name, ...(thing.name === undefined ? [] : ["name"])],
        `${other} has the name "${thing.name ?? name}" in ${thing.backend} as well`,
      );
    seen.set(key, name);
  }
}

/** `formerly` must name something that is gone, and each name once. */
function checkRenames(at: ConfigPath, things: Record<string, { formerly?: string }>, add: Add): void {
  const seen = new Map<string, string>();
  for (const [name, { formerly }] of Object.entries(things)) {
    if (formerly === undefined) continue;
    const path = [...at, name, "formerly"];
    const other = seen.get(formerly);
    if (formerly === name) add(path, "this is its name now; formerly is the name before a rename");
    else if (Object.hasOwn(things, formerly))
      add(path, `"${formerly}" is still declared; after a rename the old name is gone`);
    else if (other !== undefined) add(path, `${other} was "${formerly}" as well`);
    seen.set(formerly, name);
  }
}
