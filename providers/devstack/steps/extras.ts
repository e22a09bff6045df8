import { LabError } from "../../core/errors";
import type { RootShell } from "../../ssh/root-shell";
import { writeText } from "../files";
import { HOOK_TEXT, PUT_HOOK } from "../hook";
import type { UserShell } from "../on-node";
import { cloneOf, RUNNER } from "../places";
import { FOLDERS, RUNNER_TEXT } from "../runner";
import type { NodeInputs } from "../types";

const EXIT = { foreign: 62 } as const;

/** `$1` folder, `$2` name; the file on standard input. One of devstack's own is left alone. */
const PUT = [
  'cd "$1" && mkdir -p extras.d .git/labplan && touch .git/labplan/extras || exit 1',
  't=extras.d/.labplan-part; cat > "$t" || exit 1',
  'if [ -e "extras.d/$2" ] && ! grep -qxF "$2" .git/labplan/extras && ! cmp -s "$t" "extras.d/$2"; then',
  `  rm -f "$t"; exit ${EXIT.foreign}; fi`,
  // Noted first: what lies there after a run that was stopped is ours.
  'grep -qxF "$2" .git/labplan/extras || [ -e "extras.d/$2" ] || printf "%s\\n" "$2" >> .git/labplan/extras',
  'if cmp -s "$t" "extras.d/$2"; then rm -f "$t"; else mv -f "$t" "extras.d/$2"; fi',
].join("\n");

/** `$1` folder, then names that are wanted: others of ours go. */
const SWEEP = [
  'cd "$1" || exit 1; shift; [ -e .git/labplan/extras ] || exit 0; : > .git/labplan/extras.part',
  "while IFS= read -r name; do keep=; for want; do",
  '  [ "$want" != "$name" ] || keep=yes; done',
  '  if [ -n "$keep" ]; then printf "%s\\n" "$name" >> .git/labplan/extras.part; else rm -f "extras.d/$name"; fi',
  "done < .git/labplan/extras; mv -f .git/labplan/extras.part .git/labplan/extras",
].join("\n");

/** The user's files of `extras.d`, our plugin that tells the phases, and the runner. */
export async function ensureExtras(shell: RootShell, account: UserShell, inputs: NodeInputs): Promise<void> {
  const folder = cloneOf(inputs);
  await shell.run("make our folders", FOLDERS, [inputs.user]);
  await writeText(shell, RUNNER, RUNNER_TEXT, { mode: "755" });
  await account.run("put our plugin there", PUT_HOOK, [inputs.home], { stdin: HOOK_TEXT });
  const wanted = Object.entries(inputs.extras).sort(([a], [b]) => (a < b ? -1 : 1));
  await account.run("sweep extras.d", SWEEP, [folder, ...wanted.map(([name]) => name)]);
  for (const [name, text] of wanted) {
    const { code } = await account.run(`put extras.d/${name} there`, PUT, [folder, name], {
      stdin: text,
      codes: [EXIT.foreign],
    });
    if (code === EXIT.foreign)
      throw new LabError(
        `"${inputs.name}": extras.d/${name} is devstack's own, and is left alone. Give yours another name, or make a patch of it.`,
      );
  }
}
