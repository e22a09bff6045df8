import type { Definition, Mark, Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { ERROR, type LibvirtClient, type NetworkRef, type Scope } from "./client";
import { about, clientFor } from "./clients";
import { type DhcpEdit, leaseEdits, rangeEdits } from "./dhcp-edits";
import type { NetworkInputs, NetworkState } from "./network";
import { networkChanges } from "./network.changes";
import { networkSchema } from "./network.schema";
import { type FoundNetwork, lookAt, outdated, seek, stateOf, who } from "./network-look";
import { foreignError, foreignMessage, ownership } from "./ownership";
import { hasCode } from "./rpc/errors";
import { render } from "./xml/element";
import { withMark } from "./xml/mark";
import { hostElement, type NetworkFacts, networkElement, rangeElement } from "./xml/network";
import { templateDigest } from "./xml/template";

const markFor = (mark: Mark, inputs: NetworkInputs) => ({
  ...mark,
  ...(inputs.template === undefined ? {} : { template: templateDigest(inputs.template) }),
});

/** Step 1: there is a network of ours with everything that cannot change later. */
async function ensureDefined(client: LibvirtClient, inputs: NetworkInputs, run: Run<NetworkState>) {
  const found = await seek(client, inputs);
  if (!found) return define(client, inputs, run.mark);
  const owner = ownership(found.mark, run.mark, inputs.adopt);
  if (owner === "foreign") throw foreignError("network", inputs.name, found.mark);
  const differences = outdated(inputs, found);
  if (owner === "adoptable" || found.mark?.adopted) {
    if (differences.length > 0) throw new LabError(adoptionMessage(inputs, differences));
    if (owner === "adoptable")
      await client.networkDefine(render(withMark(found.root, { ...run.mark, adopted: true })));
    return found.ref;
  }
  if (differences.length === 0) return found.ref;
  if (found.live.connections > 0)
    throw new LabError(
      `${who(inputs)} must be made anew (${differences.join("; ")}), but ${found.live.connections} running domains are plugged in. Run "pulumi up --refresh", which stops ours first; stop others yourself.`,
    );
  run.say(`${who(inputs)} is made anew: ${differences.join("; ")}`);
  await client.networkDestroy(found.ref);
  await client.networkUndefine(found.ref);
  return define(client, inputs, run.mark);
}

const define = (client: LibvirtClient, inputs: NetworkInputs, mark: Mark) =>
  client.networkDefine(render(withMark(networkElement(inputs), markFor(mark, inputs))));

const adoptionMessage = (inputs: NetworkInputs, differences: string[]): string =>
  `${who(inputs)} cannot be adopted as written: ${differences.join("; ")}. Write what it has; an adopted network is never made anew.`;

/** Step 2: it runs. */
async function ensureActive(client: LibvirtClient, ref: NetworkRef): Promise<void> {
  if (await client.networkIsActive(ref)) return;
  await client.networkStart(ref).catch((error: unknown) => {
    if (!hasCode(error, ERROR.operationInvalid)) throw error; // somebody was faster
  });
}

/** Step 3: ranges and reservations, in what runs and in what is kept, read back after a change. */
async function syncDhcp(
  client: LibvirtClient,
  ref: NetworkRef,
  inputs: NetworkInputs,
  observed: NetworkState | undefined,
): Promise<FoundNetwork> {
  const stale = new Set((observed?.leases ?? []).map(({ mac }) => mac));
  const editsFor = ({ ranges, hosts }: NetworkFacts) =>
    inputs.cidr === undefined
      ? []
      : [
          ...rangeEdits(ranges, inputs.dhcp, observed?.dhcp),
          ...leaseEdits(hosts, inputs.leases ?? [], stale),
        ];
  const before = await lookAgain(client, ref, inputs);
  const edits: [Scope, DhcpEdit][] = [
    ...editsFor(before.live).map((edit): [Scope, DhcpEdit] => ["live", edit]),
    ...editsFor(before.facts).map((edit): [Scope, DhcpEdit] => ["config", edit]),
  ];
  if (edits.length === 0) return before;
  for (const [scope, { command, section, entry }] of edits)
    await client.networkUpdate(
      ref,
      command,
      section,
      render("from" in entry ? rangeElement(entry) : hostElement(entry)),
      scope,
    );
  const after = await lookAgain(client, ref, inputs);
  const left = [...editsFor(after.facts), ...editsFor(after.live)];
  if (left.length > 0)
    throw new LabError(
      `${who(inputs)}: libvirt accepted the DHCP changes but does not show them: ${JSON.stringify(left[0])}. Another tool may be editing it; "pulumi up" resumes here.`,
    );
  return after;
}

async function lookAgain(
  client: LibvirtClient,
  ref: NetworkRef,
  inputs: NetworkInputs,
): Promise<FoundNetwork> {
  const found = await lookAt(client, ref);
  if (!found) throw new LabError(`${who(inputs)} vanished while it was set up; run "pulumi up" again`);
  return found;
}

export const networkDefinition: Definition<NetworkInputs, NetworkState> = {
  kind: "libvirt:Network",
  schema: networkSchema,
  changes: networkChanges,
  expects: { active: { value: true, sentence: "the network was stopped outside: it is started again" } },
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const found = await seek(client, inputs, known !== undefined);
      if (!found || ownership(found.mark, run.mark, false) !== "ours") return undefined;
      return stateOf(inputs, found, known);
    });
  },

  async precheck(inputs, run): Promise<Problem[]> {
    const client = await clientFor(run);
    const found = await about(who(inputs), () => seek(client, inputs));
    if (!found) return [];
    const owner = ownership(found.mark, run.mark, inputs.adopt);
    if (owner === "foreign")
      return [{ field: "name", message: foreignMessage("network", inputs.name, found.mark) }];
    const differences = owner === "adoptable" ? outdated(inputs, found) : [];
    return differences.length > 0 ? [{ field: "adopt", message: adoptionMessage(inputs, differences) }] : [];
  },

  async reconcile(inputs, observed, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const ref = await run.step("1/4 define", () => ensureDefined(client, inputs, run));
      run.checkpoint({ ...inputs, active: false });
      await run.step("2/4 start", () => ensureActive(client, ref));
      const found = await run.step("3/4 addresses", () => syncDhcp(client, ref, inputs, observed));
      await run.step("4/4 autostart", async () => {
        if (found.autostart !== inputs.autostart) await client.networkSetAutostart(ref, inputs.autostart);
      });
      return stateOf(inputs, { ...found, autostart: inputs.autostart }, undefined);
    });
  },

  async remove(state, run) {
    const client = await clientFor(run);
    await about(who(state), async () => {
      const found = await seek(client, state, true);
      if (!found) return;
      if (ownership(found.mark, run.mark, false) !== "ours") {
        run.say(`${who(state)} does not carry our mark any more: it is left alone`, "warning");
        return;
      }
      if (found.mark?.adopted && state.onDestroy !== "delete") {
        await run.step("1/1 release", () =>
          client.networkDefine(render(withMark(found.root, undefined))).then(() => {}),
        );
        return;
      }
      await run.step("1/2 stop", () => client.networkDestroy(found.ref));
      await run.step("2/2 undefine", () => client.networkUndefine(found.ref));
    });
  },
};
