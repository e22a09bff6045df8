import { LabError } from "../../core/errors";
import type { Polled } from "../poll";
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

const LISTED = 10;

/** stack.sh came to its end here, now or earlier: what stands there may be in use. */
export const wasStacked = ({ stacked, run }: Polled): boolean =>
  stacked !== undefined || run?.usual !== undefined;

/**
 * unstack.sh with n-cpu destroys every instance of the node and removes the disks of them all, so it is not begun
 * while there are any. A stack.sh that never succeeded here has none of anybody's.
 */
export async function refuseWithInstances({ link, inputs }: Work, polled: Polled): Promise<void> {
  const goesOn = isLive(polled.run) && polled.run.state === "running" && polled.run.script === "unstack.sh";
  if (goesOn || !wasStacked(polled)) return;
  const { name, home } = inputs;
  const { stdout } = await link.repeat((shell) => shell.run("look for instances", LOOK, [home]));
  const found = stdout.split("\n").filter((line) => line !== "");
  if (found.length === 0) return;
  const listed = [
    ...found.slice(0, LISTED),
    ...(found.length > LISTED ? [`${found.length - LISTED} more`] : []),
  ].join(", ");
  throw new LabError(
    `"${name}": servers are on it (${listed}), and unstack.sh would destroy them with their disks (${home}/data/nova/instances). Delete them or migrate them away first (openstack server list --all-projects --long; openstack server delete <id>, openstack server migrate --live-migration <id>; those that no cloud knows any more: virsh undefine, and remove their folder), and repeat. Or take the edit back: as it is stacked, it stays, and another "generation" asks for a new stack.sh later. Nothing was taken back.`,
  );
}
