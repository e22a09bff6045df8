import { suggest } from "../../../stacks/config/suggest";
import type { ConfigPath, DevstackPlugin } from "../../../stacks/config/types";
import { noteLiteral } from "./localrc";
import { inOrder } from "./order";
import { localrcWord } from "./quote";
import type { Findings, LocalConfLine } from "./settings";
import { readValue } from "./value";
import { EARLY_VARIABLES } from "./variables";

const PLUGIN_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

export interface PluginsInput {
  /** Those of this node, in the order in which the config has them. */
  plugins: Record<string, DevstackPlugin>;
  /** Those of the whole layout: one that another node has is known here too. */
  allPlugins: readonly string[];
  /** Ref of plugins that name none. @default devstack's, `master` */
  branch?: string;
  /** Variables that localrc sets above. */
  names: ReadonlySet<string>;
}

/** `enable_plugin` lines: devstack reads the plugins' settings in this order, so one that needs another comes after it. */
export function pluginLines(
  { plugins, allPlugins, branch, names }: PluginsInput,
  findings: Findings,
): LocalConfLine[] {
  const known = [...new Set([...Object.keys(plugins), ...allPlugins])];
  for (const [name, { after = [] }] of Object.entries(plugins)) {
    if (!PLUGIN_NAME.test(name))
      findings.problems.push({
        path: pathOf(name),
        message: `"${name}" is no name of a plugin: letters, digits, "-", "_" and "." only`,
      });
    for (const [index, needed] of after.entries())
      if (!known.includes(needed))
        findings.problems.push({
          path: [...pathOf(name), "after", index],
          message: `no plugin "${needed}"${suggest(
            needed,
            known.filter((other) => other !== name),
            "Plugins",
          )}`,
        });
  }
  const { order, rings } = inOrder(Object.keys(plugins), (name) => plugins[name]?.after ?? []);
  for (const ring of rings)
    findings.problems.push({
      path: [...pathOf(ring[0] ?? ""), "after"],
      message: `the plugin needs itself: ${ring.join(" after ")}`,
    });
  return order.flatMap((name) => {
    const plugin = plugins[name];
    if (plugin === undefined || !PLUGIN_NAME.test(name)) return [];
    const words = [plugin.url, plugin.ref ?? branch].flatMap((word) => {
      if (word === undefined) return [];
      const read = readValue(word, (used) => names.has(used) || EARLY_VARIABLES.has(used));
      noteLiteral(read.literal, pathOf(name), findings);
      if (read.parts.some((part) => "secret" in part))
        findings.problems.push({
          path: pathOf(name),
          message: "a secret in it would stand in devstack's logs",
        });
      return [localrcWord(read.parts)];
    });
    return [{ text: ["enable_plugin", name, ...words].join(" "), source: `devstack.plugins.${name}` }];
  });
}

const pathOf = (name: string): ConfigPath => ["devstack", "plugins", name];
