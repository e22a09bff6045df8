import fc from "fast-check";
import { expect, test } from "vitest";
import type {
  LabConfig,
  MachineConfig,
  NetworkConfig,
  PortForward,
  VpnUserConfig,
} from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import type { LabPlan, Lock } from "../../../../stacks/plan/types";
import { inputsOf, lab, planned } from "./lab";

/**
 * The promise of the planner, on generated labs: adding, removing, reordering and renaming things changes no fact of
 * another thing. Things have an identity here that their names do not, so that a renamed one can be followed.
 */

interface Thing {
  identity: number;
  name: string;
  formerly?: string;
}
interface Net extends Thing {
  shape: number;
}
interface Machine extends Thing {
  /** Identities of networks. */
  cards: number[];
  onBridge: boolean;
  /** On VirtualBox, where machines need ports of the host, and some forward one of their own. */
  onDesk: boolean;
  /** A host of a FOG server, that is there and gets an image. */
  onMetal: boolean;
}
interface Model {
  networks: Net[];
  machines: Machine[];
  users: Thing[];
  next: number;
}

/** Addresses of our own, given ones, with and without DHCP, and the host's. */
const SHAPES = 6;
function networkConfig({ identity, shape, formerly }: Net): NetworkConfig {
  const cidr = `10.${10 + (identity % 200)}.0.0/24`;
  const range = { from: cidr.replace("0.0/24", "0.9"), to: cidr.replace("0.0/24", "0.99") };
  const shapes: Partial<NetworkConfig>[] = [
    {},
    { cidr },
    { cidr, dhcp: range },
    { cidr, mode: "isolated" },
    { mode: "isolated", dhcp: true },
    { bridge: "br0" },
  ];
  return { backend: "rack", ...shapes[shape % SHAPES], ...(formerly === undefined ? {} : { formerly }) };
}

const forwardsOf = (identity: number): PortForward[] =>
  identity % 3 === 0 ? [{ protocol: "tcp", hostPort: 3000 + identity, guestPort: 80 }] : [];

const hostConfig = (identity: number): MachineConfig => ({
  backend: "metal",
  image: "c7",
  allow: ["wipe"],
  address: `192.0.2.${identity % 250}`,
  power: { kind: "ipmi", host: `bmc${identity}.example` },
});

function configOf(model: Model, turned: boolean): LabConfig {
  const turn = <T>(list: T[]): T[] => (turned ? [...list].reverse() : list);
  const nameOf = new Map(model.networks.map(({ identity, name }) => [identity, name]));
  const machines = turn(model.machines).map(
    ({ identity, name, formerly, cards, onBridge, onDesk, onMetal }): [string, MachineConfig] => {
      const renamed = formerly === undefined ? {} : { formerly };
      if (onMetal) return [name, { ...hostConfig(identity), ...renamed }];
      const config: MachineConfig = {
        backend: onDesk ? "desk" : "rack",
        disks: [{ sizeBytes: 2 ** 30, image: "rocky9" }],
        networks: turn([
          ...(onDesk ? [{ type: "nat" as const, forwards: forwardsOf(identity) }] : []),
          ...(onDesk ? [] : cards).flatMap((card) =>
            nameOf.has(card) ? [{ network: nameOf.get(card) ?? "" }] : [],
          ),
          ...(onBridge ? [{ bridge: "br7" }] : []),
        ]),
        ...renamed,
      };
      return [name, config];
    },
  );
  const users = turn(model.users).map(({ name, formerly }): [string, VpnUserConfig] => [
    name,
    { sn: "X", name: `uid-${name}`, ...(formerly === undefined ? {} : { formerly }) },
  ]);
  return lab({
    backends: {
      rack: { kind: "libvirt", uri: "qemu:///system" },
      desk: { kind: "virtualbox" },
      people: { kind: "embedded" },
      metal: { kind: "fog", url: "http://fog.example/fog" },
    },
    images: { rocky9: { path: "images/rocky9.qcow2" }, c7: { fog: { backend: "metal" } } },
    networks: Object.fromEntries(turn(model.networks).map((net) => [net.name, networkConfig(net)])),
    machines: Object.fromEntries(machines),
    vpn: { backend: "people", base: "ou=People,dc=lab", users: Object.fromEntries(users) },
  });
}

/** Facts by identity; lists in an order of their own. */
function factsOf(model: Model, plan: LabPlan): Map<number, Record<string, unknown>> {
  const facts = new Map<number, Record<string, unknown>>();
  for (const { identity, name } of model.networks) {
    const { leases: _, ...rest } = inputsOf(plan, "libvirt:Network", name);
    facts.set(identity, rest);
  }
  for (const { identity, name, onDesk, onMetal } of model.machines) {
    if (onMetal) {
      facts.set(identity, inputsOf(plan, "fog:ImagedHost", name));
      continue;
    }
    const kind = onDesk ? "virtualbox:Machine" : "libvirt:Domain";
    const { nics, ...rest } = inputsOf(plan, kind, name);
    const cards = nics as { mac: string; network?: string; bridge?: string }[];
    if (onDesk) expect(rest.ssh).toMatchObject({ host: "127.0.0.1", port: expect.any(Number) });
    const byPlace = new Map<string, string[]>();
    for (const card of cards) {
      const place = card.network ?? card.bridge ?? "";
      byPlace.set(place, [...(byPlace.get(place) ?? []), JSON.stringify(card)]);
    }
    for (const [place, list] of byPlace) rest[`card on ${place}`] = list.sort();
    facts.set(identity, {
      ...rest,
      disk: inputsOf(plan, onDesk ? "virtualbox:Medium" : "libvirt:Volume", `${name}.disk0`),
    });
  }
  for (const { identity, name } of model.users) {
    const planned = plan.resources.find((one) => one.kind === "ldap:User" && one.name === name);
    facts.set(identity, { mark: planned?.markName ?? name });
  }
  return facts;
}

