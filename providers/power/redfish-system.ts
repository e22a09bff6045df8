import { PowerError } from "./errors";
import type { Json, RedfishClient } from "./redfish-client";

/** Which system of a BMC is meant. */
export interface Wanted {
  who: string;
  /** Its id, name or UUID. */
  system?: string;
  /** Lower case with colons. */
  mac?: string;
}

const linkOf = (value: unknown): string | undefined => {
  const link = (value as { "@odata.id"?: unknown } | undefined)?.["@odata.id"];
  return typeof link === "string" && link.startsWith("/") ? link : undefined;
};

const lastPart = (path: string): string =>
  decodeURIComponent(path.replace(/\/+$/, "").split("/").pop() ?? "");

/** Links of a collection, all its pages. */
async function members(client: RedfishClient, path: string, signal: AbortSignal): Promise<string[]> {
  const links: string[] = [];
  const seen = new Set<string>();
  for (let page: string | undefined = path; page !== undefined && !seen.has(page); ) {
    seen.add(page);
    const { body }: { body: Json } = await client.get(page, signal);
    const rows = Array.isArray(body.Members) ? body.Members : [];
    links.push(...rows.map(linkOf).filter((link) => link !== undefined));
    const next: unknown = body["Members@odata.nextLink"];
    page = typeof next === "string" && next.startsWith("/") ? next : undefined;
  }
  return links;
}

/** Path of the system that is meant: by its id; else the one with the MAC; else the only one. */
export async function findSystem(
  client: RedfishClient,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<string> {
  const { who, system, mac } = wanted;
  const { body: root } = await client.get("/redfish/v1/", signal);
  const collection = linkOf(root.Systems);
  if (collection === undefined)
    throw new PowerError(
      "protocol",
      `${who} has no systems: it is a Redfish service, and not one of a machine.`,
    );
  const paths = await members(client, collection, signal);
  const ids = paths.map(lastPart);
  if (system !== undefined) {
    const byId = paths[ids.indexOf(system)];
    if (byId !== undefined) return byId;
    for (const path of paths) {
      const { body } = await client.get(path, signal);
      if ([body.Id, body.Name, body.UUID].includes(system)) return path;
    }
    throw new PowerError(
      "missing",
      `${who} has no system "${system}". It has ${list(ids)}; write one of them as "system".`,
    );
  }
  const seen: string[] = [];
  for (const path of mac === undefined ? [] : likely(paths, mac)) {
    const macs = await macsOf(client, path, signal);
    if (mac !== undefined && macs.includes(mac)) return path;
    seen.push(...macs);
  }
  const [only] = paths;
  if (paths.length !== 1 || only === undefined)
    throw new PowerError(
      "missing",
      `${who} has the systems ${list(ids)}, and ${mac === undefined ? "nothing says which" : `none has the MAC ${mac}`}. Write its id as "system".`,
    );
  // Power is cut without a question: not that of a machine that is another one for all that can be seen.
  if (mac !== undefined && seen.length > 0)
    throw new PowerError(
      "missing",
      `${who} is the BMC of another machine: its cards are ${seen.join(", ")}, and none is ${mac}. If it is right all the same, write system: "${ids[0]}".`,
    );
  return only;
}

const list = (ids: string[]): string =>
  ids.length === 0 ? "none" : `${ids.slice(0, 8).join(", ")}${ids.length > 8 ? " …" : ""}`;

const asMac = (text: string): string => text.toLowerCase().replaceAll("-", ":");

/** Systems that are named after the MAC come first: a look at a hundred others takes a while. */
const likely = (paths: string[], mac: string): string[] =>
  [...paths].sort((a, b) => Number(asMac(lastPart(b)) === mac) - Number(asMac(lastPart(a)) === mac));

async function macsOf(client: RedfishClient, path: string, signal: AbortSignal): Promise<string[]> {
  const { body } = await client.get(path, signal);
  const interfaces = linkOf(body.EthernetInterfaces);
  const macs = new Set<string>();
  for (const link of interfaces === undefined ? [] : await members(client, interfaces, signal)) {
    const { body: card } = await client.get(link, signal);
    for (const value of [card.MACAddress, card.PermanentMACAddress])
      if (typeof value === "string" && value !== "") macs.add(asMac(value));
  }
  return [...macs];
}
