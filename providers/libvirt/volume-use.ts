import { ForeignObjectError } from "../core/errors";
import type { DomainRef, LibvirtClient } from "./client";
import { unlessGone } from "./clients";
import { all, attribute, find, type XmlElement } from "./xml/element";
import { readMark } from "./xml/mark";
import { parseXml } from "./xml/parse";

interface Volume {
  pool: string;
  name: string;
  path: string;
}

/** The disk of a running domain that is this volume. */
export interface Use {
  domain: DomainRef;
  /** `vda` */
  target: string;
}

/** Target of the disk in `domain` that is the volume itself (not one that has it as its base). */
export function targetOf(domain: XmlElement, { pool, name, path }: Volume): string | undefined {
  const disk = all(find(domain, "devices"), "disk").find((candidate) => {
    const source = find(candidate, "source")?.attributes ?? {};
    return (source.pool === pool && source.volume === name) || source.file === path;
  });
  return attribute(find(disk, "target"), "dev");
}

/**
 * The running domain that has the volume open: QEMU holds a lock on it then, and only QEMU itself can resize it.
 * One that is not of this lab is none of our business, so the volume cannot be changed until it stops.
 */
export async function useOf(client: LibvirtClient, volume: Volume, lab: string): Promise<Use | undefined> {
  const running = (await client.domains()).filter(({ id }) => id !== -1);
  for (const domain of running) {
    const xml = await unlessGone(client.domainXml(domain));
    const root = xml === undefined ? undefined : parseXml(xml);
    const target = root && targetOf(root, volume);
    if (!root || target === undefined) continue;
    if (readMark(root)?.lab !== lab)
      throw new ForeignObjectError(
        `volume "${volume.name}" is in use by the running domain "${domain.name}", which is not of this lab. Stop it, and run "pulumi up" again.`,
      );
    return { domain, target };
  }
  return undefined;
}
