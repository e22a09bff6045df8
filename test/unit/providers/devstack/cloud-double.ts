import { CloudApi, type Rest, type RestService } from "../../../../providers/devstack/api";
import { patient } from "../../../../providers/devstack/until";
import type { Clock } from "../../../../providers/ssh/clock";

/** Time that passes when somebody waits for it. */
export class Hurry implements Clock {
  ms = 0;
  now(): number {
    return this.ms;
  }
  timer(ms: number, action: () => void): () => void {
    let isOff = false;
    setImmediate(() => {
      if (isOff) return;
      this.ms += ms;
      action();
    });
    return () => {
      isOff = true;
    };
  }
}

export const hurried = (clock = new Hurry()) => patient({ clock, settleS: 20, goneS: 10 });

export class HttpFault extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface ServerThere {
  id: string;
  name: string;
  status: string;
  metadata: Record<string, string>;
  "OS-EXT-SRV-ATTR:host": string;
  addresses: Record<string, { addr: string; version: number }[]>;
  fault?: { message: string };
}

/** As much of nova, glance and neutron as test servers need, at the calls of the REST client. */
export class CloudDouble implements Rest {
  readonly calls: string[] = [];
  readonly servers: ServerThere[] = [];
  readonly groups: { id: string; name: string; description: string }[] = [];
  /** What becomes of a server that is booted on a host. @default ACTIVE at the second look */
  readonly fates = new Map<string, "ERROR" | "BUILD" | "refused" | "sticky">();
  /** What is answered to a call, instead of the answer: `POST /servers`. */
  readonly faults = new Map<string, number>();
  most = 0;
  #last = 0;

  readonly api = new CloudApi(this);

  async get<T>(service: RestService, path: string): Promise<T> {
    return this.#answer("GET", service, path) as T;
  }
  async list<T>(service: RestService, path: string, key: string): Promise<T[]> {
    return (this.#answer("GET", service, path) as Record<string, T[]>)[key] ?? [];
  }
  async post<T>(service: RestService, path: string, body: object): Promise<T> {
    return this.#answer("POST", service, path, body) as T;
  }
  async put<T>(service: RestService, path: string, body: object): Promise<T> {
    return this.#answer("PUT", service, path, body) as T;
  }
  async remove(service: RestService, path: string): Promise<unknown> {
    return this.#answer("DELETE", service, path);
  }

  #answer(method: string, _service: RestService, path: string, body?: object): unknown {
    const call = `${method} ${path.replace(/\?.*$/, "")}`;
    this.calls.push(call);
    const status = this.faults.get(call);
    if (status !== undefined) throw new HttpFault(status, `${call}: ${status}`);
    const id = path.split("/").at(-1);
    if (call === "GET /images")
      return { images: [{ id: "i1", name: "cirros-0.6.2", status: "active", created_at: "2024" }] };
    if (call === "GET /flavors/detail")
      return { flavors: [{ id: "42", name: "m1.nano", vcpus: 1, ram: 192, disk: 1 }] };
    if (call === "GET /networks")
      return { networks: [{ id: "n1", name: "private", subnets: ["s1"], "router:external": false }] };
    if (call === "GET /security-groups") return { security_groups: this.groups };
    if (call === "POST /security-groups") {
      const { security_group: made } = body as {
        security_group: { name: string; description: string };
      };
      this.groups.push({ id: `g${++this.#last}`, ...made });
      return { security_group: this.groups.at(-1) };
    }
    if (call === "POST /security-group-rules") return {};
    if (call.startsWith("DELETE /security-groups/"))
      return void this.groups.splice(
        this.groups.findIndex((one) => one.id === id),
        1,
      );
    if (call === "GET /servers/detail") return { servers: [...this.servers] };
    if (call === "POST /servers") return this.#boot((body as { server: Wanted }).server);
    const at = this.servers.findIndex((one) => one.id === id);
    const server = this.servers[at];
    if (!server) throw new HttpFault(404, `${call}: there is no such server`);
    if (method === "GET") return { server: this.#grow(server) };
    if (this.fates.get(server["OS-EXT-SRV-ATTR:host"]) === "sticky") return undefined;
    this.servers.splice(at, 1);
    return undefined;
  }

  #boot({ name, host, metadata }: Wanted): unknown {
    if (this.fates.get(host) === "refused") throw new HttpFault(403, "Quota exceeded for instances");
    const id = `s${++this.#last}`;
    const addresses = { private: [{ addr: `10.0.0.${this.#last}`, version: 4 }] };
    this.servers.push({
      ...{ id, name, metadata, addresses },
      status: "BUILD",
      "OS-EXT-SRV-ATTR:host": host,
    });
    this.most = Math.max(this.most, this.servers.length);
    return { server: { id } };
  }

  #grow(server: ServerThere): ServerThere {
    const before = { ...server };
    const fate = this.fates.get(server["OS-EXT-SRV-ATTR:host"]);
    if (server.status === "BUILD" && fate !== "BUILD") {
      server.status = fate === "ERROR" ? "ERROR" : "ACTIVE";
      if (fate === "ERROR") server.fault = { message: "No valid host was found." };
    }
    return before;
  }
}

interface Wanted {
  name: string;
  host: string;
  metadata: Record<string, string>;
}
