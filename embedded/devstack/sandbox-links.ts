/** A network device as a sandbox has it: on paper, until it is switched off. */
export interface Link {
  index: number;
  name: string;
  kind?: "bridge" | "vxlan";
  mtu: number;
  mac: string;
  up: boolean;
  alias?: string;
  master?: string;
  vxlan?: { id: number; port: number; local: string; df: boolean };
  hairpin: boolean;
  learning: boolean;
  addresses: { local: string; prefix: number }[];
  /** Where a VXLAN device sends what is for a MAC. */
  fdb: { mac: string; dst: string }[];
}

/** What a program says, and its exit code. */
export interface Said {
  text: string;
  code: number;
}

export const EVERYTHING = "00:00:00:00:00:00";

export const said = (text: string, code = 0): Said => ({ text, code });
const missing = (name: string): Said => said(`Device "${name}" does not exist.\n`, 1);

/** What answers `ip` and `bridge` of one sandbox: texts and codes as of iproute2 6.1. */
export class SandboxLinks {
  readonly links: Link[] = [];
  #last = 0;

  constructor(nics: readonly { mac: string; ip?: string }[]) {
    this.#add("lo", {
      mac: EVERYTHING,
      mtu: 65_536,
      up: true,
      addresses: [{ local: "127.0.0.1", prefix: 8 }],
    });
    nics.forEach(({ mac, ip }, at) => {
      const addresses = ip === undefined ? [] : [{ local: ip, prefix: 24 }];
      this.#add(`eth${at}`, { mac, up: true, addresses });
    });
  }

  find(name: string | undefined): Link | undefined {
    return this.links.find((one) => one.name === name);
  }

  /** `ip …`; undefined: not one of those that are known. */
  ip(words: readonly string[]): Said | undefined {
    const options = words.filter((word) => /^-[a-z]/i.test(word));
    const rest = words.slice(words.findIndex((word) => !/^-[a-z]/i.test(word)));
    const [object = "", verb = "show", ...more] = rest;
    const json = options.some((word) => /^-j/.test(word));
    if ("link".startsWith(object)) return this.#link(verb, more, json, options.includes("-o"));
    if ("address".startsWith(object) || object === "addr") return this.#address(verb, more, json);
    if ("route".startsWith(object)) return this.#route(json);
    return undefined;
  }

  /** `bridge …` */
  bridge(words: readonly string[]): Said | undefined {
    const json = words.includes("-j");
    const [object = "", verb = "show", ...more] = words.filter((word) => !/^-[a-z]/.test(word));
    const option = (name: string): string | undefined => more[more.indexOf(name) + 1];
    const link = this.find(option("dev"));
    if (more.includes("dev") && !link) return said(`Cannot find device "${option("dev")}"\n`, 1);
    if (object === "fdb" && verb === "show") {
      const rows = (link ? [link] : this.links).flatMap((one) =>
        one.fdb.map((entry) => ({ ...entry, dev: one.name })),
      );
      if (json)
        return said(
          `${JSON.stringify(rows.map(({ mac, dst, dev }) => ({ mac, ...(link ? {} : { ifname: dev }), dst, flags: ["self"], state: "permanent" })))}\n`,
        );
      return said(
        rows
          .map(({ mac, dst, dev }) => `${mac}${link ? "" : ` dev ${dev}`} dst ${dst} self permanent\n`)
          .join(""),
      );
    }
    if (!link) return undefined;
    if (object === "fdb") return this.#fdb(link, verb, more[0] ?? "", option("dst") ?? "");
    if (object !== "link" || verb !== "set") return undefined;
    if (more.includes("hairpin")) link.hairpin = option("hairpin") === "on";
    if (more.includes("learning")) link.learning = option("learning") === "on";
    return said("");
  }

  #fdb(link: Link, verb: string, mac: string, dst: string): Said {
    const at = link.fdb.findIndex((one) => one.mac === mac && one.dst === dst);
    if (verb === "append" || verb === "add") {
      if (at >= 0) return said("RTNETLINK answers: File exists\n", 2);
      link.fdb.push({ mac, dst });
      return said("");
    }
    if (at < 0) return said("RTNETLINK answers: No such file or directory\n", 2);
    link.fdb.splice(at, 1);
    return said("");
  }

  #add(name: string, more: Partial<Link>): Link {
    const index = ++this.#last;
    const mac = `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`;
    const link: Link = {
      index,
      name,
      mtu: 1_500,
      mac,
      up: false,
      hairpin: false,
      learning: true,
      addresses: [],
      fdb: [],
      ...more,
    };
    this.links.push(link);
    return link;
  }

  #link(verb: string, words: string[], json: boolean, oneLine: boolean): Said | undefined {
    const option = (name: string): string | undefined =>
      words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
    if ("show".startsWith(verb) || verb === "list" || verb === "ls") {
      const plain = words.find(
        (word, at) =>
          !["dev", "master", "type", "up"].includes(word) &&
          !["master", "type"].includes(words[at - 1] ?? ""),
      );
      const name = option("dev") ?? plain;
      if (name !== undefined && !this.find(name)) return missing(name);
      const [master, kind] = [option("master"), option("type")];
      if (master !== undefined && !this.find(master)) return missing(master);
      const shown = this.links.filter(
        (one) =>
          (name === undefined || one.name === name) &&
          (master === undefined || one.master === master) &&
          (kind === undefined || one.kind === kind),
      );
      if (json) return said(`${JSON.stringify(shown.map((one) => this.#json(one, false)))}\n`);
      return said(shown.map((one) => this.#text(one, false, oneLine)).join(""));
    }
    const name = option("dev") ?? option("name") ?? words[0] ?? "";
    if (verb === "add") {
      if (this.find(name)) return said("RTNETLINK answers: File exists\n", 2);
      const kind = option("type");
      if (kind === "bridge") this.#add(name, { kind });
      else if (kind === "vxlan") {
        const local = option("local") ?? "";
        const [id, port] = [Number(option("id")), Number(option("dstport") ?? 8_472)];
        if (this.links.some((one) => one.vxlan?.id === id && one.vxlan.port === port))
          return said("RTNETLINK answers: File exists\n", 2);
        const remote = option("remote");
        const fdb = remote === undefined ? [] : [{ mac: EVERYTHING, dst: remote }];
        const overhead = local.includes(":") ? 70 : 50;
        const mtu = 1_500 - overhead;
        this.#add(name, { kind, mtu, fdb, vxlan: { id, port, local, df: option("df") === "set" } });
      } else return said(`Unknown device type.\nError: unknown type "${kind}"\n`, 255);
      return said("");
    }
    const link = this.find(name);
    if (!link) return said(`Cannot find device "${name}"\n`, 1);
    if (verb === "del" || verb === "delete") {
      this.links.splice(this.links.indexOf(link), 1);
      for (const one of this.links) if (one.master === name) delete one.master;
      return said("");
    }
    return verb === "set" ? this.#set(link, words) : undefined;
  }

  #set(link: Link, words: string[]): Said {
    const rest = words[0] === "dev" ? words.slice(2) : words.slice(1);
    while (rest.length > 0) {
      const word = rest.shift() ?? "";
      if (word === "up" || word === "down") link.up = word === "up";
      else if (word === "nomaster") delete link.master;
      else {
        const value = rest.shift() ?? "";
        if (word === "alias") link.alias = value;
        else if (word === "address") link.mac = value;
        else if (word === "mtu") link.mtu = Number(value);
        else if (word === "master") {
          if (!this.find(value)) return said(`Cannot find device "${value}"\n`, 1);
          link.master = value;
        } else return said(`Error: either "dev" is duplicate, or "${word}" is a garbage.\n`, 255);
      }
    }
    return said("");
  }

  #address(verb: string, words: string[], json: boolean): Said | undefined {
    const dev = words.includes("dev") ? words[words.indexOf("dev") + 1] : undefined;
    if ("show".startsWith(verb) || verb === "list") {
      const name = dev ?? words.find((word) => !["up", "scope", "global", "dev"].includes(word));
      if (name !== undefined && !this.find(name)) return missing(name);
      const shown = this.links.filter((one) => name === undefined || one.name === name);
      if (json) return said(`${JSON.stringify(shown.map((one) => this.#json(one, true)))}\n`);
      return said(shown.map((one) => this.#text(one, true, false)).join(""));
    }
    const link = this.find(dev);
    if (!link) return said(`Cannot find device "${dev}"\n`, 1);
    const [local = "", prefix = local.includes(":") ? "128" : "32"] = (words[0] ?? "").split("/");
    const at = link.addresses.findIndex((one) => one.local === local && one.prefix === Number(prefix));
    if (verb === "del" || verb === "delete") {
      if (at < 0) return said("RTNETLINK answers: Cannot assign requested address\n", 2);
      link.addresses.splice(at, 1);
    } else if (at < 0) link.addresses.push({ local, prefix: Number(prefix) });
    else if (verb === "add") return said("RTNETLINK answers: File exists\n", 2);
    return said("");
  }

  #route(json: boolean): Said {
    const dev = this.find("eth0");
    const own = dev?.addresses[0]?.local;
    if (!dev || own === undefined) return said(json ? "[]\n" : "");
    const gateway = own.replace(/\d+$/, "1");
    if (json) return said(`${JSON.stringify([{ dst: "default", gateway, dev: dev.name, flags: [] }])}\n`);
    return said(`default via ${gateway} dev ${dev.name} \n`);
  }

  #flags(one: Link): string[] {
    const base = one.name === "lo" ? ["LOOPBACK"] : ["BROADCAST", "MULTICAST"];
    return one.up ? [...base, "UP", "LOWER_UP"] : base;
  }

  #json(one: Link, addresses: boolean): object {
    const info = one.vxlan
      ? {
          info_kind: "vxlan",
          info_data: {
            id: one.vxlan.id,
            [one.vxlan.local.includes(":") ? "local6" : "local"]: one.vxlan.local,
            port: one.vxlan.port,
            ...(one.vxlan.df && { df: "set" }),
            learning: one.learning,
          },
        }
      : one.kind && { info_kind: one.kind, info_data: {} };
    const slave = one.master && {
      info_slave_kind: "bridge",
      info_slave_data: { hairpin: one.hairpin, learning: one.learning },
    };
    return {
      ifindex: one.index,
      ifname: one.name,
      flags: this.#flags(one),
      mtu: one.mtu,
      qdisc: "noqueue",
      ...(one.master !== undefined && { master: one.master }),
      operstate: one.up ? "UP" : "DOWN",
      group: "default",
      link_type: one.name === "lo" ? "loopback" : "ether",
      address: one.mac,
      broadcast: "ff:ff:ff:ff:ff:ff",
      ...(one.alias !== undefined && { ifalias: one.alias }),
      ...((info || slave) && { linkinfo: { ...info, ...slave } }),
      ...(addresses && {
        addr_info: one.addresses.map(({ local, prefix }) => ({
          family: local.includes(":") ? "inet6" : "inet",
          local,
          prefixlen: prefix,
          scope: one.name === "lo" ? "host" : "global",
          label: one.name,
        })),
      }),
    };
  }

  #text(one: Link, addresses: boolean, oneLine: boolean): string {
    const master = one.master === undefined ? "" : ` master ${one.master}`;
    const lines = [
      `${one.index}: ${one.name}: <${this.#flags(one).join(",")}> mtu ${one.mtu} qdisc noqueue${master} state ${one.up ? "UP" : "DOWN"} mode DEFAULT group default qlen 1000`,
      `    link/${one.name === "lo" ? "loopback" : "ether"} ${one.mac} brd ff:ff:ff:ff:ff:ff`,
    ];
    if (one.vxlan)
      lines.push(
        `    vxlan id ${one.vxlan.id} local ${one.vxlan.local} srcport 0 0 dstport ${one.vxlan.port} ttl auto ageing 300 udpcsum ${one.vxlan.df ? "df set " : ""}`,
      );
    if (one.alias !== undefined) lines.push(`    alias ${one.alias}`);
    for (const { local, prefix } of addresses ? one.addresses : [])
      lines.push(`    inet${local.includes(":") ? "6" : ""} ${local}/${prefix} scope global ${one.name}`);
    return `${lines.join(oneLine ? "\\" : "\n")}\n`;
  }
}
