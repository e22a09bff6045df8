import type { Run } from "../../core/definition";
import { LabError } from "../../core/errors";
import type { RootShell } from "../../ssh/root-shell";
import { linesOf } from "../lines";
import { ASK_AGAIN, listed, namesOf, serversIn } from "../occupied";
import type { Polled } from "../poll";
import type { NodeInputs } from "../types";
import { isLive } from "./decide";
import type { Work } from "./follow";

/**
 * `$1` devstack's `DEST`: instances of nova's on this node, one a line. libvirt knows them by `instance-…`; where it
 * does not answer, the folders of their disks do.
 */
const LOOK = [
  "export LC_ALL=C",
  "if command -v virsh >/dev/null 2>&1; then timeout 30 virsh -c qemu:///system list --all --name </dev/null 2>/dev/null | sed -n 's/^\\(instance-[0-9a-f]*\\) *$/\\1/p'; fi",
  'ls -1 "$1/data/nova/instances" 2>/dev/null | grep -E "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(_resize)?$" || :',
].join("\n");

/** stack.sh came to its end here, now or earlier: what stands there may be in use. */
export const wasStacked = ({ stacked, run }: Polled): boolean =>
  stacked !== undefined || run?.usual !== undefined;

export type AskRun = Pick<Run, "on" | "signal" | "backend" | "progress" | "say">;

/** A removal goes on where nova does not answer: the computes, which leave before, were asked as well. */
export type Trouble = "refuse" | "tell";

/** Why a node may not be unstacked: servers that would be lost by it. */
export async function whyNot(
  shell: RootShell,
  inputs: NodeInputs,
  run: AskRun,
  polled: Polled,
  trouble: Trouble = "refuse",
): Promise<string | undefined> {
  const goesOn = isLive(polled.run) && polled.run.state === "running" && polled.run.script === "unstack.sh";
  if (goesOn || !wasStacked(polled)) return undefined;
  // What was unstacked once has no databases to ask about, and was asked before.
  const inCloud = polled.stacked === undefined ? undefined : await ofCloud(inputs, run, trouble);
  return inCloud ?? ofNode(shell, inputs);
}

/** Not begun while there is one. */
export async function refuseWithServers(
  { link, inputs, run }: Work,
  polled: Polled,
  trouble?: Trouble,
): Promise<void> {
  const why = await link.repeat((shell) => whyNot(shell, inputs, run, polled, trouble));
  if (why !== undefined) throw new LabError(why);
}

/**
 * stack.sh of a controller makes nova's databases anew (`recreate_database` in devstack's lib/nova and lib/keystone):
 * computes would have instances that no cloud knows any more.
 */
async function ofCloud(inputs: NodeInputs, run: AskRun, trouble: Trouble): Promise<string | undefined> {
  const { name, role, backend, login, user, home } = inputs;
  if (role !== "controller") return undefined;
  const answer = await serversIn({ who: `"${name}"`, backend, login, user, home }, run);
  const who = `"${name}" drops the databases of its cloud when it is stacked anew or removed`;
  if (!("servers" in answer)) {
    const why = "silent" in answer ? answer.silent : answer.away;
    if (trouble === "refuse")
      return `${who}, and nova cannot be asked whether servers are in it: ${why} ${ASK_AGAIN}. Or take the edit back: as it is stacked, it stays. Nothing was changed.`;
    run.say(`"${name}": nova cannot be asked whether servers are in its cloud: ${why}`, "warning");
    return undefined;
  }
  const { servers } = answer;
  if (servers.length === 0) return undefined;
  return `${who}, and ${servers.length === 1 ? "a server is" : `${servers.length} servers are`} in it: ${namesOf(servers, { hosts: true })}. Nova would forget them, and they would stay on their computes without a cloud. Delete them first (openstack server delete <id>; "openstack server image create" and "openstack image save" keep what is on one), and repeat. Or take the edit back: as it is stacked, it stays. Nothing was changed.`;
}

/** unstack.sh with n-cpu destroys every instance of the node and removes the disks of them all. */
export async function ofNode(
  shell: RootShell,
  { name, home }: Pick<NodeInputs, "name" | "home">,
): Promise<string | undefined> {
  const { stdout } = await shell.run("look for instances", LOOK, [home]);
  const found = linesOf(stdout);
  if (found.length === 0) return undefined;
  return `"${name}": servers are on it (${listed(found)}), and unstack.sh would destroy them with their disks (${home}/data/nova/instances). Delete them or migrate them away first (openstack server list --all-projects --long; openstack server delete <id>, openstack server migrate --live-migration <id>; those that no cloud knows any more: virsh undefine, and remove their folder), and repeat. Or take the edit back: as it is stacked, it stays, and another "generation" asks for a new stack.sh later. Nothing was taken back.`;
}
