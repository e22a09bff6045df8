import type { Run } from "../../providers/core/definition";
import type { EndpointInputs, EndpointState, PairResult } from "../../providers/overlay/types";
import type { LabNode, Nodes } from "../systems/nodes/start";
import { newTrace, type RunOptions, runOn, up } from "./libvirt-handlers.run";

// As the provider process loads them: the handlers load the SSH client by require(), and a class must be there once.
const { endpointDefinition } =
  require("../../providers/overlay/endpoint.handlers") as typeof import("../../providers/overlay/endpoint.handlers");
const { connectSsh } = require("../../providers/ssh/client") as typeof import("../../providers/ssh/client");
const { measurePairs } =
  require("../../providers/overlay/matrix") as typeof import("../../providers/overlay/matrix");

export const NAMES = ["node1", "node2", "node3"] as const;
export type Name = (typeof NAMES)[number];

export interface Shape {
  /** Name of the hub; none for a mesh. */
  hub?: Name;
  over?: "ipv4" | "ipv6";
  mtu?: number;
  names?: readonly Name[];
  bridge?: EndpointInputs["bridge"];
}

/** An overlay on real nodes, driven as the engine drives the handlers. */
export class Overlay {
  constructor(
    readonly nodes: Nodes,
    readonly shape: Shape = {},
  ) {}

  node(name: Name): LabNode {
    const node = this.nodes.nodes.find((one) => one.name === name);
    if (!node) throw new Error(`no ${name}`);
    return node;
  }

  underlay(name: Name): string {
    const { underlay, underlay6 } = this.node(name);
    return this.shape.over === "ipv6" ? underlay6 : underlay;
  }

  overlay = (name: Name): string => `172.24.4.1${NAMES.indexOf(name) + 1}`;

  get mtu(): number {
    return this.shape.mtu ?? (this.shape.over === "ipv6" ? 1430 : 1450);
  }

  inputs(name: Name, more: Partial<EndpointInputs> = {}): EndpointInputs {
    const { hub, names = NAMES, bridge = "linux" } = this.shape;
    const peers = names.filter((other) => other !== name && (!hub || name === hub || other === hub));
    const { identityFile } = this.node(name);
    return {
      name,
      backend: "b",
      login: { user: "root", identityFile },
      bridge,
      device: "br-infra",
      vni: 4011,
      port: 4789,
      mtu: this.mtu,
      local: this.underlay(name),
      address: `${this.overlay(name)}/23`,
      peers: Object.fromEntries(
        peers.map((peer) => [peer, { underlay: this.underlay(peer), overlay: this.overlay(peer) }]),
      ),
      ...(hub === name ? { forwards: true } : {}),
      ...more,
    };
  }

  run(name: Name, options: RunOptions = {}): Run<EndpointState> {
    return { ...runOn<EndpointState>({ kind: "embedded" }, { name, ...options }), on: this.node(name).on };
  }

  up(name: Name, more: Partial<EndpointInputs> = {}, options: RunOptions = {}): Promise<EndpointState> {
    return up(endpointDefinition, this.inputs(name, more), this.run(name, options));
  }

  upAll(more: Partial<EndpointInputs> = {}): Promise<EndpointState[]> {
    return Promise.all((this.shape.names ?? NAMES).map((name) => this.up(name, more)));
  }

  /** What a refresh finds. */
  look(state: EndpointInputs): Promise<EndpointState | undefined> {
    return endpointDefinition.observe(state, this.run(state.name as Name));
  }

  async precheck(
    name: Name,
    more: Partial<EndpointInputs> = {},
    options: RunOptions = {},
  ): Promise<string[]> {
    const problems = await endpointDefinition.precheck?.(this.inputs(name, more), this.run(name, options));
    return (problems ?? []).map(({ field, message }) => `${field}: ${message}`);
  }

  remove(name: Name, more: Partial<EndpointInputs> = {}, options: RunOptions = {}): Promise<void> {
    return endpointDefinition.remove({ ...this.inputs(name, more), active: true }, this.run(name, options));
  }

  async removeAll(): Promise<void> {
    await Promise.all(NAMES.map((name) => this.remove(name)));
  }

  sh(name: Name, text: string): Promise<string> {
    return this.nodes.inside(this.node(name), "sh", "-c", text);
  }

  /** Everything that an overlay is made of on a node: devices, addresses, peers, files; without clocks and chance. */
  async snapshot(name: Name): Promise<string> {
    const text = await this.sh(
      name,
      [
        "ip -d link | grep -v ' eth0@'; ip -br addr | grep -v eth0",
        "bridge fdb | grep '^00:00:00:00:00:00' | sort",
        "find /etc/labplan /etc/systemd/system -not -type d 2>/dev/null | sort | while read -r f; do ls -l $f | cut -d' ' -f1,3,4; echo $f; cat $f; done",
      ].join("; "),
    );
    return text
      .replaceAll(/^\d+: /gm, "")
      .replaceAll(/(lpvx\d+:[^\n]*\n +link\/ether) \S+/g, "$1")
      .replaceAll(/ \w+_timer +[\d.]+/g, "")
      .replaceAll(/ (topology_change\w*|config_pending) \d/g, "")
      .replaceAll(/ fe80\S+/g, "");
  }

  snapshots(): Promise<string[]> {
    return Promise.all(NAMES.map((name) => this.snapshot(name)));
  }

  measure(pairs?: [Name, Name][], mtu = this.mtu): Promise<PairResult[]> {
    const { names = NAMES } = this.shape;
    const all = names.flatMap((from) =>
      names.filter((to) => to !== from).map((to): [Name, Name] => [from, to]),
    );
    const nodes = Object.fromEntries(
      names.map((name) => [name, { overlay: this.overlay(name), connect: () => this.connect(name) }]),
    );
    return measurePairs(nodes, pairs ?? all, { mtu });
  }

  connect(name: Name) {
    const { on, identityFile } = this.node(name);
    const { address: host, sshPort: port, sshHostKey: hostKey } = on;
    return connectSsh({ host, port, hostKey, user: "root", identityFile, agent: false });
  }
}

export { endpointDefinition, measurePairs, newTrace };
