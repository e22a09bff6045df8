import type { ChangeTable, Definition, Mark, Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { ERROR, type LibvirtClient, type NetworkRef, type Scope } from "./client";
import { about, clientFor, unlessGone } from "./clients";
import { type DhcpEdit, leaseEdits, rangeEdits, reportedLeases } from "./dhcp-edits";
import type { NetworkInputs, NetworkState } from "./network";
import { networkSchema } from "./network.schema";
import { foreignError, foreignMessage, ownership } from "./ownership";
import { pruned, reported } from "./reported";
import { hasCode } from "./rpc/errors";
import { find, render, textOf, type XmlElement } from "./xml/element";
import { type FoundMark, readMark, withMark } from "./xml/mark";
import { hostElement, type NetworkFacts, networkElement, rangeElement, readNetwork } from "./xml/network";
import { parseXml } from "./xml/parse";
import { templateDigest } from "./xml/template";

const FIXED = "libvirt cannot change it in a network that exists (error 84)";

export const networkChanges: ChangeTable<NetworkInputs> = {
  name: { class: "recreate", reason: "libvirt cannot rename a network" },
  uuid: { class: "recreate", reason: "the UUID is what libvirt knows a network by" },
  backend: { class: "recreate", reason: "it moves to another hypervisor" },
  mode: { class: "recreate", reason: FIXED },
  bridge: { class: "recreate", reason: FIXED },
  cidr: { class: "recreate", reason: FIXED },
  gateway: { class: "recreate", reason: FIXED },
  dhcp: { class: "live", reason: "the DHCP server is told of the new range" },
  leases: { class: "live", reason: "the DHCP server is told of each reservation" },
  domain: { class: "recreate", reason: FIXED },
  mtu: { class: "recreate", reason: FIXED },
  forwardDevice: { class: "recreate", reason: FIXED },
  ipv6: { class: "recreate", reason: FIXED },
  autostart: { class: "live", reason: "a flag at the hypervisor" },
  template: { class: "recreate", reason: "a template can change anything" },
  adopt: { class: "live", reason: "only says what may be taken over" },
  onDestroy: { class: "live", reason: "only says what destroy will do" },
};

/** Facts that only a new network can change. */
const RECREATED = ["mode", "bridge", "cidr", "gateway", "domain", "mtu", "forwardDevice", "ipv6"] as const;
/** Of an adopted network, what the planner chose for us says nothing: the network is named, not designed. */
const NOT_ADOPTED: readonly string[] = ["bridge", "gateway"];

interface Found {
  ref: NetworkRef;
  /** The persistent definition. */
  root: XmlElement;
  facts: NetworkFacts;
  /** What runs; the same as `facts` when nothing does. */
  live: NetworkFacts;
  active: boolean;
  autostart: boolean;
  mark: FoundMark | undefined;
}

const who = (inputs: Pick<NetworkInputs, "name">) => `network "${inputs.name}"`;

async function look(client: LibvirtClient, ref: NetworkRef): Promise<Found | undefined> {
  const answers = await unlessGone(
    Promise.all([
      client.networkXml(ref, { inactive: true }),
      client.networkXml(ref),
      client.networkIsActive(ref),
      // A transient network has no autostart to tell.
      client.networkAutostart(ref).catch((error: unknown) => {
        if (hasCode(error, ERROR.operationInvalid)) return false;
        throw error;
      }),
    ]),
  );
  if (!answers) return undefined;
  const [persistentXml, liveXml, active, autostart] = answers;
  const root = parseXml(persistentXml);
  return {
    ref: { name: textOf(find(root, "name")) ?? ref.name, uuid: textOf(find(root, "uuid")) ?? ref.uuid },
    root,
    facts: readNetwork(root),
    live: readNetwork(parseXml(liveXml)),
    active,
    autostart,
    mark: readMark(root),
  };
}

/**
 * The network of the planned UUID, or else of the planned name. `expected` saves a round trip where the state says
 * that there is one.
 */
async function seek(
  client: LibvirtClient,
  inputs: NetworkInputs,
  expected = false,
): Promise<Found | undefined> {
  const { name, uuid } = inputs;
  const byUuid = expected && !inputs.adopt ? { name, uuid } : await client.networkByUuid(uuid);
  const found = byUuid && (await look(client, byUuid));
  if (found) return found;
  const byName = await client.networkByName(name);
  return byName && look(client, byName);
}

function stateOf(inputs: NetworkInputs, found: Found, known: NetworkState | undefined): NetworkState {
  const wanted = readNetwork(networkElement(inputs));
  const { facts, live, active, mark } = found;
  const adopted = mark?.adopted ?? false;
  const field = <K extends (typeof RECREATED)[number]>(key: K) =>
    adopted && NOT_ADOPTED.includes(key)
      ? inputs[key]
      : reported(inputs[key], wanted[key], facts[key] as NetworkInputs[K]);
  const leases = inputs.leases ?? known?.leases;
  const ourLeases = [...(inputs.leases ?? []), ...(known?.leases ?? [])];
  const leasesIn = ({ hosts }: NetworkFacts) => reportedLeases(hosts, ourLeases);
  const wantedRange = inputs.dhcp ?? known?.dhcp;
  const rangeIn = ({ ranges }: NetworkFacts) =>
    ranges.find(({ from, to }) => from === wantedRange?.from && to === wantedRange.to) ?? ranges[0];
  return pruned<NetworkState>({
    ...inputs,
    name: found.ref.name,
    uuid: adopted ? inputs.uuid : found.ref.uuid,
    mode: field("mode") ?? inputs.mode,
    bridge: field("bridge") ?? "",
    cidr: field("cidr"),
    gateway: field("gateway"),
    domain: field("domain"),
    mtu: field("mtu"),
    forwardDevice: field("forwardDevice"),
    ipv6: field("ipv6"),
    dhcp: reported(wantedRange, wantedRange, rangeIn(facts), rangeIn(live)),
    leases: reported(leases, reportedLeases(leases ?? [], ourLeases), leasesIn(facts), leasesIn(live)),
    autostart: found.autostart,
    active,
    adopted: adopted || undefined,
  });
}

/** What differs and only a new network could change; empty where the network is as planned. */
function outdated(inputs: NetworkInputs, found: Found): string[] {
  const wanted = readNetwork(networkElement(inputs));
  const adopted = found.mark?.adopted ?? true;
  const fields = RECREATED.filter(
    (key) =>
      wanted[key] !== undefined &&
      !(adopted && NOT_ADOPTED.includes(key)) &&
      JSON.stringify(wanted[key]) !== JSON.stringify(found.facts[key]),
  ).map((key) => `${key} is ${show(found.facts[key])}, planned ${show(wanted[key])}`);
  const digest = inputs.template === undefined ? undefined : templateDigest(inputs.template);
  if (!adopted && digest !== found.mark?.template) fields.push("its template is another");
  if (found.ref.name !== inputs.name) fields.push(`its name is "${found.ref.name}"`);
  return fields;
}

const show = (value: unknown): string => (value === undefined ? "not set" : JSON.stringify(value));

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
): Promise<Found> {
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

async function lookAgain(client: LibvirtClient, ref: NetworkRef, inputs: NetworkInputs): Promise<Found> {
  const found = await look(client, ref);
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
