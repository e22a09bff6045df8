import { type FogDouble, startFogDouble } from "../systems/fog/double";
import { type MetalHost, type Rack, rackOf } from "../systems/fog/hosts";
import { type DiskImages, diskImages, fosAvailable, miniFos } from "../systems/fog/mini";
import { type Libvirtd, available as libvirtAvailable, startLibvirtd } from "../systems/libvirt/start";
import { available as powerAvailable, startRedfishBmc } from "../systems/power/start";
import { available as pxeAvailable } from "../systems/pxe/start";

const PORT = 8080;

/** A FOG server's hosts with a Redfish BMC, in namespaces of their own; all real but for the server itself. */
export interface FogRack {
  /** What to put before a command so that it runs where the hosts are. */
  enter: string[];
  daemon: Libvirtd;
  disks: DiskImages;
  rack: Rack;
  fog: FogDouble;
  /** Values of the secrets that the configs below name. */
  secrets: Record<string, string>;
  /** Config of the server's backend. */
  backend(): object;
  /** Config of its two images. */
  images(): object;
  /** Config of a host that is imaged with `work`, without its power. */
  host(host: MetalHost): object;
  /** Config of a host's power by Redfish. */
  power(): object;
  isOff(host: MetalHost): Promise<boolean>;
  /** The command with which somebody who has the images' key logs in as root. */
  ssh(address: string, options: readonly string[], ...rest: string[]): string[];
  stop(): Promise<void>;
}

/** Undefined when it can be started here, else the reason why not. */
export const fogRackAvailable = (): string | undefined =>
  libvirtAvailable() ?? pxeAvailable() ?? fosAvailable() ?? powerAvailable();

export async function startFogRack(names: string[]): Promise<FogRack> {
  const fos = await miniFos();
  const disks = await diskImages();
  const daemon = await startLibvirtd();
  const started: { stop(): Promise<void> }[] = [daemon];
  const stop = async () => {
    for (const each of started.reverse()) await each.stop();
  };
  try {
    const rack = await rackOf(daemon, names, PORT, disks.diskMiB);
    const fog = await startFogDouble({ enter: daemon.enter, bind: rack.address, port: PORT, fos, disks });
    started.push(fog);
    const redfish = await startRedfishBmc(daemon.uri, daemon);
    started.push(redfish);
    return {
      enter: daemon.enter,
      daemon,
      disks,
      rack,
      fog,
      secrets: { fogApi: fog.apiToken, fogUser: fog.userToken, redfishPassword: redfish.password },
      backend: () => ({
        kind: "fog",
        url: fog.url,
        apiToken: { secret: "fogApi" },
        userToken: { secret: "fogUser" },
        identityFile: disks.identityFile,
        dhcpLog: { path: rack.dhcpLog },
      }),
      images: () =>
        Object.fromEntries(
          (["clean", "work"] as const).map((name) => [
            name,
            { fog: { backend: "metal", path: name, ...disks.proof[name] } },
          ]),
        ),
      host: ({ mac }) => ({
        backend: "metal",
        image: "work",
        macs: [mac],
        allow: ["wipe"],
        imaging: { queued: "3m", stall: "2m", total: "5m", boot: "3m" },
      }),
      power: () => ({
        kind: "redfish",
        url: redfish.url,
        ca: redfish.caFile,
        user: redfish.user,
        password: { secret: "redfishPassword" },
      }),
      isOff: async ({ name }) => {
        const { stdout } = await daemon.nsenter(["virsh", "--connect", daemon.uri, "domstate", name]);
        return stdout.trim() === "shut off";
      },
      ssh: (address, options, ...rest) => [
        ...[
          "ssh",
          "-i",
          disks.identityFile,
          ...["BatchMode=yes", ...options].flatMap((each) => ["-o", each]),
        ],
        ...[`root@${address}`, ...rest],
      ],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
