/** What `ip -j -d addr show` and `bridge -j fdb show` say (iproute2 4.14 and newer), as far as it matters here. */
export interface Link {
  name: string;
  mtu: number;
  up: boolean;
  mac: string;
  /** The bridge that it is a port of. */
  master?: string;
  alias?: string;
  /** `bridge`, `vxlan`, … */
  kind?: string;
  /** `whole`: what it sends over IPv4 must not be cut in pieces. */
  vxlan?: { vni: number; port: number; local: string; whole: boolean };
  /** As a port of a bridge. */
  hairpin?: boolean;
  learning?: boolean;
  /** With prefix length; without those that are valid on the link only. */
  addresses: string[];
}

type Json = Record<string, unknown>;

const record = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(record) : []);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const number = (value: unknown): number => (typeof value === "number" ? value : 0);

export function parseLinks(output: string): Link[] {
  return list(JSON.parse(output || "[]"))
    .filter((link) => typeof link.ifname === "string")
    .map((link) => {
      const info = record(link.linkinfo);
      const data = record(info.info_data);
      const slave = record(info.info_slave_data);
      const master = text(link.master);
      const alias = text(link.ifalias);
      const kind = text(info.info_kind);
      return {
        name: text(link.ifname) ?? "",
        mtu: number(link.mtu),
        up: Array.isArray(link.flags) && link.flags.includes("UP"),
        mac: text(link.address) ?? "",
        ...(master === undefined ? {} : { master }),
        ...(alias === undefined ? {} : { alias }),
        ...(kind === undefined ? {} : { kind }),
        ...(kind === "vxlan"
          ? {
              vxlan: {
                vni: number(data.id),
                port: number(data.port),
                local: text(data.local) ?? text(data.local6) ?? "",
                whole: data.df === "set",
              },
            }
          : {}),
        ...(typeof slave.hairpin === "boolean" ? { hairpin: slave.hairpin } : {}),
        ...(typeof slave.learning === "boolean" ? { learning: slave.learning } : {}),
        addresses: list(link.addr_info)
          .filter(({ local, scope }) => typeof local === "string" && scope !== "link")
          .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      };
    });
}

const EVERYTHING = "00:00:00:00:00:00";

/** Peers that a VXLAN device sends to what it does not know the place of. */
export const parseFlood = (output: string): string[] =>
  list(JSON.parse(output || "[]"))
    .filter(({ mac }) => mac === EVERYTHING)
    .map(({ dst }) => text(dst) ?? "")
    .filter((dst) => dst !== "");

/** A port to a peer in Open vSwitch. */
export interface OvsPort {
  name: string;
  remote: string;
  local: string;
  vni: number;
  port: number;
  protected: boolean;
}

/** ovs-vsctl's tables (ovsdb-server(7), RFC 7047): a map is `["map", [[key, value], …]]`. */
export function parseOvsPorts(interfaces: string, protections: string): OvsPort[] {
  const isProtected = new Map(rows(protections).map((row) => [row[0], row[1] === true]));
  return rows(interfaces)
    .filter((row) => row[1] === "vxlan")
    .map((row) => {
      const pairs = Array.isArray(row[2]) && row[0] !== undefined ? (row[2][1] as unknown) : [];
      const options = Object.fromEntries(Array.isArray(pairs) ? (pairs as [string, string][]) : []);
      return {
        name: `${row[0]}`,
        remote: options.remote_ip ?? "",
        local: options.local_ip ?? "",
        vni: Number(options.key ?? 0),
        port: Number(options.dst_port ?? 4789),
        protected: isProtected.get(row[0]) ?? false,
      };
    });
}

const rows = (output: string): unknown[][] => {
  const { data } = record(JSON.parse(output || "{}"));
  return Array.isArray(data) ? data.filter(Array.isArray) : [];
};
