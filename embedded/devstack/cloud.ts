import { createHash, randomUUID } from "node:crypto";

/** What can be wrong with a cloud: `<what>:<host>`, or `service-down:<binary>@<host>`. */
export const TROUBLES = [
  "hypervisor-down",
  "service-down",
  "unmapped",
  "server-error",
  "server-stuck",
  "server-unreachable",
  "no-register",
] as const;

export interface Service {
  id: string;
  number: number;
  binary: string;
  host: string;
  cell: string;
  enabled: boolean;
  disabledReason: string | null;
  forcedDown: boolean;
  /** Its process runs, and reports. */
  running: boolean;
  updated: Date;
}

export interface Hypervisor {
  id: string;
  number: number;
  host: string;
  address: string;
  /** Which node it is, as `resolve` has it. */
  node: string;
  cell: string;
  mapped: boolean;
}

export interface Server {
  id: string;
  name: string;
  host: string | null;
  image: string;
  flavor: string;
  network: string | undefined;
  address: string;
  metadata: Record<string, string>;
  keyName: string | null;
  groups: string[];
  created: Date;
  /** How it ends, once `readyAt` has come. */
  outcome: "ACTIVE" | "ERROR" | "BUILD";
  readyAt: number;
  message: string;
}

export interface CloudOptions {
  /** In its URLs. */
  name: string;
  /** As its nodes call it. */
  serviceHost: string;
  host: string;
  region: string;
  adminPassword: string;
  cells: number;
  bootMs: number;
  now: () => Date;
}

/** A name-based UUID: the same things have the same ids in each run. */
export const idOf = (...words: string[]): string => {
  const hash = createHash("sha256").update(words.join("\n")).digest("hex");
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
};

export const FLAVORS = [
  { id: "42", name: "m1.nano", ram: 192, disk: 1, vcpus: 1 },
  { id: "1", name: "m1.tiny", ram: 512, disk: 1, vcpus: 1 },
  { id: "c1", name: "cirros256", ram: 256, disk: 1, vcpus: 1 },
  { id: "2", name: "m1.small", ram: 2048, disk: 20, vcpus: 1 },
] as const;

/** The control plane of one controller, as far as it is asked for. */
export class Cloud {
  readonly services: Service[] = [];
  readonly hypervisors: Hypervisor[] = [];
  readonly servers: Server[] = [];
  readonly groups: { id: string; name: string; description: string; rules: Record<string, unknown>[] }[] = [];
  readonly floatingIps: Record<string, unknown>[] = [];
  /** By name. */
  readonly cells = new Map<string, string>();
  readonly trouble = new Set<string>();
  readonly tokens = new Set<string>();
  adminPassword: string;
  private last = 0;

  constructor(readonly options: CloudOptions) {
    this.adminPassword = options.adminPassword;
    this.cells.set("cell0", "00000000-0000-0000-0000-000000000000");
    this.setCells(options.cells);
    this.groups.push({
      id: this.id("group", "default"),
      name: "default",
      description: "Default security group",
      rules: [],
    });
  }

  get name(): string {
    return this.options.name;
  }

  get projectId(): string {
    return this.id("project", "admin").replaceAll("-", "");
  }

  get networks(): { id: string; name: string; external: boolean; subnet: string; cidr: string }[] {
    return ["public", "private"].map((name) => ({
      id: this.id("network", name),
      name,
      external: name === "public",
      subnet: this.id("subnet", name),
      cidr: name === "public" ? "172.24.4.0/24" : "10.0.0.0/26",
    }));
  }

  get images(): { id: string; name: string }[] {
    return [{ id: this.id("image", "cirros"), name: "cirros-0.6.3-x86_64-disk" }];
  }

  id(...words: string[]): string {
    return idOf(this.name, ...words);
  }

  setCells(count: number): void {
    for (let at = 1; at <= count; at++)
      if (!this.cells.has(`cell${at}`)) this.cells.set(`cell${at}`, this.id("cell", `${at}`));
  }

  has(trouble: string): boolean {
    return this.trouble.has(trouble);
  }

  /** A service reports for the first time, or again. */
  report(binary: string, host: string, cell: string, address: string, node = address): void {
    const there = this.services.find(
      (one) => one.binary === binary && one.host === host && one.cell === cell,
    );
    if (there) Object.assign(there, { running: true, updated: this.options.now() });
    else {
      this.services.push({
        id: this.id("service", binary, host, cell),
        number: ++this.last,
        binary,
        host,
        cell,
        enabled: true,
        disabledReason: null,
        forcedDown: false,
        running: true,
        updated: this.options.now(),
      });
    }
    if (binary !== "nova-compute" || this.hypervisors.some((one) => one.host === host)) return;
    const id = this.id("hypervisor", host);
    this.hypervisors.push({ id, number: ++this.last, host, address, node, cell, mapped: false });
  }

  stopped(binary: string, host: string): void {
    for (const one of this.services)
      if (one.binary === binary && one.host === host)
        Object.assign(one, { running: false, updated: this.options.now() });
  }

  isUp(service: Service): boolean {
    if (service.forcedDown || this.has(`service-down:${service.binary}@${service.host}`)) return false;
    if (service.binary === "nova-compute" && this.has(`hypervisor-down:${service.host}`)) return false;
    return service.running;
  }

  computeOf(host: string): Service | undefined {
    return this.services.find((one) => one.binary === "nova-compute" && one.host === host);
  }

  /** The new computes that it finds get their cell. */
  discover(): Hypervisor[] {
    const fresh = this.hypervisors.filter((one) => !one.mapped && !this.has(`unmapped:${one.host}`));
    for (const one of fresh) one.mapped = true;
    return fresh;
  }

  /** As nova: with the service go the record of the hypervisor, its mapping and its resource provider. */
  removeService(service: Service): void {
    this.services.splice(this.services.indexOf(service), 1);
    if (service.binary !== "nova-compute") return;
    const at = this.hypervisors.findIndex((one) => one.host === service.host);
    if (at >= 0) this.hypervisors.splice(at, 1);
  }

  statusOf(server: Server): "BUILD" | "ACTIVE" | "ERROR" {
    return this.options.now().getTime() < server.readyAt ? "BUILD" : server.outcome;
  }

  serversOn(host: string): Server[] {
    return this.servers.filter((one) => one.host === host);
  }

  boot(asked: {
    name: string;
    host: string | undefined;
    image: string;
    flavor: string;
    network: string | undefined;
    metadata: Record<string, string>;
    keyName: string | null;
    groups: string[];
  }): Server {
    const usable = this.hypervisors.filter((one) => {
      const service = this.computeOf(one.host);
      return one.mapped && service?.enabled && this.isUp(service);
    });
    const host =
      asked.host === undefined ? usable[0]?.host : usable.find((one) => one.host === asked.host)?.host;
    const number = this.servers.length + 1;
    let outcome: Server["outcome"] = host === undefined ? "ERROR" : "ACTIVE";
    let message = host === undefined ? "No valid host was found. There are not enough hosts available." : "";
    if (host !== undefined && this.has(`server-error:${host}`)) {
      outcome = "ERROR";
      message =
        "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures.";
    }
    if (host !== undefined && this.has(`server-stuck:${host}`)) outcome = "BUILD";
    const { bootMs, now } = this.options;
    const server: Server = {
      ...asked,
      id: randomUUID(),
      host: host ?? null,
      address: `10.0.0.${10 + (number % 50)}`,
      created: now(),
      outcome,
      readyAt: now().getTime() + bootMs,
      message,
    };
    this.servers.push(server);
    return server;
  }
}
