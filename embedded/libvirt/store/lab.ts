import { randomBytes, randomUUID } from "node:crypto";
import type { Journal } from "../../journal";
import { Events } from "../events";
import type { Invent } from "../xml/domain";
import { Domains } from "./domains";
import type { Guests } from "./guests";
import { Networks } from "./networks";
import { Pools } from "./pools";

export interface LabOptions {
  journal: Journal;
  /** Folder under which pools keep their files. */
  poolFolder: string;
  /** What runs inside the domains. */
  guests: Guests;
  now?: () => Date;
  log?: (line: string) => void;
}

/** Everything that the server knows: one per daemon, shared by all connections. */
export class Lab {
  readonly journal: Journal;
  readonly guests: Guests;
  readonly events = new Events();
  readonly networks: Networks;
  readonly pools: Pools;
  readonly domains: Domains;
  readonly log: (line: string) => void;
  private readonly clock: () => Date;

  constructor(options: LabOptions) {
    this.journal = options.journal;
    this.guests = options.guests;
    this.log = options.log ?? (() => {});
    this.clock = options.now ?? (() => new Date());
    this.networks = new Networks(this);
    this.pools = new Pools(this, options.poolFolder);
    this.domains = new Domains(this);
  }

  /** Start what ran when the last daemon ended, as a libvirtd finds its running guests again. */
  async resume(): Promise<void> {
    await this.domains.resume();
  }

  nowS(): number {
    return Math.floor(this.clock().getTime() / 1000);
  }

  get invent(): Invent {
    return {
      uuid: randomUUID,
      // QEMU's own prefix, as libvirt takes it.
      mac: () => `52:54:00:${randomBytes(3).toString("hex").match(/../g)?.join(":")}`,
    };
  }
}
