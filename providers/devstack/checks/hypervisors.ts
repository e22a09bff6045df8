import type { CloudApi, Hypervisor, ServiceRecord } from "../api";
import type { HostMapping } from "../nova-manage";
import type { VerifyInputs, VerifyState } from "../types";
import { eachOf } from "../until";

export type Row = VerifyState["hypervisors"][number];

export interface Seen {
  services: readonly ServiceRecord[];
  mappings: readonly HostMapping[];
  hypervisors: readonly Hypervisor[];
  /** Virtual CPUs that placement offers on a hypervisor, by its id; undefined where it has no provider. */
  vcpus: ReadonlyMap<string, number | undefined>;
}

export interface Facts {
  rows: Row[];
  wrong: string[];
}

/** Every host that must be a hypervisor, with its planned cell. */
export const hostsOf = (cells: VerifyInputs["cells"]): { host: string; cell: string }[] =>
  Object.entries(cells).flatMap(([cell, hosts]) => hosts.map((host) => ({ host, cell })));

/** One row for each, and a sentence for everything that is not as it must be. */
export function hypervisorFacts(cells: VerifyInputs["cells"], seen: Seen): Facts {
  const facts: Facts = { rows: [], wrong: [] };
  for (const { host, cell } of hostsOf(cells)) {
    const mapping = seen.mappings.find((one) => one.host === host);
    const problems = problemsOf(host, cell, mapping, seen);
    facts.rows.push({ host, cell: mapping?.cell ?? "", state: problems[0]?.state ?? "up" });
    facts.wrong.push(...problems.map(({ says }) => `hypervisor ${host} ${says}`));
  }
  return facts;
}

interface Trouble {
  state: string;
  says: string;
}

/** The worst first. */
function problemsOf(
  host: string,
  cell: string,
  mapping: HostMapping | undefined,
  { services, hypervisors, vcpus }: Seen,
): Trouble[] {
  const service = services.find((one) => one.host === host && one.binary === "nova-compute");
  const hypervisor = hypervisors.find((one) => one.host === host);
  if (!service && !hypervisor) return [{ state: "missing", says: "is not registered with nova" }];
  const problems: Trouble[] = [];
  if (!mapping) problems.push({ state: "not mapped", says: "is not mapped to a cell" });
  else if (mapping.cell !== cell)
    problems.push({ state: "wrong cell", says: `is in cell ${mapping.cell}, not in ${cell}` });
  else if (!hypervisor) problems.push({ state: "missing", says: "has no hypervisor record in nova" });
  if ((service && !service.isUp) || (hypervisor && !hypervisor.isUp))
    problems.push({ state: "down", says: "is down" });
  if (service && !service.isEnabled) {
    const why = service.reason ? `: "${service.reason}"` : "";
    problems.push({ state: "disabled", says: `is not schedulable, because it is disabled${why}` });
  }
  if (!hypervisor) return problems;
  const offered = vcpus.get(hypervisor.id);
  const lacks =
    offered === undefined
      ? "no resource provider in placement"
      : "no CPUs in its resource provider's inventory";
  if (offered === undefined || offered === 0)
    problems.push({ state: "not schedulable", says: `is not schedulable, because it has ${lacks}` });
  return problems;
}

const AT_ONCE = 6;

/** What placement offers on each of these hypervisors. */
export async function offeredBy(
  api: CloudApi,
  hypervisors: readonly Hypervisor[],
): Promise<Map<string, number | undefined>> {
  const vcpus = new Map<string, number | undefined>();
  await eachOf(hypervisors, AT_ONCE, async ({ id }) => {
    const offered = await api.offeredVcpus(id);
    // None may mean that there is no provider at all.
    vcpus.set(id, offered > 0 || (await api.provider({ id })) ? offered : undefined);
  });
  return vcpus;
}
