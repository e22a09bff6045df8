import type { Run } from "../../core/definition";
import { LabError } from "../../core/errors";
import { withHook } from "../hook";
import { fillLocalConf } from "../local-conf/fill";
import type { UserShell } from "../on-node";
import { cloneOf, RUN } from "../places";
import type { NodeInputs } from "../types";

const EXIT = { foreign: 62, saved: 63 } as const;

/**
 * `$1` folder, `$2` bytes; the text on standard input. The digest of what we put there is noted before it is there: a
 * file that has another one was edited, and is kept beside it. One that we never wrote is left alone.
 */
const PUT = [
  `umask 077; cd "$1" && n=${RUN}/local.conf.sha256 t=.labplan-part f=local.conf || exit 1`,
  'rm -f "$t"; cat > "$t" && chmod 600 "$t" && [ "$(wc -c < "$t")" -eq "$2" ] || { rm -f "$t"; exit 1; }',
  'sum() { sha256sum < "$1" | cut -c 1-64; }',
  'if cmp -s "$t" "$f" && [ ! -e localrc ]; then rm -f "$t"; chmod 600 "$f"; sum "$f" > "$n"; exit; fi',
  `if [ -e "$f" ] && [ ! -e "$n" ]; then rm -f "$t"; exit ${EXIT.foreign}; fi`,
  'code=0; if [ -e "$f" ] && ! grep -qx "$(sum "$f")" "$n"; then cp -p "$f" local.conf.edited; code=63; fi',
  // Old and new: either is ours, wherever a run is stopped.
  '{ sum "$t"; [ ! -e "$f" ] || [ $code != 0 ] || sum "$f"; } > "$n.part" && mv -f "$n.part" "$n" && mv -f "$t" "$f" && sum "$f" > "$n" || exit 1',
  // A file of that name would be read in its place: devstack writes one when it misses a password.
  "if [ -e localrc ]; then mv -f localrc localrc.labplan-aside && echo aside; fi",
  "exit $code",
].join("\n");

/** As devstack's user, `$1` folder: `none`, `ours` or `edited`. */
const LOOK = [
  'f=$1/local.conf; [ -e "$f" ] || { echo none; exit; }',
  `if grep -qx "$(sha256sum < "$f" | cut -c 1-64)" ${RUN}/local.conf.sha256 2>/dev/null; then echo ours; else echo edited; fi`,
].join("\n");

export async function lookAtLocalConf(
  account: UserShell,
  inputs: Pick<NodeInputs, "home">,
): Promise<"none" | "ours" | "edited"> {
  const { stdout } = await account.run("look at local.conf", LOOK, [cloneOf(inputs)]);
  return stdout.trim() as "none" | "ours" | "edited";
}

/** The secrets of a node by the name that stands in the text. */
export function secretsOf(
  { secrets }: Pick<NodeInputs, "secrets">,
  run: Pick<Run, "secret">,
): Map<string, string> {
  return new Map(Object.entries(secrets).map(([name, ref]) => [name, run.secret(ref)]));
}

/** local.conf with its secrets, to a file that only devstack's user can read. */
export async function ensureLocalConf(
  account: UserShell,
  inputs: NodeInputs,
  run: Pick<Run, "secret" | "say">,
): Promise<void> {
  const secrets = secretsOf(inputs, run);
  const text = fillLocalConf(withHook(inputs.localConf), (name) => {
    const value = secrets.get(name);
    if (value === undefined)
      throw new LabError(
        `"${inputs.name}": local.conf names the secret "${name}", and nobody said where it is`,
      );
    return value;
  });
  const stdin = Buffer.from(text);
  const { code, stdout } = await account.run("write local.conf", PUT, [cloneOf(inputs), `${stdin.length}`], {
    stdin,
    codes: Object.values(EXIT),
  });
  const path = `${cloneOf(inputs)}/local.conf`;
  if (code === EXIT.foreign)
    throw new LabError(
      `"${inputs.name}": ${path} is there, labplan did not write it, and it is left alone. Move it away, and put what you need of it into "localConf".`,
    );
  if (stdout.trim() === "aside")
    run.say(
      `"${inputs.name}": ${cloneOf(inputs)}/localrc would be read instead of local.conf; it is moved aside, to localrc.labplan-aside`,
      "warning",
    );
  if (code === EXIT.saved)
    run.say(
      `"${inputs.name}": ${path} was edited there; ours is put back, and the edited one is kept as local.conf.edited`,
      "warning",
    );
}
