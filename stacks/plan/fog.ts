import type { CaptureInputs } from "../../providers/fog/capture";
import type { HostInputs } from "../../providers/fog/host";
import type { ImagedHostInputs } from "../../providers/fog/imaged-host";
import { isEmbedded } from "../config/place";
import type { ImagingConfig } from "../config/types";
import { BOOT_HTTP_PORT } from "./boot-ports";
import type { Context } from "./context";
import { isPlayedBy } from "./fog-conflicts";
import type { FogHostFacts } from "./fog-hosts";
import { type FogImageFacts, fogImageResource, imageKey } from "./fog-images";
import { type MachineFacts, machineKey } from "./machines";
import { renamed } from "./renamed";
import { given, own } from "./stable";
import { type PlannedResource, resourceKey } from "./types";

/** Deadlines of an imaging, in seconds. */
const IMAGING: Required<ImagingConfig> = { queuedS: 600, stallS: 600, totalS: 7200, bootS: 900 };
const USER = "root";
const LOOPBACK = "127.0.0.1";

const hostKey = (logical: string): string => resourceKey("fog:Host", logical);
export const imagedKey = (logical: string): string => resourceKey("fog:ImagedHost", logical);
const captureKey = (logical: string): string => resourceKey("fog:Capture", logical);

/** Who we log in as on a host with this image. */
export const userOf = (image: FogImageFacts): string => image.config.user ?? USER;

/** Images, captures, and hosts of FOG servers. */
export function planFog(
  context: Context,
  images: ReadonlyMap<string, FogImageFacts>,
  hosts: ReadonlyMap<string, FogHostFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
): PlannedResource[] {
  const resources: PlannedResource[] = [];
  for (const image of images.values()) {
    const record = fogImageResource(image);
    const capture = captureResource(image, hosts);
    resources.push(...(record ? [record] : []), ...(capture ? [capture] : []));
  }
  for (const host of hosts.values()) {
    const record = hostResource(host);
    const imaged = imagedResource(context, host, [...machines.values()]);
    resources.push(...(record ? [record] : []), ...(imaged ? [imaged] : []));
  }
  return resources;
}

/** The host's record, where it is ours to make or to take over. */
function hostResource({ logical, config, backend, name, seed }: FogHostFacts): PlannedResource | undefined {
  if (config.macs === undefined && config.adopt !== true) return undefined;
  const inputs: HostInputs = {
    name,
    backend: config.backend,
    ...given(config, ["macs", "adopt", "onDestroy"]),
  };
  return {
    kind: "fog:Host",
    ...renamed(logical, config, seed),
    inputs: { ...inputs },
    dependsOn: [],
    recreateWith: [],
    backend,
  };
}

function imagedResource(
  context: Context,
  host: FogHostFacts,
  machines: readonly MachineFacts[],
): PlannedResource | undefined {
  const { logical, source, config, backend, name, seed, imaged } = host;
  if (!imaged) return undefined;
  const { image, power, release } = imaged;
  const record = hostResource(host) ? [hostKey(logical)] : [];
  // Where a declared virtual machine plays the host, it must be there.
  const player = machines.filter((machine) => isPlayedBy(host, machine)).map(machineKey);
  const key = config.hostKey?.trim() ?? image.config.hostKey;
  const callback = callbackOf(context, host);
  const inputs: ImagedHostInputs = {
    name,
    backend: config.backend,
    image: image.name,
    generation: config.imageGeneration ?? 1,
    allow: config.allow ?? [],
    ...(config.macs?.[0] === undefined ? {} : { mac: config.macs[0] }),
    ...(config.address === undefined ? {} : { address: config.address }),
    ...(key === undefined ? {} : { hostKeys: [key] }),
    user: userOf(image),
    power,
    proof: given(image.config, ["osRelease", "marker"]),
    imaging: { ...IMAGING, ...config.imaging },
    onRelease: releaseText(host),
    ...ownImages(image, release),
    ...(callback ? { callback } : {}),
    ...(config.adopt === undefined ? {} : { adopt: config.adopt }),
  };
  if (own(context.lock.homes, source) !== config.backend)
    context.notes.push(`${logical}: on release: ${inWords(host)}.`);
  return {
    kind: "fog:ImagedHost",
    ...renamed(logical, config, seed),
    inputs: { ...inputs },
    dependsOn: [
      ...record,
      ...player,
      ...imageNeeds(image),
      ...(release?.isRecorded ? [imageKey(release)] : []),
    ],
    recreateWith: [...record, ...player],
    backend,
  };
}

/** Before an image is put on a host: its record, and what it is captured from. */
const imageNeeds = (image: FogImageFacts): string[] => [
  ...(image.isRecorded ? [imageKey(image)] : []),
  ...(image.config.capture ? [captureKey(image.logical)] : []),
];

/** Those that the server may have only after this stack's own resources were made. */
function ownImages(...images: (FogImageFacts | undefined)[]): Pick<ImagedHostInputs, "ownImages"> {
  const names = images.flatMap((image) => (image?.isRecorded ? [image.name] : []));
  return names.length === 0 ? {} : { ownImages: [...new Set(names)] };
}

/** `image:<name in the server>`, `wipe`, `poweroff` or `keep`. */
const releaseText = ({ config, imaged }: FogHostFacts): string =>
  imaged?.release ? `image:${imaged.release.name}` : (config.onRelease?.do ?? "keep");

function inWords({ config, imaged }: FogHostFacts): string {
  if (imaged?.release) return `image ${imaged.release.logical}`;
  const words = {
    image: "an image",
    wipe: "its disks are wiped",
    poweroff: "switched off, with what is on it",
    keep: "left running, with what is on it",
  };
  return words[config.onRelease?.do ?? "keep"];
}

/** Where the new system's host key is told: at the boot server, where the host can reach it. */
function callbackOf({ config }: Context, { backend }: FogHostFacts): ImagedHostInputs["callback"] {
  const { bootServer } = config;
  if (!bootServer) return undefined;
  const { address, httpPort = BOOT_HTTP_PORT } = bootServer;
  const at = isEmbedded(backend) ? LOOPBACK : address;
  return at === undefined ? undefined : { url: `http://${at}:${httpPort}`, address: at, httpPort };
}

function captureResource(
  image: FogImageFacts,
  hosts: ReadonlyMap<string, FogHostFacts>,
): PlannedResource | undefined {
  const { logical, config, backend, name, seed } = image;
  const { capture } = config;
  const host = capture && hosts.get(capture.from);
  if (!capture || !host?.imaged) return undefined;
  const inputs: CaptureInputs = {
    name,
    backend: config.backend,
    host: host.name,
    generation: capture.generation ?? 1,
    power: host.imaged.power,
    imaging: { ...IMAGING, ...host.config.imaging },
  };
  return {
    kind: "fog:Capture",
    ...renamed(logical, config, seed),
    inputs: { ...inputs },
    dependsOn: [imageKey(image), imagedKey(capture.from)],
    recreateWith: [],
    backend,
  };
}

/** What is planned of an imaged host: another text is another system on it. */
export const editionOfHost = ({ place, name, config, imaged }: FogHostFacts): string =>
  `${place} ${name} ${imaged?.image.name} ${config.imageGeneration ?? 1}`;
