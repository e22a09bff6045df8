import { COMPUTE_ID } from "../places";
import type { Work } from "./follow";

/**
 * nova (2023.1 and later) gives each compute an id in a file of its own, and refuses to start on a host that it knows
 * when the file is gone. unstack.sh removes it with all of nova's state.
 */
const FILE = "f=$1/data/nova/compute_id";

/** `$1` devstack's `DEST`. One that is empty was never written to its end. */
const KEEP = [
  FILE,
  `[ -s "$f" ] || exit 0; t=${COMPUTE_ID}.part`,
  `cat "$f" > "$t" && chmod 644 "$t" && mv -f "$t" ${COMPUTE_ID}`,
].join("\n");

/** As devstack's user, who owns it. One that is there is newer. */
const PUT_BACK = [
  FILE,
  `[ -s ${COMPUTE_ID} ] && [ ! -s "$f" ] || exit 0`,
  `mkdir -p "$1/data/nova" && cat ${COMPUTE_ID} > "$f.part" && mv -f "$f.part" "$f"`,
].join("\n");

/** Before unstack.sh of a node that is stacked anew. */
export async function keepComputeId({ link, inputs }: Work): Promise<void> {
  await link.repeat((shell) => shell.run("keep nova's id of the compute", KEEP, [inputs.home]));
}

/** Before stack.sh, whichever run it was that unstacked. */
export async function putComputeIdBack({ link, inputs }: Work): Promise<void> {
  await link.repeat(() =>
    link.account(inputs).run("put nova's id of the compute back", PUT_BACK, [inputs.home]),
  );
}
