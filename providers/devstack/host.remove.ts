import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { isAway } from "../ssh/machine-login";
import type { RootShell } from "../ssh/root-shell";
import { stackMarks, withoutBlocksOf } from "./blocks";
import { editText } from "./files";
import type { HostNote } from "./host.look";
import { EXIT, FORGET, HOST_NAME_BACK, REMOVE } from "./host.remote";
import { sharedFiles } from "./mesh.files";
import { ourNote, readNote } from "./note";
import { lookOnNode } from "./on-node";
import { HOST_NOTE } from "./places";
import { someOf, workBelow } from "./steps/work";
import type { HostState } from "./types";

/** A home of devstack's has many files. */
const REMOVE_DEADLINE_S = 600;

/** What we made goes, and nothing else; packages stay, because nobody knows who else uses them. */
export async function removeHost(state: HostState, run: Run<HostState>): Promise<void> {
  await whereItIs(state, run, (shell) => takeAway(shell, state, run));
}

/** A machine that is lost has nothing left to take away, and must not keep anybody from destroying the lab. */
export async function whereItIs(
  state: Pick<HostState, "name" | "login">,
  run: Run<never> | Run<HostState>,
  work: (shell: RootShell) => Promise<void>,
): Promise<void> {
  if (run.on?.address === undefined) {
    run.say(`"${state.name}" is nowhere to be found any more: nothing is removed there`, "warning");
    return;
  }
  try {
    await lookOnNode(state, run, work);
  } catch (error) {
    if (!isAway(error)) throw error;
    run.say(`"${state.name}" does not answer, and nothing is removed there: ${error.message}`, "warning");
  }
}

async function takeAway(shell: RootShell, state: HostState, run: Run<HostState>): Promise<void> {
  const note = ourNote(await readNote<HostNote>(shell, HOST_NOTE), run.mark);
  if (!note) return;
  await run.step("1/3 blocks", async () => {
    // Of a mesh that this node has left: it is none of the nodes that the mesh still knows.
    for (const { path } of sharedFiles(state))
      if (await hasFile(shell, path))
        await editText(shell, path, (text) => withoutBlocksOf(text, stackMarks(run.mark)), {
          ...(path.startsWith(`${state.home}/`) ? { mode: "600" } : {}),
        });
  });
  await run.step("2/3 user", async () => {
    const work = note.made.includes("home") ? await workBelow(shell, note) : [];
    const words = [note.user, note.home, `${note.uid}`, work.length > 0 ? "keep" : "", ...note.made];
    const { code, stdout, stderr } = await shell.exec(REMOVE, words, { deadlineS: REMOVE_DEADLINE_S });
    if (code === EXIT.mounted)
      throw new LabError(
        `"${state.name}": the home ${note.home} is not removed while something is mounted there: ${stdout.trim().split("\n").join(", ")}. Unmount it (umount), and repeat. The user "${note.user}" is left as it was.`,
      );
    if (code === 0 && stdout.trim() === "kept")
      run.say(
        `"${state.name}": ${note.home} and the user "${note.user}" stay, because ${
          work.length > 0
            ? `somebody's work is in clones there:\n${someOf(work)}`
            : `the clone ${note.home}/devstack is still there with files that are not ours`
        }`,
        "warning",
      );
    if (code !== 0)
      throw new LabError(
        `"${state.name}": the user "${note.user}" could not be removed: ${stderr.trim()}. End what runs as it there, and repeat.`,
      );
  });
  await run.step("3/3 host name", async () => {
    await shell.run("give the host name back", HOST_NAME_BACK, [note.hostName]);
    await shell.run("remove our note", FORGET);
  });
}

const hasFile = async (shell: RootShell, path: string): Promise<boolean> =>
  (await shell.exec('[ -e "$1" ]', [path])).code === 0;
