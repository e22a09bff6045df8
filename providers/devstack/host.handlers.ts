import type { Definition, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { isAway } from "../ssh/machine-login";
import type { RootShell } from "../ssh/root-shell";
import { blockMark } from "./blocks";
import { type HostFound, type HostNote, hostState, lookAtHost } from "./host.look";
import { EXIT, HOST_NAME, INSTALL, KEY, MISSING, USER } from "./host.remote";
import { removeHost } from "./host.remove";
import { hostChanges, hostSchema } from "./host.schema";
import { linesOf } from "./lines";
import { claimedNote, foreignNote, ourNote, writeNote } from "./note";
import { lookOnNode, onNode, UserShell } from "./on-node";
import { HOST_NOTE } from "./places";
import { ofNode } from "./steps/servers";
import type { HostInputs, HostState } from "./types";

const INSTALL_DEADLINE_S = 1_800;

/** What a node needs before devstack comes: a name, the user that it runs as, that user's own key, packages. */
export const hostDefinition: Definition<HostInputs, HostState> = {
  kind: "devstack:Host",
  schema: hostSchema,
  changes: hostChanges,
  expects: {
    intact: {
      value: true,
      sentence: "the user, its home, sudo, its key or its line in /etc/hosts is not as it must be: put right",
    },
  },
  id: ({ name }) => name,

  observe: (inputs, run) =>
    lookOnNode(inputs, run, async (shell) => {
      const found = await lookAtHost(shell, inputs);
      if (!ourNote(found.note, run.mark)) return undefined;
      return hostState(inputs, found, await missingPackages(shell, inputs));
    }),

  async precheck(inputs, run) {
    try {
      return await lookOnNode(inputs, run, async (shell) => {
        const found = await lookAtHost(shell, inputs);
        const foreign = foreignNote(found.note, run.mark, inputs.name, HOST_NOTE);
        if (foreign !== undefined) return [{ field: "name", message: foreign }];
        const message = userProblem(inputs, found);
        return message === undefined ? [] : [{ field: "user", message }];
      });
    } catch (error) {
      if (!isAway(error)) throw error;
      run.say(`"${inputs.name}" is not checked: ${error.message}`);
      return [];
    }
  },

  /** devstack goes with its user and that user's home. */
  async precheckEdit(inputs, before, run) {
    if (inputs.user === before.user && inputs.uid === before.uid && inputs.home === before.home) return [];
    try {
      const message = await lookOnNode(inputs, run, (shell) => ofNode(shell, before));
      return message === undefined ? [] : [{ field: "user", message }];
    } catch (error) {
      if (!isAway(error)) throw error;
      run.say(`"${inputs.name}" is not looked at for servers that would be lost: ${error.message}`);
      return [];
    }
  },

  reconcile,
  remove: removeHost,
};

/** Why the user that is there is not the one that devstack can run as. */
function userProblem(
  { name, user, uid, home }: HostInputs,
  { user: found, uidOwner }: Pick<HostFound, "user" | "uidOwner">,
): string | undefined {
  if (found === undefined)
    return uidOwner === undefined
      ? undefined
      : `"${name}": uid ${uid} is that of the user "${uidOwner}" there, and "${user}" must have it on every node. Choose another "uid:" for all nodes.`;
  if (found.uid !== uid)
    return `"${name}": the user "${user}" is there with uid ${found.uid}, and on every node it must have uid ${uid}: live migration compares numbers. Say "uid: ${found.uid}" for all nodes, take another user name, or remove that user there.`;
  if (found.home !== home)
    return `"${name}": the user "${user}" is there with its home in ${found.home}, not in ${home}. Say so, take another user name, or remove that user there.`;
  return undefined;
}

async function missingPackages(shell: RootShell, { packages }: HostInputs): Promise<string[]> {
  if (packages.length === 0) return [];
  const { code, stdout } = await shell.run("ask which packages there are", MISSING, packages, {
    codes: [EXIT.noTool],
  });
  return code === EXIT.noTool ? [...packages] : linesOf(stdout);
}

async function reconcile(
  inputs: HostInputs,
  _observed: HostState | undefined,
  run: Run<HostState>,
): Promise<HostState> {
  const { name, user, uid, home, hostName } = inputs;
  return onNode(inputs, run, run, "1/4 host name", async (shell) => {
    const note = await claimedNote<HostNote>(shell, HOST_NOTE, run.mark, name);
    const found = await lookAtHost(shell, inputs);
    const problem = userProblem(inputs, found);
    if (problem !== undefined) throw new LabError(problem);
    // Noted before it is made: a run that is stopped leaves nothing of which nobody knows whose it is.
    const made = new Set(note?.made ?? []);
    if (found.user === undefined) made.add("user");
    if (found.home === "none") made.add("home");
    if (!found.hasKey) made.add("key");
    await writeNote(shell, HOST_NOTE, {
      ...{ mark: blockMark(run.mark), machine: name, user, home, uid, made: [...made].sort() },
      hostName: note?.hostName ?? found.hostName,
    } as HostNote);

    await run.step("1/4 host name", () => shell.run("set the host name", HOST_NAME, [hostName]));
    run.checkpoint({ intact: false, publicKey: "" });
    await run.step("2/4 user", async () => {
      const result = await shell.exec(USER, [user, `${uid}`, home, made.has("user") ? "made" : ""]);
      const message = userMessage(inputs, result.code, result.stdout.trim());
      if (message !== undefined) throw new LabError(message);
      if (result.code !== 0)
        throw new LabError(`"${name}": the user "${user}" could not be made: ${result.stderr.trim()}`);
    });
    const publicKey = await run.step("3/4 key", async () => {
      const account = new UserShell(shell, inputs);
      const result = await account.run(`make a key for "${user}"`, KEY, [`${user}@${hostName}`], {
        codes: [EXIT.noTool],
      });
      if (result.code === EXIT.noTool)
        throw new LabError(`"${name}": there is no ssh-keygen. Install OpenSSH's client there.`);
      return result.stdout.trim();
    });
    await run.step("4/4 packages", () => install(shell, inputs, run));
    return { ...inputs, publicKey, intact: true };
  });
}

async function install(
  shell: RootShell,
  inputs: HostInputs,
  run: Pick<Run, "progress" | "signal">,
): Promise<void> {
  const missing = await missingPackages(shell, inputs);
  if (missing.length === 0) return;
  run.progress(`[4/4 packages] ${missing.join(", ")}`);
  const what = `install ${missing.join(", ")}`;
  const { code } = await shell.run(what, INSTALL, missing, {
    ...{ deadlineS: INSTALL_DEADLINE_S, signal: run.signal, codes: [EXIT.noTool] },
  });
  if (code === EXIT.noTool)
    throw new LabError(
      `"${inputs.name}": there is neither apt-get nor dnf, so nothing can be installed. Put ${missing.join(", ")} into its image, or leave "packages" empty.`,
    );
}

function userMessage(inputs: HostInputs, code: number | null, said: string): string | undefined {
  const { name, user, uid, home } = inputs;
  switch (code) {
    case EXIT.uidTaken:
      return userProblem(inputs, { uidOwner: said });
    case EXIT.otherUid:
    case EXIT.otherHome:
      return userProblem(inputs, {
        user: {
          name: user,
          uid: code === EXIT.otherUid ? Number(said) : uid,
          home: code === EXIT.otherHome ? said : home,
        },
      });
    case EXIT.noTool:
      return `"${name}": there is no useradd. Install it (Debian: passwd, RHEL: shadow-utils).`;
    case EXIT.sudoers:
      return `"${name}": visudo does not take the rule for "${user}", so sudo is left as it is.`;
    default:
      return undefined;
  }
}
