import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { RootShell } from "../ssh/root-shell";
import { type Link, type OvsPort, parseFlood, parseLinks, parseOvsPorts } from "./endpoint.links";
import {
  aliasOf,
  canonical,
  macOf,
  ownerOf,
  PORT_PREFIX,
  scriptPath,
  unitName,
  unitPath,
  vxlanName,
} from "./endpoint.names";
import { EXIT, LOOK } from "./endpoint.remote";
import { ownerIn, renderScript, renderUnit } from "./endpoint.script";
import type { EndpointInputs, EndpointState } from "./types";

/** What was found on the node. */
export interface Found {
  links: Link[];
  /** Peers of the VXLAN device. */
  flood: string[];
  /** Open vSwitch, where it was asked for and is there. */
  ovs: { owner: string | undefined; ports: OvsPort[]; strangers: OvsPort[]; silent?: string } | undefined;
  script: string;
  unit: string;
  /** Undefined where there is no systemd. */
  enabled: boolean | undefined;
}

export const who = ({ name, device }: Pick<EndpointInputs, "name" | "device">): string =>
  `overlay "${device}" on "${name}"`;

export async function lookAt(shell: RootShell, inputs: EndpointInputs, signal: AbortSignal): Promise<Found> {
  const { device, bridge } = inputs;
  const words = [
    ...[device, vxlanName(inputs), scriptPath(device), unitPath(device), unitName(device), bridge],
  ];
  const result = await shell.run(`look at the ${who(inputs)}`, LOOK, words, {
    signal,
    codes: [EXIT.noIp],
  });
  if (result.code === EXIT.noIp)
    throw new LabError(
      `${who(inputs)}: there is no "ip" or no "bridge" program. Install iproute2 there (apt-get install iproute2, dnf install iproute iproute-tc).`,
    );
  return readSections(result.stdout);
}

export function readSections(output: string): Found {
  const [, ...pieces] = output.split(/^== ([a-z]+)\n/m);
  const parts = new Map<string, string>();
  for (let index = 0; index < pieces.length; index += 2)
    parts.set(pieces[index] ?? "", pieces[index + 1] ?? "");
  const part = (name: string) => parts.get(name) ?? "";
  const names = part("names").split("\n");
  const ports = parseOvsPorts(part("ports").trim(), part("protected").trim());
  const enabled = parts.has("enabled") ? part("enabled").trim() : undefined;
  return {
    links: parseLinks(part("links").trim()),
    flood: parseFlood(part("fdb").trim()),
    ovs: parts.has("ovs")
      ? {
          owner: parts.has("owner") ? (part("owner").trim().split("\n")[1] ?? "") : undefined,
          ports: ports.filter(({ name }) => names.includes(name) && name.startsWith(PORT_PREFIX)),
          strangers: ports.filter(({ name }) => !names.includes(name)),
          ...(parts.has("silent") ? { silent: part("silent").trim() || "no answer" } : {}),
        }
      : undefined,
    script: withoutLast(part("script")),
    unit: withoutLast(part("unit")),
    enabled: enabled === undefined ? undefined : enabled === "enabled",
  };
}

/** Without the line end that LOOK puts after a file, which may have none of its own. */
const withoutLast = (text: string): string => text.replace(/\n$/, "");

/** Devices that carry our mark, or would if the run that made them had not been stopped just there. */
export function ourLinks(found: Found, run: Pick<Run, "mark">, inputs: EndpointInputs): Link[] {
  const began = ownerIn(found.script) === ownerOf(run.mark);
  return found.links.filter(
    ({ name, alias }) =>
      alias === aliasOf(run.mark) ||
      (began && alias === undefined && (name === inputs.device || name === vxlanName(inputs))),
  );
}

/** Whether anything of ours is there. */
export const isThere = (found: Found, run: Pick<Run, "mark">, inputs: EndpointInputs): boolean =>
  ownerIn(found.script) === ownerOf(run.mark) ||
  found.ovs?.owner === ownerOf(run.mark) ||
  found.links.some(({ alias }) => alias === aliasOf(run.mark)) ||
  (inputs.bridge === "linux" && ownerIn(found.unit) === ownerOf(run.mark));