const NAMES = ["w1", "w2", "w10", "a", "b", "zz", "W1", "w1-2", "constructor"];
const SECTIONS = ["networks", "machines", "users"] as const;

const edit = fc.record({
  what: fc.constantFrom("add", "add", "remove", "rename", "turn"),
  section: fc.constantFrom(...SECTIONS),
  at: fc.nat(),
  name: fc.nat(),
  cards: fc.array(fc.nat(), { maxLength: 3 }),
  shape: fc.nat({ max: SHAPES - 1 }),
  onBridge: fc.boolean(),
  onDesk: fc.boolean(),
  onMetal: fc.boolean(),
  /** Take `formerly` out of the config, as people do some time after a rename. */
  forget: fc.boolean(),
});
type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

function freeName(list: readonly Thing[], wish: number): string | undefined {
  // Host names are compared without regard to case.
  const taken = new Set(list.flatMap(({ name, formerly }) => [name.toLowerCase(), formerly?.toLowerCase()]));
  const free = NAMES.filter((name) => !taken.has(name.toLowerCase()));
  return free[wish % Math.max(free.length, 1)];
}

/** The model after an edit, or undefined where there is nothing to edit. Identities in `touched` may change. */
function apply(
  model: Model,
  { what, section, at, name, cards, shape, onBridge, onDesk, onMetal, forget }: Edit,
) {
  const after = structuredClone(model);
  if (forget) for (const one of SECTIONS.flatMap((s): Thing[] => after[s])) delete one.formerly;
  const list: Thing[] = after[section];
  const index = at % Math.max(list.length, 1);
  const target = list[index];
  const fresh = freeName(list, name);
  const gone = new Set<number>();
  if (what === "add") {
    if (fresh === undefined) return undefined;
    const thing = { identity: after.next++, name: fresh };
    const nets = after.networks.map(({ identity }) => identity);
    if (section === "networks") after.networks.push({ ...thing, shape });
    else if (section === "users") after.users.push(thing);
    else {
      const chosen = nets.length === 0 ? [] : cards.map((card) => nets[card % nets.length] ?? 0);
      after.machines.push({ ...thing, cards: chosen, onBridge, onDesk, onMetal });
    }
  } else if (what === "remove") {
    if (!target) return undefined;
    list.splice(index, 1);
    gone.add(target.identity);
  } else if (what === "rename") {
    if (!target || fresh === undefined) return undefined;
    target.formerly = target.name;
    target.name = fresh;
  }
  return { after, gone, turned: what === "turn" };
}

test("in more than 1,000 generated edit pairs no fact of another thing changes", () => {
  let pairs = 0;
  const kinds = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(edit, { minLength: 4, maxLength: 14 }), (edits) => {
      let model: Model = { networks: [], machines: [], users: [], next: 0 };
      let lock: Lock = emptyLock();
      let before = factsOf(model, planned(configOf(model, false), lock));
      for (const one of edits) {
        const step = apply(model, one);
        if (!step) continue;
        const plan = planned(configOf(step.after, step.turned), lock);
        const facts = factsOf(step.after, plan);
        for (const [identity, old] of before) {
          if (step.gone.has(identity)) continue;
          const now = facts.get(identity) ?? {};
          // A network that is gone takes its cards along; all else stays.
          const kept = Object.entries(old).filter(([key]) => !key.startsWith("card on ") || key in now);
          expect(now).toMatchObject(Object.fromEntries(kept));
        }
        expectUnique(plan);
        ({ lock } = plan);
        model = step.after;
        before = facts;
        pairs++;
        kinds.set(one.what, (kinds.get(one.what) ?? 0) + 1);
      }
    }),
    { numRuns: 400 },
  );
  console.log(`edit pairs: ${pairs} (${[...kinds].map(([kind, n]) => `${kind} ${n}`).join(", ")})`);
  expect(pairs).toBeGreaterThan(1000);
}, 60_000);

/** No two things share a fact that must be unique. */
function expectUnique({ resources }: LabPlan): void {
  const nics = resources.flatMap(
    ({ inputs }) => (inputs.nics as { mac: string; network?: string; ip?: string }[]) ?? [],
  );
  const ports = resources.flatMap(({ inputs }) =>
    ((inputs.nics ?? []) as { forwards?: { hostPort: number }[] }[]).flatMap(({ forwards = [] }) =>
      forwards.map(({ hostPort }) => String(hostPort)),
    ),
  );
  const lists = [
    ports,
    nics.map(({ mac }) => mac),
    nics.flatMap(({ network, ip }) => (ip ? [`${network} ${ip}`] : [])),
    resources.flatMap(({ inputs }) => (inputs.uuid ? [String(inputs.uuid)] : [])),
    resources.map(({ kind, name, markName }) => `${kind} ${markName ?? name}`),
    resources.map(({ kind, inputs }) => `${kind} ${inputs.name ?? inputs.uid}`),
  ];
  for (const list of lists) expect(new Set(list).size).toBe(list.length);
}
