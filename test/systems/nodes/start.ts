import { execFileSync } from "node:child_process";
import { accessSync, constants, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { OnMachine } from "../../../providers/core/definition";
import { ownFolder, sweep } from "../namespaces";
import { sudoAvailable } from "../ssh/machine";
import { makeKey } from "../ssh/start";
import { Node, UNSHARE } from "./node";
import { startRack } from "./rack";

/** A machine with network, disks, processes and host name of its own, and a real sshd. */
export interface LabNode {
  /** `node1` …, also its host name. */
  name: string;
  /** How it is reached from here. */
  on: Required<Pick<OnMachine, "address" | "sshPort" | "sshHostKey">>;
  /** Private key that root lets in. */
  identityFile: string;
  /** Addresses among the nodes, which exist nowhere else: `10.99.0.11` …, `fd99::11` … */
  underlay: string;
  underlay6: string;
  /** Path, as seen from here, of a path inside; another one after a reboot. */
  path(inside: string): string;
  /** What its sshd said. */
  log(): string;
}

export interface Nodes {
  nodes: LabNode[];
  /** Run a command there as root. */
  inside(node: LabNode, ...argv: string[]): Promise<string>;
  /** Packets between the two are dropped from now on, both ways. */
  cut(a: LabNode, b: LabNode): Promise<void>;
  mend(a: LabNode, b: LabNode): Promise<void>;
  /** Everything that is not on a disk is gone; what is enabled in systemd is started. */
  reboot(node: LabNode): Promise<void>;
  stop(): Promise<void>;
}

const PREFIX = "labplan-nodes-";
const SUDO = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "labplan", "ssh", "sudo");
const TOOLS = ["sshd", "ip", "bridge", "ping", "unshare", "nsenter", "setpriv", "ssh-keygen"];

/** Undefined when such nodes can be started here, else the reason why not. */
export function available(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux";
  for (const tool of TOOLS)
    if (!isInstalled(tool)) return `${tool} is not installed; test/systems/nodes/install.sh gets it`;
  if (process.getuid?.() !== 0) return "needs root, for network, mount and pid namespaces";
  const trial = [
    "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w",
    "mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc",
    "ip link add name b0 type bridge && ip link add name v0 type vxlan id 1 dstport 4789 && ip link add x0 type veth peer name y0",
  ];
  try {
    execFileSync("unshare", [...UNSHARE, "sh", "-c", trial.join(" && ")], { stdio: "pipe" });
  } catch (error) {
    const said = `${(error as { stderr?: Buffer }).stderr ?? ""}`.trim().split("\n").at(-1);
    return `no networks or disks in namespaces of their own here (${said})`;
  }
  return undefined;
}

function isInstalled(tool: string): boolean {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Nodes on one underlay network, which is in a namespace of its own. They end with this process. */
export async function startNodes(count: number, options: { mtu?: number } = {}): Promise<Nodes> {
  sweep(PREFIX);
  const { mtu = 1500 } = options;
  const folder = ownFolder(PREFIX);
  const identityFile = join(folder, "id_ed25519");
  await makeKey(identityFile, "ed25519");
  const nodes: Node[] = [];
  const rack = await startRack(mtu);
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await rack.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  const find = (one: LabNode): Node => {
    const node = nodes.find(({ name }) => name === one.name);
    if (!node) throw new Error(`no node "${one.name}"`);
    return node;
  };
  const routes = async (verb: "add" | "del", a: LabNode, b: LabNode) => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      for (const address of [`${to.underlay}/32`, `${to.underlay6}/128`])
        await find(from).inside("ip", "route", verb, "blackhole", address);
  };
  try {
    for (let index = 1; index <= count; index++) {
      const name = `node${index}`;
      const disks = join(folder, name);
      mkdirSync(join(disks, "keys"), { recursive: true });
      for (const file of ["id_ed25519.pub"]) copyFileSync(join(folder, file), join(disks, "keys", file));
      copyFileSync(join(__dirname, "systemctl.sh"), join(disks, "keys", "systemctl.sh"));
      const hostKey = await makeKey(join(disks, "keys", "host_key"), "ed25519");
      const sudo = sudoAvailable() === undefined ? SUDO : "";
      nodes.push(new Node({ name, index, disks, sudo, identityFile, hostKey, rack, mtu }));
    }
    const started = await Promise.allSettled(nodes.map((node) => node.start()));
    const failed = started.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    nodes,
    inside: (node, ...argv) => find(node).inside(...argv),
    cut: (a, b) => routes("add", a, b),
    mend: (a, b) => routes("del", a, b),
    reboot: (node) => find(node).reboot(),
    stop,
  };
}
