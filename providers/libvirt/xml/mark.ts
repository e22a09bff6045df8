import type { Mark } from "../../core/definition";
import {
  all,
  attribute,
  element,
  elementsOf,
  find,
  withChild,
  withoutChildren,
  type XmlElement,
} from "./element";

/** Namespace of our metadata element on domains and networks. */
export const MARK_NAMESPACE = "https://labplan.dev/mark";
export const MARK_PREFIX = "labplan";

/** What our metadata element says. */
export interface FoundMark extends Mark {
  /** Taken over, not made by us. */
  adopted: boolean;
  /** Domains: the disks (by target) and NICs (by MAC) that are ours; others were attached by someone else. */
  devices?: string[];
  /** Domains: digest of what the cloud-init seed was made of. */
  seed?: string;
  /** Digest of the user's own template. */
  template?: string;
  /** Domains: stands in for the real one while KVM is probed. */
  probe?: boolean;
}

/** `<labplan:mark …/>`, the sign of ownership (rule 8). */
export function markElement(mark: Omit<FoundMark, "adopted"> & { adopted?: boolean }): XmlElement {
  return element(`${MARK_PREFIX}:mark`, {
    [`xmlns:${MARK_PREFIX}`]: MARK_NAMESPACE,
    lab: mark.lab,
    stack: mark.stack,
    name: mark.name,
    adopted: mark.adopted && "yes",
    devices: mark.devices?.join(" "),
    seed: mark.seed,
    template: mark.template,
    probe: mark.probe && "yes",
  });
}

/** The same for libvirt's set-metadata call, which puts prefix and namespace on itself, and fails where they are there. */
export function bareMark(mark: Parameters<typeof markElement>[0]): XmlElement {
  const { [`xmlns:${MARK_PREFIX}`]: _, ...attributes } = markElement(mark).attributes;
  return { name: "mark", attributes, children: [] };
}

const isMark = (node: XmlElement): boolean => {
  const [prefix, local] = node.name.includes(":") ? node.name.split(":") : ["", node.name];
  return local === "mark" && node.attributes[prefix ? `xmlns:${prefix}` : "xmlns"] === MARK_NAMESPACE;
};

/** Our mark on a domain or network, whoever's lab it is. */
export function readMark(root: XmlElement): FoundMark | undefined {
  const node = elementsOf(find(root, "metadata")).find(isMark);
  if (!node) return undefined;
  const { lab = "", stack = "", name = "", adopted, devices, seed, template, probe } = node.attributes;
  return {
    lab,
    stack,
    name,
    adopted: adopted === "yes",
    ...(devices === undefined ? {} : { devices: devices.split(" ").filter(Boolean) }),
    ...(seed === undefined ? {} : { seed }),
    ...(template === undefined ? {} : { template }),
    ...(probe === "yes" ? { probe: true } : {}),
  };
}

/** The definition with this mark and no other of ours; other people's metadata stay. */
export function withMark(root: XmlElement, mark: Parameters<typeof markElement>[0] | undefined): XmlElement {
  const others = elementsOf(find(root, "metadata")).filter((node) => !isMark(node));
  const children = mark ? [...others, markElement(mark)] : others;
  if (children.length === 0) return withoutChildren(root, "metadata");
  const metadata: XmlElement = { name: "metadata", attributes: {}, children };
  if (all(root, "metadata").length > 0) return withChild(root, metadata);
  // libvirt takes any order; after the uuid is where it writes it itself.
  const at = root.children.findIndex((child) => typeof child !== "string" && child.name === "uuid") + 1;
  return { ...root, children: [...root.children.slice(0, at), metadata, ...root.children.slice(at)] };
}

export const sameMark = (a: Mark, b: Mark): boolean =>
  a.lab === b.lab && a.stack === b.stack && a.name === b.name;

/** Root name and uuid of a definition read back. */
export const identityOf = (root: XmlElement): { name: string; uuid: string } => ({
  name: String(find(root, "name")?.children[0] ?? ""),
  uuid: String(find(root, "uuid")?.children[0] ?? attribute(root, "uuid") ?? "").toLowerCase(),
});
