import { nodesOf } from "./devstack-form";
import type { ConfigPath, LabConfig, MachineConfig } from "./types";

/** The thing that a path belongs to, as a key: `machines/w1`, `vpn/users/alice`, or a section as a whole. */
export function thingOf(path: ConfigPath): string {
  const isWhole = path[0] === "bootServer" || path[0] === "devstack";
  const length = isWhole ? 1 : path[0] !== "vpn" ? 2 : path[1] === "users" && path.length > 2 ? 3 : 1;
  return path.slice(0, length).join("/");
}

/** The config without what is wrong, and without what rests on that. */
export function soundPart(config: LabConfig, bad: ReadonlySet<string>): LabConfig {
  const keep = <T>(
    section: string,
    things: Record<string, T>,
    rests: (thing: T) => boolean,
  ): Record<string, T> =>
    Object.fromEntries(
      Object.entries(things).filter(([name, thing]) => !bad.has(`${section}/${name}`) && rests(thing)),
    );
  const backends = keep("backends", config.backends, () => true);
  const inBackend = ({ backend }: { backend: string }) => Object.hasOwn(backends, backend);
  const networks = keep("networks", config.networks, inBackend);
  const images = keep(
    "images",
    config.images,
    ({ install, fog }) =>
      (fog === undefined || (inBackend(fog) && !bad.has(`machines/${fog.capture?.from}`))) &&
      (install === undefined ||
        (inBackend(install) && (install.network === undefined || Object.hasOwn(networks, install.network)))),
  );
  const machines = keep(
    "machines",
    config.machines,
    (machine) =>
      inBackend(machine) &&
      powerOf(machine).every(inBackend) &&
      networksOf(machine).every((name) => Object.hasOwn(networks, name)) &&
      imagesOf(machine).every((name) => Object.hasOwn(images, name)),
  );
  const { vpn, bootServer, devstack, ...rest } = config;
  const soundVpn = vpn && !bad.has("vpn") && inBackend(vpn) ? vpn : undefined;
  return {
    ...rest,
    backends,
    networks,
    images,
    machines,
    ...(bootServer && !bad.has("bootServer") ? { bootServer } : {}),
    ...(devstack && !bad.has("devstack") && nodesOf(devstack).every((name) => Object.hasOwn(machines, name))
      ? { devstack }
      : {}),
    ...(soundVpn ? { vpn: { ...soundVpn, users: keep("vpn/users", soundVpn.users ?? {}, () => true) } } : {}),
  };
}

/** Power that goes through a backend. */
const powerOf = ({ power }: MachineConfig): { backend: string }[] =>
  power?.kind === "libvirt" || power?.kind === "virtualbox" ? [power] : [];

const networksOf = (machine: MachineConfig): string[] =>
  (machine.networks ?? []).flatMap(({ network }) => network ?? []);

function imagesOf({ disks, iso, kernel, image, onRelease }: MachineConfig): string[] {
  const files = [kernel?.kernel, kernel?.initrd].filter(
    (file) => file !== undefined && !file.startsWith("/"),
  );
  const released = onRelease?.do === "image" ? onRelease.image : undefined;
  return [...(disks ?? []).map((disk) => disk.image), iso, image, released, ...files].filter(
    (name) => name !== undefined,
  );
}
