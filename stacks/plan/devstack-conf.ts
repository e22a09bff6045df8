import { mergeLocalConf } from "../../providers/devstack/local-conf/merge";
import type { Finding, LocalConfLayer } from "../../providers/devstack/local-conf/settings";
import type { NodeInputs } from "../../providers/devstack/types";
import type { ConfigPath, DevstackConfig, DevstackPlugin, DevstackSettings } from "../config/types";
import type { Context } from "./context";
import type { LayoutFacts, NodeFacts } from "./devstack-layout";
import type { OverlayFacts } from "./devstack-overlay";
import { PRESET_PATH, presetLayers } from "./devstack-presets";
import { own } from "./stable";

type LocalConfText = Required<Pick<NodeInputs, "localConf" | "sources" | "secrets">>;

/** The local.conf of each node; what is wrong in it is in the problems, once for all nodes that it is on. */
export function planLocalConfs(
  context: Context,
  devstack: DevstackConfig,
  layout: LayoutFacts,
  facts: { overlay?: OverlayFacts; addressOf(node: NodeFacts): string | undefined },
): Map<string, LocalConfText> {
  const told = new Set<string>();
  const tell = (findings: readonly Finding[], say: (path: ConfigPath, message: string) => void) => {
    for (const { path, message } of findings) {
      const key = JSON.stringify([path, message]);
      if (path[0] === PRESET_PATH || told.has(key)) continue;
      told.add(key);
      say(asWritten(path), sentence(message));
    }
  };
  const texts = new Map<string, LocalConfText>();
  for (const node of layout.nodes) {
    const { text, lines, secrets, problems, notes } = mergeLocalConf({
      head: HEAD,
      branch: devstack.branch,
      layers: [...presetLayers(devstack, layout, node, facts), ...configLayers(devstack, node)],
      plugins: pluginsOf(devstack, node),
      allPlugins: Object.keys(devstack.plugins ?? {}),
    });
    tell(problems, (path, message) => context.problems.add(path, message));
    tell(notes, (path, message) => context.notes.push(`${path.join(".")}: ${message}`));
    texts.set(node.logical, {
      localConf: text,
      sources: lines.map(({ source, overrides }) =>
        overrides
          ? `${writtenSource(source)} (over ${overrides.map(writtenSource).join(", ")})`
          : writtenSource(source),
      ),
      secrets,
    });
  }
  return texts;
}

const HEAD = ["Written by labplan. Do not edit: change the stack's config, and run it again."];

function configLayers(
  { shared, roles, nodes }: DevstackConfig,
  { role, logical }: NodeFacts,
): LocalConfLayer[] {
  const layer = (settings: DevstackSettings | undefined, path: string[]): LocalConfLayer[] =>
    settings ? [{ ...settings, source: path.join("."), path }] : [];
  return [
    ...layer(shared, ["devstack"]),
    ...layer(roles?.[role], ["devstack", "roles", role]),
    ...layer(own(nodes, logical), ["devstack", "nodes", logical]),
  ];
}

const pluginsOf = ({ plugins = {} }: DevstackConfig, { role }: NodeFacts): Record<string, DevstackPlugin> =>
  Object.fromEntries(Object.entries(plugins).filter(([, { roles }]) => roles?.includes(role) ?? true));

const SECTIONS = ["localrc", "conf"];

/** People write localrc and conf under `localConf`. */
function asWritten(path: ConfigPath): ConfigPath {
  const at = path[1] === "roles" || path[1] === "nodes" ? 3 : 1;
  return SECTIONS.includes(String(path[at])) ? [...path.slice(0, at), "localConf", ...path.slice(at)] : path;
}

/** As people write it in the config; of what is no setting there, what it is made of. */
const writtenSource = (source: string): string =>
  source
    .replace(
      /^(preset [a-z]+|devstack\.(?:layout|layout\.cells|overlay|passwords))\.(localrc|conf|services)\b.*$/,
      "$1",
    )
    .replace(
      /^(devstack(?:\.roles\.[a-z]+|\.nodes\.[A-Za-z0-9._-]+?)?)\.(localrc|conf)\./,
      "$1.localConf.$2.",
    );

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
