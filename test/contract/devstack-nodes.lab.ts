import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeStandIn } from "../../embedded/devstack/repository";
import type { HostInputs, MeshInputs, NodeInputs, NodeLogin } from "../../providers/devstack/types";
import { type LabNode, type Nodes, startNodes } from "../systems/nodes/start";
import { newTrace, type RunOptions, runOn, type Trace } from "./libvirt-handlers.run";

const { hostDefinition } =
  require("../../providers/devstack/host.handlers") as typeof import("../../providers/devstack/host.handlers");
const { meshDefinition } =
  require("../../providers/devstack/mesh.handlers") as typeof import("../../providers/devstack/mesh.handlers");
const { nodeDefinition } =
  require("../../providers/devstack/node.handlers") as typeof import("../../providers/devstack/node.handlers");

export { hostDefinition, meshDefinition, nodeDefinition };

const BACKEND = { kind: "embedded" } as const;

export const CANARY = "canary-Zk4'w $x\"9";
export const SECRETS = { devstackPassword: CANARY };

export interface Options extends RunOptions {
  signal?: AbortSignal;
}

/** Nodes with real sshds, driven as the engine drives the handlers. */
export class Rack {
  private constructor(readonly system: Nodes) {}

  static async start(count: number): Promise<Rack> {
    const system = await startNodes(count);
    const rack = new Rack(system);
    const made = mkdtempSync(join(tmpdir(), "labplan-stand-in-"));
    await makeStandIn(made);
    chmodSync(made, 0o755);
    for (const node of system.nodes) {
      cpSync(made, node.path("/opt/git"), { recursive: true });
      // Its owner is another one than who clones it.
      writeFileSync(node.path("/etc/gitconfig"), "[safe]\n\tdirectory = *\n");
    }
    rmSync(made, { recursive: true });
    return rack;
  }

  get nodes(): LabNode[] {
    return this.system.nodes;
  }

  node(index = 0): LabNode {
    return this.nodes[index] as LabNode;
  }

  login(index = 0): NodeLogin {
    return { user: "root", identityFile: this.node(index).identityFile };
  }

  host(index = 0, more: Partial<HostInputs> = {}): HostInputs {
    return {
      ...{ name: this.node(index).name, backend: "b", login: this.login(index) },
      ...{ hostName: `hv${index + 1}`, user: "stack", uid: 1500, home: "/opt/stack", packages: [] },
      ...more,
    };
  }

  mesh(count: number, more: Partial<MeshInputs> = {}): MeshInputs {
    const nodes = this.nodes.slice(0, count).map((node, index) => [
      node.name,
      {
        ...{ backend: "b", login: this.login(index), hostName: `hv${index + 1}`, address: node.underlay },
      },
    ]);
    return { name: "lab", user: "stack", home: "/opt/stack", nodes: Object.fromEntries(nodes), ...more };
  }

  devstack(index = 0, more: Partial<NodeInputs> = {}): NodeInputs {
    const passwords = ["ADMIN", "DATABASE", "RABBIT", "SERVICE"]
      .map((one) => `${one}_PASSWORD='{{secret:devstackPassword}}'`)
      .join("\n");
    return {
      ...{ name: this.node(index).name, backend: "b", login: this.login(index) },
      // A controller's nova would be asked, and there is none.
      ...{ role: "compute", user: "stack", home: "/opt/stack" },
      ...{ repo: "/opt/git/openstack/devstack.git", branch: "stable/2026.1", patches: {}, extras: {} },
      localConf: `[[local|localrc]]\n${passwords}\nHOST_IP=${this.node(index).underlay}\nLOGFILE=/opt/stack/logs/stack.sh.log\n`,
      secrets: { devstackPassword: { secret: "devstackPassword" } },
      ...{ generation: 1, checks: ["test -e /opt/stack/status/stack/stack.running || test -d /opt/stack"] },
      ...{ timeoutS: 60, silenceS: 30 },
      ...more,
    } as NodeInputs;
  }

  run<S>(index: number, options: Options = {}) {
    const trace: Trace = options.trace ?? newTrace();
    const run = runOn<S>(BACKEND, { secrets: SECRETS, name: this.node(index).name, ...options, trace });
    const peers = Object.fromEntries(this.nodes.map(({ name, on }) => [name, on]));
    return {
      ...run,
      on: this.node(index).on,
      peers,
      trace,
      ...(options.signal ? { signal: options.signal } : {}),
    };
  }

  /** Run a shell text there as root. */
  sh(text: string, index = 0): Promise<string> {
    return this.system.inside(this.node(index), "sh", "-c", text);
  }

  read(path: string, index = 0): string {
    try {
      return readFileSync(join(this.node(index).path("/"), path), "utf8");
    } catch {
      return "";
    }
  }

  fault(text: string, index = 0): Promise<string> {
    return this.sh(
      `mkdir -p /opt/stack/stand-in && printf '%s\\n' '${text}' > /opt/stack/stand-in/fault && chown -R stack /opt/stack/stand-in`,
      index,
    );
  }

  /** Runs of devstack's scripts: `stack begin`, `stack done`, … */
  runs(index = 0): string[] {
    return this.read("/opt/stack/stand-in/runs", index)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(" ").slice(0, 2).join(" "));
  }

  stop(): Promise<void> {
    return this.system.stop();
  }
}
