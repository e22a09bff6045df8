import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { PairResult } from "../overlay/types";
import type { SshConnection } from "../ssh/client";
import { logInForLook, type Way, wayToPeer } from "../ssh/machine-login";
import { RootShell } from "../ssh/root-shell";
import { pingServer } from "./checks/reach";
import type { Reach } from "./checks/servers";
import type { VerifyInputs } from "./types";

type NodesRun = Pick<Run, "on" | "peers" | "signal" | "backend" | "progress">;

/** Measures the pairs of a layout's overlay. */
export type Measure = (
  nodes: Nodes,
  inputs: VerifyInputs,
  run: NodesRun,
  title: string,
) => Promise<PairResult[]>;

/** The nodes of a layout, each logged in to when it is first needed. */
export class Nodes {
  readonly #inputs: VerifyInputs;
  readonly #run: NodesRun;
  readonly #open = new Map<string, Promise<SshConnection>>();

  constructor(inputs: VerifyInputs, run: NodesRun) {
    this.#inputs = inputs;
    this.#run = run;
  }

  /** By logical name. */
  connection(name: string): Promise<SshConnection> {
    const open = this.#open.get(name) ?? this.logIn(name);
    this.#open.set(name, open);
    return open;
  }

  login(name: string): string {
    return this.#inputs.nodes[name]?.login.user ?? "root";
  }

  readonly reach: Reach = async (host, to, signal) => {
    const name = Object.entries(this.#inputs.nodes).find(([, node]) => node.hostName === host)?.[0];
    if (name === undefined) return "it is no node of the layout, so nobody can log in there to ping it";
    return pingServer(new RootShell(await this.connection(name), this.login(name)), to, signal);
  };

  /** A connection of its own, which the caller closes. */
  async logIn(name: string): Promise<SshConnection> {
    const node = this.#inputs.nodes[name];
    if (!node) throw new LabError(`"${name}" is no node of the layout`);
    // The controller itself may be no peer of what lives on it.
    const way: Way = this.#run.peers?.[name] ? wayToPeer(this.#run, name) : this.#run;
    return logInForLook({ name, login: node.login }, way, `node "${name}"`);
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(
      open.map((connection) =>
        connection.then(
          (one) => one.close(),
          () => undefined,
        ),
      ),
    );
  }
}

/** By real pings between all of them, with packets of exactly the overlay's MTU. */
export const measureOverNodes: Measure = async (nodes, { mtu, pairs, nodes: planned }, run, title) => {
  if (mtu === undefined || pairs.length === 0) return [];
  const { measurePairs } = require("../overlay/matrix") as typeof import("../overlay/matrix");
  const ends = Object.entries(planned).flatMap(([name, { overlay }]) =>
    overlay === undefined
      ? []
      : [[name, { overlay: overlay.replace(/\/.*$/, ""), connect: () => nodes.logIn(name) }] as const],
  );
  return measurePairs(Object.fromEntries(ends), pairs, {
    mtu,
    signal: run.signal,
    onProgress: (done, total) => run.progress(`[${title}] ${done} of ${total}`),
  });
};