/** The state that the node is in: the inputs with what is otherwise in the place of what should be. */
export function stateOf(inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): EndpointState {
  const bridge = found.links.find(({ name }) => name === inputs.device);
  const made = madeOf(inputs, found, run);
  return {
    ...inputs,
    ...made.live,
    mtu: [bridge?.mtu ?? inputs.mtu, ...made.mtus].find((mtu) => mtu !== inputs.mtu) ?? inputs.mtu,
    active: flaws(inputs, found, run).length === 0,
  };
}

/** What is missing or otherwise than it must be, beside the fields of the inputs. */
export function flaws(inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): string[] {
  const { device } = inputs;
  const bridge = found.links.find(({ name }) => name === device);
  const facts: [boolean, string][] = [
    [bridge !== undefined, `there is no ${device}`],
    [madeOf(inputs, found, run).whole, "its way to the peers is not whole"],
    [bridge?.up === true, `${device} is down`],
    [bridge?.mac === macOf(run.mark, device), `${device} has another MAC address`],
    [
      bridge?.addresses.some((one) => canonicalPrefix(one) === canonicalPrefix(inputs.address)) === true,
      `${device} has not the address ${inputs.address}`,
    ],
    [found.script === renderScript(inputs, run.mark), `${scriptPath(device)} was changed`],
    [found.enabled !== false, `${unitName(device)} is not enabled`],
    [
      found.enabled === undefined || found.unit === renderUnit(device, run.mark),
      `${unitPath(device)} was changed`,
    ],
  ];
  return facts.filter(([isSo]) => !isSo).map(([, sentence]) => sentence);
}

const madeOf = (inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): Made =>
  inputs.bridge === "linux" ? ofKernel(inputs, found, run) : ofOvs(inputs, found, run);

interface Made {
  live: Partial<EndpointInputs>;
  mtus: number[];
  whole: boolean;
}

function ofKernel(inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): Made {
  const ours = ourLinks(found, run, inputs);
  const device = ours.find(({ kind, master }) => kind === "vxlan" && master === inputs.device);
  const isBridge = ours.some(({ name, kind }) => name === inputs.device && kind === "bridge");
  if (!device?.vxlan || !isBridge) return { live: {}, mtus: [], whole: false };
  const { vni, port, local, whole } = device.vxlan;
  const isRight = vni === inputs.vni && device.name === vxlanName(inputs) && (whole || local.includes(":"));
  return {
    live: {
      vni,
      port,
      local: local === canonical(inputs.local) ? inputs.local : local,
      // Of another network identifier, the peers were not asked for.
      ...(isRight ? { peers: peersFound(inputs, found.flood) } : {}),
      ...(device.hairpin === (inputs.forwards ?? false) ? {} : { forwards: !inputs.forwards }),
    },
    mtus: [device.mtu],
    whole: isRight && device.up && ours.every(({ alias }) => alias === aliasOf(run.mark)),
  };
}

function ofOvs(inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): Made {
  if (found.ovs?.owner !== ownerOf(run.mark)) return { live: {}, mtus: [], whole: false };
  const { ports } = found.ovs;
  const odd = <K extends "vni" | "port" | "local">(field: K): OvsPort[K] | undefined =>
    ports.map((port) => port[field]).find((value) => value !== wantedOf(inputs)[field]);
  const [vni, port, local] = [odd("vni"), odd("port"), odd("local")];
  return {
    live: {
      ...(vni === undefined ? {} : { vni }),
      ...(port === undefined ? {} : { port }),
      ...(local === undefined ? {} : { local }),
      peers: peersFound(
        inputs,
        ports.map(({ remote }) => remote),
      ),
      ...(ports.some((one) => one.protected === (inputs.forwards ?? false))
        ? { forwards: !inputs.forwards }
        : {}),
    },
    mtus: [],
    whole: true,
  };
}

const wantedOf = ({ vni, port, local }: EndpointInputs) => ({ vni, port, local: canonical(local) });

/** Peers as they are set up there; a stranger by its address. */
function peersFound(inputs: EndpointInputs, addresses: readonly string[]): EndpointInputs["peers"] {
  const there = new Set(addresses.map(canonical));
  const known = Object.entries(inputs.peers).filter(([, { underlay }]) => there.has(canonical(underlay)));
  for (const [, { underlay }] of known) there.delete(canonical(underlay));
  return Object.fromEntries([
    ...known,
    ...[...there].map((underlay) => [underlay, { underlay, overlay: "" }]),
  ]);
}

const canonicalPrefix = (address: string): string => {
  const [ip = "", prefix] = address.split("/");
  return `${canonical(ip)}/${prefix}`;
};
