import { placeOf } from "../config/place";
import type { ConfigPath } from "../config/types";
import type { Context } from "./context";
import type { FogHostFacts } from "./fog-hosts";
import type { FogImageFacts } from "./fog-images";
import { switchOf } from "./fog-power";
import { hypervisorPlace } from "./hypervisor";
import type { MachineFacts } from "./machines";
import { own } from "./stable";

/** What two hosts cannot both have, nor a host and a virtual machine. */
export function checkFogConflicts(
  context: Context,
  hosts: readonly FogHostFacts[],
  machines: readonly MachineFacts[],
): void {
  const { problems } = context;
  const claim = claims(context);
  for (const { logical, config, place, name } of hosts) {
    const field = config.resource === undefined ? (config.name === undefined ? [] : ["name"]) : ["resource"];
    claim(
      `${place} ${name.toLowerCase()}`,
      logical,
      [...field],
      (other) =>
        `host "${name}" of that FOG server is "${other}" already: one machine cannot be two. Take one of them out, or give it another \`name\`.`,
    );
  }
  checkSwitches(context, hosts);
  const cards = new Map<string, MachineFacts>();
  const addresses = new Map<string, string>();
  for (const machine of machines)
    for (const { mac, ip } of machine.nics) {
      cards.set(mac, machine);
      if (ip !== undefined) addresses.set(ip, machine.logical);
    }
  for (const host of hosts) {
    const { logical, config } = host;
    for (const [index, mac] of (config.macs ?? []).entries()) {
      const machine = cards.get(mac);
      if (machine && !isPlayedBy(host, machine))
        problems.add(
          ["machines", logical, "macs", index],
          `the MAC address ${mac} is that of "${machine.logical}" too. Write what is printed on the host's own card.`,
        );
      claim(
        `mac ${mac}`,
        logical,
        ["macs", index],
        (other) =>
          `the MAC address ${mac} is that of "${other}" too. Write what is printed on the host's own card.`,
      );
    }
    if (config.address === undefined) continue;
    const machine = addresses.get(config.address);
    if (machine !== undefined && !machines.some((one) => one.logical === machine && isPlayedBy(host, one)))
      problems.add(
        ["machines", logical, "address"],
        `the address ${config.address} is that of "${machine}" too. Give each its own.`,
      );
    claim(
      `address ${config.address.toLowerCase()}`,
      logical,
      ["address"],
      (other) => `the address ${config.address} is that of "${other}" too. Give each its own.`,
    );
  }
}

/** An image is captured from a host that has another one, of the same server. */
export function checkCaptures(
  { config, problems }: Context,
  images: ReadonlyMap<string, FogImageFacts>,
  hosts: ReadonlyMap<string, FogHostFacts>,
): void {
  for (const { logical, config: image, place, ...facts } of withPlaces(images)) {
    const from = image.capture?.from;
    const machine = from === undefined ? undefined : own(config.machines, from);
    if (from === undefined || !machine) continue;
    const add = (message: string) => problems.add(["images", logical, "fog", "capture", "from"], message);
    const host = hosts.get(from);
    if (!host) {
      // What is wrong with a host of a FOG server is told where it stands.
      if (own(config.backends, machine.backend)?.kind !== "fog")
        add(
          `machine "${from}" is no host of a FOG server, and only those can be captured. Name one of backend "${image.backend}".`,
        );
    } else if (host.place !== place)
      add(
        `machine "${from}" is of FOG server "${host.config.backend}", and this image of "${image.backend}". Name one of the same server.`,
      );
    else if (!host.imaged)
      add(
        `machine "${from}" is registered and nothing more: it has no \`image\` and no \`power\`. Give it both.`,
      );
    else if (host.imaged.image.name.toLowerCase() === facts.name.toLowerCase())
      add(
        `machine "${from}" is imaged with the image that is to be captured from it. Let one of the two be another image.`,
      );
  }
}

const withPlaces = (images: ReadonlyMap<string, FogImageFacts>) =>
  [...images.values()].map((image) => ({ ...image, place: placeOf(image.backend) }));

type Claim = (key: string, logical: string, field: ConfigPath, message: (other: string) => string) => void;

/** A problem at every claim of something but the first. */
function claims({ problems }: Context): Claim {
  const holders = new Map<string, string>();
  return (key, logical, field, message) => {
    const other = holders.get(key);
    if (other !== undefined) problems.add(["machines", logical, ...field], message(other));
    else holders.set(key, logical);
  };
}

/** Who switches the wrong host resets somebody else's machine. */
function checkSwitches(context: Context, hosts: readonly FogHostFacts[]): void {
  const claim = claims(context);
  for (const { logical, config, imaged } of hosts) {
    const key = imaged && switchOf(imaged.power, config.macs?.[0]);
    if (key !== undefined)
      claim(
        key,
        logical,
        ["power"],
        (other) =>
          `this switch is that of "${other}" too, and both would be switched at once. Give each its own${imaged?.power.kind === "redfish" ? " URL or `system`" : ""}.`,
      );
  }
}

/** A host that is a declared virtual machine, switched by its hypervisor. */
export function isPlayedBy({ imaged }: FogHostFacts, machine: MachineFacts): boolean {
  const power = imaged?.power;
  if (power?.kind !== "libvirt" && power?.kind !== "virtualbox") return false;
  const name = power.kind === "libvirt" ? power.domain : power.machine;
  return (
    machine.hypervisor === power.kind &&
    machine.name === name &&
    hypervisorPlace(power.backend) === machine.place
  );
}
