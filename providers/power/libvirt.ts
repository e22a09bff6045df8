import { type DomainRef, ERROR, type LibvirtClient } from "../libvirt/client";
import { about, clientFor, isGone } from "../libvirt/clients";
import { isUp, turnOn } from "../libvirt/power";
import { hasCode } from "../libvirt/rpc/errors";
import { all, attribute, find } from "../libvirt/xml/element";
import { parseXml } from "../libvirt/xml/parse";
import { PowerError } from "./errors";
import { hypervisorPower, missing } from "./hypervisor";
import type { Patience, RawSwitch } from "./patience";
import type { PlannedPower, Power, PowerContext } from "./power";

type Config = Extract<PlannedPower, { kind: "libvirt" }>;

/** A domain of a declared libvirt backend as a machine's hardware. */
export function libvirtPower(config: Config, context: PowerContext, patience: Patience): Power {
  const peer = `domain "${config.domain}"`;
  const who = `${context.name}: ${peer}`;
  const withDomain = <T>(work: (client: LibvirtClient, domain: DomainRef) => Promise<T>): Promise<T> =>
    about(who, async () => {
      const client = await clientFor({ backend: config.backend });
      const domain = await client.domainByName(config.domain);
      if (domain) return work(client, domain);
      throw missing(who, "its hypervisor", "domain");
    });
  const raw: RawSwitch = {
    look: () =>
      withDomain(async (client, domain) => {
        try {
          return isUp(await client.domainState(domain)) ? "on" : "off";
        } catch (error) {
          if (isGone(error)) return "off";
          throw error;
        }
      }),
    press: (want) =>
      withDomain(async (client, domain) => {
        try {
          await (want === "on" ? turnOn(client, domain) : client.domainDestroy(domain));
        } catch (error) {
          // Somebody else is about to switch it, too.
          if (!hasCode(error, ERROR.operationInvalid)) throw error;
          throw new PowerError("busy", `${who} is being switched: ${(error as Error).message}.`, {
            cause: error,
          });
        }
      }),
  };
  return hypervisorPower(
    {
      peer,
      hypervisor: "libvirt",
      raw,
      bootOrder: () =>
        withDomain(async (client, domain) => bootOrder(await client.domainXml(domain, { inactive: true }))),
      network: "network",
    },
    context,
    patience,
  );
}

/** What a domain boots from, in order: `<boot dev>` of its system, else `<boot order>` of its devices. */
export function bootOrder(xml: string): string[] {
  const domain = parseXml(xml);
  const ofSystem = all(find(domain, "os"), "boot").map((boot) => attribute(boot, "dev") ?? "");
  if (ofSystem.length > 0) return ofSystem;
  const devices = find(domain, "devices");
  const ofDevices = [
    ...all(devices, "disk").map((disk) => ({
      device: disk,
      dev: attribute(disk, "device") === "cdrom" ? "cdrom" : "hd",
    })),
    ...all(devices, "interface").map((device) => ({ device, dev: "network" })),
  ];
  return ofDevices
    .map(({ device, dev }) => ({
      dev,
      order: Number(attribute(find(device, "boot"), "order") ?? Number.NaN),
    }))
    .filter(({ order }) => !Number.isNaN(order))
    .sort((a, b) => a.order - b.order)
    .map(({ dev }) => dev);
}
