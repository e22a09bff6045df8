import { same } from "../core/change";
import type { Definition, Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { isAway, wayToPeer } from "../ssh/machine-login";
import type { RootShell } from "../ssh/root-shell";
import { blockMark, readBlock, withBlock, withoutBlock } from "./blocks";
import { editText, readText } from "./files";
import { who } from "./join.look";
import { blocksFor, type Met, type SharedFile, sharedFiles } from "./mesh.files";
import { meshChanges, meshSchema } from "./mesh.schema";
import { ASK_AGAIN, cannotLeave, serversIn } from "./occupied";
import { lookOnNode, onNode } from "./on-node";
import type { MeshInputs, MeshNode, MeshState } from "./types";
import { eachOf } from "./until";

const AT_ONCE = 8;

/** Every node knows every other by name, address and key. */
export const meshDefinition: Definition<MeshInputs, MeshState> = {
  kind: "devstack:Mesh",
  schema: meshSchema,
  changes: meshChanges,
  expects: {
    incomplete: { value: [], sentence: "a node has lost names or keys of the others: put back" },
  },
  id: ({ name }) => name,

  async observe(inputs, run) {
    const met = await meetAll(inputs, (name, node, work) =>
      lookOnNode({ name, login: node.login }, wayToPeer(run, name, node.backend), work),
    )(run, inputs);
    let seen = false;
    const incomplete: string[] = [];
    await eachOf(Object.entries(inputs.nodes), AT_ONCE, ([name, node]) =>
      lookOnNode({ name, login: node.login }, wayToPeer(run, name, node.backend), async (shell) => {
        const mark = blockMark(run.mark);
        for (const { file, lines } of blocksFor(name, met, inputs)) {
          const block = await blockIn(shell, file, mark);
          if (block !== undefined) seen = true;
          if (!same(block, lines) && !incomplete.includes(name)) incomplete.push(name);
        }
      }),
    );
    return seen ? { ...inputs, incomplete: incomplete.sort() } : undefined;
  },

  precheckEdit: leaving,
  reconcile,
  remove,
};

/**
 * The mesh is what loses a compute first, before its devstack:Join asks whether it may go: the engine deletes last, and
 * by then the others would have cut it off.
 */
async function leaving(inputs: MeshInputs, before: MeshInputs, run: Run<MeshState>): Promise<Problem[]> {
  const staying = new Set(Object.values(inputs.nodes).map(({ hostName }) => hostName));
  const leavers = Object.entries(before.nodes).filter(([, { hostName }]) => !staying.has(hostName));
  const controller = before.nodes[before.controller ?? inputs.controller ?? ""];
  if (leavers.length === 0 || !controller) return [];
  const { user, home } = before;
  const { backend, login } = controller;
  const answer = await serversIn({ who: `mesh "${inputs.name}"`, backend, login, user, home }, run);
  const names = leavers.map(([name]) => `"${name}"`).join(", ");
  if ("away" in answer) {
    run.say(`whether servers are on ${names}, which leaves, is not known: ${answer.away}`, "warning");
    return [];
  }
  if ("silent" in answer)
    return [
      {
        field: "nodes",
        message: `${names} cannot leave: nova cannot be asked whether servers are on it: ${answer.silent} ${ASK_AGAIN}. Nothing was changed.`,
      },
    ];
  return leavers.flatMap(([name, { hostName }]) => {
    const on = answer.servers.filter(({ host }) => host === hostName);
    return on.length === 0 ? [] : [{ field: "nodes", message: cannotLeave(who({ name, hostName }), on) }];
  });
}

type Visit = <T>(name: string, node: MeshNode, work: (shell: RootShell) => Promise<T>) => Promise<T>;

const PUBLIC = '[ ! -r "$1" ] || head -n 1 "$1"';

/** The public key of devstack's user on each node, and its host key as it is pinned. */
const meetAll =
  (inputs: MeshInputs, visit: Visit) =>
  async (run: Pick<Run, "peers">, { nodes, home }: MeshInputs): Promise<Record<string, Met>> => {
    const found = await eachOf(Object.entries(nodes), AT_ONCE, ([name, node]) =>
      visit(name, node, async (shell): Promise<[string, Met]> => {
        const { stdout } = await shell.run("read the public key", PUBLIC, [`${home}/.ssh/id_ed25519.pub`]);
        const { hostName, address } = node;
        const hostKey = run.peers?.[name]?.sshHostKey ?? "";
        return [name, { hostName, address, hostKey, publicKey: stdout.trim() }];
      }),
    );
    const keyless = found.filter(([, { publicKey }]) => !/^ssh-[a-z0-9-]+ AAAA/.test(publicKey));
    if (keyless.length > 0)
      throw new LabError(
        `mesh "${inputs.name}": ${keyless.map(([name]) => `"${name}"`).join(", ")} has no key of "${inputs.user}" in ${home}/.ssh/id_ed25519.pub. Its devstack:Host makes it.`,
      );
    return Object.fromEntries(found);
  };

const readShared = (shell: RootShell, { path, as }: SharedFile): Promise<string | undefined> =>
  readText(shell, path, as);

const blockIn = async (shell: RootShell, file: SharedFile, mark: string): Promise<string[] | undefined> =>
  readBlock((await readShared(shell, file)) ?? "", mark);

async function reconcile(
  inputs: MeshInputs,
  _observed: MeshState | undefined,
  run: Run<MeshState>,
): Promise<MeshState> {
  const mark = blockMark(run.mark);
  const count = Object.keys(inputs.nodes).length;
  const visit =
    (step: string): Visit =>
    (name, node, work) =>
      onNode({ name, login: node.login }, wayToPeer(run, name, node.backend), run, step, work);

  const met = await run.step("1/2 keys of all nodes", () =>
    meetAll(inputs, visit("1/2 keys of all nodes"))(run, inputs),
  );
  run.checkpoint({ incomplete: Object.keys(inputs.nodes).sort() });
  let done = 0;
  await run.step("2/2 names and keys", () =>
    eachOf(Object.entries(inputs.nodes), AT_ONCE, ([name, node]) =>
      visit("2/2 names and keys")(name, node, async (shell) => {
        for (const { file, lines } of blocksFor(name, met, inputs)) {
          if (file.path.includes("/.ssh/"))
            await shell.run("make the folder of keys", SSH_FOLDER, [file.path], { as: file.as });
          await editText(shell, file.path, (text) => withBlock(text, mark, lines), file);
        }
        done++;
        run.progress(`[2/2 names and keys] ${done} of ${count} nodes`);
      }),
    ),
  );
  return { ...inputs, incomplete: [] };
}

/** `$1` file in it. */
const SSH_FOLDER = 'd=$(dirname "$1"); [ -d "$d" ] || { umask 077; mkdir -p "$d" && chmod 700 "$d"; }';

/** A node that is gone already has nothing of ours left. */
async function remove(state: MeshState, run: Run<MeshState>): Promise<void> {
  const mark = blockMark(run.mark);
  await run.step("1/1 names and keys", () =>
    eachOf(Object.entries(state.nodes), AT_ONCE, async ([name, node]) => {
      const way = wayToPeer(run, name, node.backend);
      if (way.on?.address === undefined) return;
      try {
        await lookOnNode({ name, login: node.login }, way, async (shell) => {
          for (const { path, mode } of sharedFiles(state)) {
            const text = await readText(shell, path);
            if (text === undefined || readBlock(text, mark) === undefined) continue;
            if (withoutBlock(text, mark) === "" && path !== "/etc/hosts")
              await shell.run(`remove ${path}`, 'rm -f "$1"', [path]);
            else await editText(shell, path, (one) => withoutBlock(one, mark), { mode });
          }
        });
      } catch (error) {
        if (!isAway(error)) throw error;
        run.say(`"${name}" does not answer: its names and keys of the others stay there`, "warning");
      }
    }),
  );
}
