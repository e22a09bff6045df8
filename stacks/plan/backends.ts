import { suggest } from "../config/suggest";
import type { BackendConfig, ConfigPath } from "../config/types";
import type { Context } from "./context";
import { checkVirtualBoxBackend } from "./hypervisor-fields";
import { own, sortedKeys } from "./stable";

export function checkBackends(context: Context): void {
  const { config, problems } = context;
  for (const name of sortedKeys(config.backends)) {
    const backend = own(config.backends, name);
    checkVirtualBoxBackend(context, name);
    if (backend?.kind === "libvirt" && backend.pool !== undefined && backend.poolPath !== undefined)
      problems.add(
        ["backends", name, "poolPath"],
        `poolPath is for a pool of our own, and pool "${backend.pool}" exists already. Leave one of them out.`,
      );
  }
}

/** The backend of a thing, or undefined after a problem: it must be declared and of one of `kinds`. */
export function backendFor(
  { config, problems }: Context,
  name: string,
  kinds: readonly BackendConfig["kind"][],
  path: ConfigPath,
): BackendConfig | undefined {
  const backend = own(config.backends, name);
  if (!backend) {
    problems.add(path, `no backend "${name}" is declared${suggest(name, sortedKeys(config.backends))}`);
    return undefined;
  }
  if (kinds.includes(backend.kind)) return backend;
  const fitting = sortedKeys(config.backends).filter((other) =>
    kinds.includes(own(config.backends, other)?.kind ?? "embedded"),
  );
  problems.add(
    path,
    `backend "${name}" is of kind ${backend.kind}, and this needs ${listed(kinds)}.` +
      (fitting.length > 0 ? ` Fitting: ${fitting.join(", ")}.` : " Declare such a backend."),
  );
  return undefined;
}

/** `libvirt, virtualbox or embedded` */
const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
