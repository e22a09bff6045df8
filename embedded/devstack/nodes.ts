import { randomBytes } from "node:crypto";
import type { Faults } from "../faults";
import type { Cloud } from "./cloud";
import { type Said, SandboxLinks, said } from "./sandbox-links";
import { type IsCut, type Neighbour, ping, type Way, wayTo } from "./sandbox-reach";

/** A machine that came up. */
export interface Booted {
  uuid: string;
  name: string;
  nics: readonly { mac: string; ip?: string }[];
  /** Where it really answers. */
  address: string | undefined;
}

interface Node extends Neighbour {
  uuid: string;
  token: string;
}

/**
 * The running sandboxes as nodes of a network: who is asking is known by the token in the URL that only that sandbox
 * has, and `ip`, `bridge` and `ping` inside are answered here, of what was set up before. Nothing of the host is
 * looked at or changed.
 */
export class Nodes {
  readonly #nodes = new Map<string, Node>();

  constructor(
    private readonly options: {
      clouds: () => Map<string, Cloud>;
      /** Faults named `overlay:<from>><to>`. */
      faults?: Pick<Faults, "next">;
    },
  ) {}

  /** The path under which it asks. Its network begins anew, as at every boot. */
  attach({ uuid, name, nics, address }: Booted): string {
    const token = randomBytes(16).toString("hex");
    const ips = nics.flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
    const addresses = [...ips, ...(address === undefined ? [] : [address])];
    const shown = nics.map((nic, at) =>
      at === 0 && nic.ip === undefined && address ? { ...nic, ip: address } : nic,
    );
    this.#nodes.set(uuid, { uuid, token, name, addresses, links: new SandboxLinks(shown) });
    return `/machine/${token}`;
  }

  detach(uuid: string): void {
    this.#nodes.delete(uuid);
  }

  /** Which node an address means to a caller: its name in URLs. An address that nobody has stays what it is. */
  resolve(address: string, caller: string | undefined): string {
    const from = this.#by(caller);
    const to = from && this.#way(from, address)?.to;
    const node = [...this.#nodes.values()].find((one) => one === to);
    return node ? nameOf(node) : address;
  }

  /** A program that a sandbox runs. Undefined: nobody with that token, or no such program. */
  run(caller: string, program: string, words: readonly string[]): Said | undefined {
    const node = this.#by(caller);
    if (!node) return undefined;
    if (program === "ping") return ping(words, (address) => this.#way(node, address));
    if (program === "bridge") return node.links.bridge(words) ?? unknown("bridge", words);
    if (program !== "ip") return undefined;
    const [object, verb, space = "", ...command] = words;
    if (object === "netns" && verb === "exec") return this.#inNamespace(node, space, command);
    return node.links.ip(words) ?? unknown("ip", words);
  }

  /** The metadata agent's name space of a network: servers of this hypervisor are reached from there. */
  #inNamespace(node: Node, space: string, [program, ...words]: string[]): Said {
    const network = /^ovnmeta-(.+)$/.exec(space)?.[1];
    if (network === undefined || program !== "ping")
      return said(`Cannot open network namespace "${space}": No such file or directory\n`, 1);
    const servers = [...this.options.clouds().values()].flatMap((cloud) =>
      cloud.servers.filter((one) => {
        const on = cloud.hypervisors.find(({ host }) => host === one.host);
        const isHere = on?.node === nameOf(node) && !cloud.has(`server-unreachable:${on.host}`);
        return isHere && one.network === network && cloud.statusOf(one) === "ACTIVE";
      }),
    );
    return ping(words, (address) => (servers.some((one) => one.address === address) ? true : undefined));
  }

  #way(from: Node, address: string): Way | undefined {
    const isCut: IsCut = (one, other) =>
      this.options.faults?.next(`overlay:${one.name}>${other.name}`) !== undefined;
    return wayTo(from, address, [...this.#nodes.values()], isCut);
  }

  #by(token: string | undefined): Node | undefined {
    return [...this.#nodes.values()].find((one) => one.token === token);
  }
}

/** Different for machines of one name, of two hypervisors. */
const nameOf = ({ name, uuid }: Node): string => `${name.replace(/[^\w.-]/g, "-")}-${uuid.slice(0, 8)}`;

const unknown = (program: string, words: readonly string[]): Said =>
  said(`${program}: the sandbox does not know "${program} ${words.join(" ")}"\n`, 1);
