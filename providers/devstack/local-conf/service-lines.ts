import { GONE_SERVICES, SERVICE_NAME, SERVICE_NAMES } from "./services";
import {
  type Findings,
  judgeUnknown,
  type LocalConfLayer,
  type LocalConfLine,
  lineOf,
  pathIn,
  type Settled,
  settle,
} from "./settings";

const KNOWN: ReadonlySet<string> = new Set(SERVICE_NAMES);

/**
 * Services as `enable_service` and `disable_service` lines, one each: the functions that devstack documents for
 * localrc, which edit its own default list, and a line each has a source of its own. Where a layer's list is exact,
 * `disable_all_services` empties that list first. A service that is off gets its line even then: it is what keeps a
 * plugin's settings, read later, from turning it on.
 */
export function mergeServices(
  layers: readonly LocalConfLayer[],
  plugins: boolean,
  findings: Findings,
): LocalConfLine[] {
  const settled = new Map<string, Settled<boolean>>();
  let emptied: LocalConfLine | undefined;
  for (const layer of layers) {
    const services = Object.entries(layer.services ?? {});
    if (layer.exact) {
      const fallen = [...settled].filter(([name]) => !(name in (layer.services ?? {})));
      for (const [name] of fallen) settled.delete(name);
      emptied = lineOf("disable_all_services", {
        source: `${layer.source}.services`,
        overrides: fallen.map(([, { source }]) => source),
      });
    }
    for (const [name, value] of services) {
      const path = pathIn(layer, "services", name);
      if (SERVICE_NAME.test(name))
        settle(settled, name, { value, source: `${layer.source}.services.${name}`, path });
      else
        findings.problems.push({
          path,
          message: name.startsWith("-")
            ? `write "${name.slice(1)}: false" for a service that is off`
            : `"${name}" is no name of a service: letters, digits, "-", "_" and "." only`,
        });
    }
  }
  for (const [name, { path }] of settled) {
    const gone = GONE_SERVICES[name];
    if (gone !== undefined) findings.notes.push({ path, message: `"${name}": ${gone}` });
    else if (!KNOWN.has(name))
      judgeUnknown(findings, { path, kind: "service", name, known: SERVICE_NAMES, plugins });
  }
  const lines = [...settled].map(([name, setting]) =>
    lineOf(`${setting.value ? "enable_service" : "disable_service"} ${name}`, setting),
  );
  return emptied ? [emptied, ...lines] : lines;
}
