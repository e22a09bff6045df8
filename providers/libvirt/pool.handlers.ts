import type { ChangeTable, Definition, Mark, Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { adoption, libvirtName, object, text, uuid } from "../core/schema-parts";
import { ERROR, type LibvirtClient, type PoolRef } from "./client";
import { about, clientFor, unlessGone } from "./clients";
import { foreignMessage, isMarkedName, unmarkedNameMessage } from "./ownership";
import type { PoolInputs, PoolState } from "./pool";
import { hasCode } from "./rpc/errors";
import { find, textOf } from "./xml/element";
import { parseXml } from "./xml/parse";
import { readPoolPath, renderPool } from "./xml/pool";

export const poolChanges: ChangeTable<PoolInputs> = {
  name: { class: "recreate", reason: "libvirt cannot rename a pool" },
  uuid: { class: "recreate", reason: "the UUID is what libvirt knows a pool by" },
  backend: { class: "recreate", reason: "it moves to another hypervisor" },
  path: { class: "recreate", reason: "its volumes are the files of that folder" },
  adopt: { class: "live", reason: "only says what may be taken over" },
  onDestroy: { class: "live", reason: "only says what destroy will do" },
};

interface Found {
  ref: PoolRef;
  path: string | undefined;
  active: boolean;
}

const who = ({ name }: Pick<PoolInputs, "name">) => `storage pool "${name}"`;

/** By name alone: the name is the mark. */
async function seek(client: LibvirtClient, name: string): Promise<Found | undefined> {
  const named = await client.poolByName(name);
  if (!named) return undefined;
  const answers = await unlessGone(Promise.all([client.poolXml(named), client.poolInfo(named)]));
  if (!answers) return undefined;
  const root = parseXml(answers[0]);
  return {
    ref: { name, uuid: textOf(find(root, "uuid")) ?? named.uuid },
    path: readPoolPath(root),
    active: answers[1].active,
  };
}

const isOurs = (inputs: PoolInputs, mark: Mark) => isMarkedName(inputs.name, mark);

const stateOf = (inputs: PoolInputs, { ref, path, active }: Found, ours: boolean): PoolState =>
  pruned<PoolState>({
    ...inputs,
    uuid: ours ? ref.uuid : inputs.uuid,
    path: path ?? inputs.path,
    active,
    adopted: ours ? undefined : true,
  });

/** Why a pool of this name cannot be ours, or undefined. */
function refusal(inputs: PoolInputs, found: Found | undefined, mark: Mark): Problem | undefined {
  if (isOurs(inputs, mark)) return undefined;
  if (!found) return { field: "name", message: unmarkedNameMessage("pool", inputs.name, mark) };
  if (!inputs.adopt)
    return { field: "name", message: foreignMessage("storage pool", inputs.name, undefined) };
  if (found.path !== inputs.path)
    return {
      field: "path",
      message: `${who(inputs)} to adopt is the folder ${found.path}, not ${inputs.path}; write what it has`,
    };
  return undefined;
}

async function ensureDefined(client: LibvirtClient, inputs: PoolInputs, run: Run<PoolState>) {
  const found = await seek(client, inputs.name);
  const problem = refusal(inputs, found, run.mark);
  if (problem) throw new LabError(problem.message);
  if (found && (!isOurs(inputs, run.mark) || (found.path === inputs.path && found.ref.uuid === inputs.uuid)))
    return found.ref;
  if (found) {
    // Files stay where they are: only libvirt's view of the folder is replaced.
    run.say(`${who(inputs)} is made anew: its folder is ${found.path}, planned ${inputs.path}`);
    await client.poolDestroy(found.ref);
    await client.poolUndefine(found.ref);
  }
  return client.poolDefine(renderPool(inputs));
}

async function ensureActive(client: LibvirtClient, ref: PoolRef): Promise<void> {
  if ((await client.poolInfo(ref)).active) return;
  await client.poolStart(ref).catch((error: unknown) => {
    if (!hasCode(error, ERROR.operationInvalid)) throw error; // somebody was faster
  });
}

export const poolDefinition: Definition<PoolInputs, PoolState> = {
  kind: "libvirt:Pool",
  schema: object(
    { name: libvirtName, uuid, backend: text, path: { type: "string", pattern: "^/" }, ...adoption },
    ["name", "uuid", "backend", "path"],
  ),
  changes: poolChanges,
  expects: { active: { value: true, sentence: "the pool was stopped outside: it is started again" } },
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    const client = await clientFor(run);
    const found = await about(who(inputs), () => seek(client, inputs.name));
    const ours = isOurs(inputs, run.mark);
    return found && (ours || known?.adopted) ? stateOf(inputs, found, ours) : undefined;
  },

  async precheck(inputs, run) {
    const client = await clientFor(run);
    const problem = refusal(inputs, await about(who(inputs), () => seek(client, inputs.name)), run.mark);
    return problem ? [problem] : [];
  },

  async reconcile(inputs, _observed, run) {
    const client = await clientFor(run);
    const ours = isOurs(inputs, run.mark);
    return about(who(inputs), async () => {
      const ref = await run.step("1/4 define", () => ensureDefined(client, inputs, run));
      run.checkpoint(pruned<PoolState>({ ...inputs, active: false, adopted: ours ? undefined : true }));
      await run.step("2/4 make the folder", async () => {
        if (ours && !(await client.poolInfo(ref)).active) await client.poolBuild(ref);
      });
      await run.step("3/4 start", () => ensureActive(client, ref));
      await run.step("4/4 autostart", async () => {
        if (ours) await client.poolSetAutostart(ref, true);
      });
      return stateOf(inputs, { ref, path: inputs.path, active: true }, ours);
    });
  },

  async remove(state, run) {
    const client = await clientFor(run);
    await about(who(state), async () => {
      const found = await seek(client, state.name);
      if (!found) return;
      if (!isOurs(state, run.mark) && !(state.adopted && state.onDestroy === "delete")) return;
      const left = found.active ? await client.volumes(found.ref) : [];
      await run.step("1/3 stop", () => client.poolDestroy(found.ref));
      await run.step("2/3 remove the folder", async () => {
        if (left.length > 0)
          run.say(
            `${who(state)}: ${found.path} keeps ${left.length} files that we did not make: ${left
              .slice(0, 3)
              .map(({ name }) => name)
              .join(", ")}`,
            "warning",
          );
        else await client.poolDelete(found.ref).catch((error: unknown) => keptFolder(error, state, run));
      });
      await run.step("3/3 undefine", () => client.poolUndefine(found.ref));
    });
  },
};

/** A folder that holds more than volumes stays: what is in it is not ours. */
function keptFolder(error: unknown, state: PoolState, run: Run): void {
  if (!hasCode(error, ERROR.systemError)) throw error;
  run.say(`${who(state)}: the folder ${state.path} is kept: ${error.message}`, "warning");
}
