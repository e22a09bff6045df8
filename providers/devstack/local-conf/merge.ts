import type { DevstackPlugin, SecretRef } from "../../../stacks/config/types";
import { mergeConfigFiles } from "./config-files";
import { mergeLocalrc } from "./localrc";
import { pluginLines } from "./plugins";
import { mergeServices } from "./service-lines";
import { type Finding, type Findings, type LocalConfLayer, type LocalConfLine, ownLine } from "./settings";

export interface LocalConfInput {
  /** Comment put first: whose file it is. */
  head?: string[];
  /** Ref of plugins that name none. @default devstack's, `master` */
  branch?: string;
  /** Lowest first. */
  layers: readonly LocalConfLayer[];
  /** Those of this node. */
  plugins?: Record<string, DevstackPlugin>;
  /** Names of those of the whole layout. @default those of this node */
  allPlugins?: readonly string[];
}

export interface LocalConf {
  /** With `{{secret:name}}` in the place of secrets: `fillLocalConf` puts them in. */
  text: string;
  /** Every line of the text. */
  lines: LocalConfLine[];
  /** The secrets in the text, by the name that stands in it. */
  secrets: Record<string, SecretRef>;
  /** While there are any, the text is not to be used. */
  problems: Finding[];
  notes: Finding[];
}

/**
 * One node's local.conf of layers of settings. localrc is a piece of shell: variables come first, so that what
 * `enable_plugin` works out of `DEST` is right, then plugins, then services.
 */
export function mergeLocalConf(input: LocalConfInput): LocalConf {
  const findings: Findings = { problems: [], notes: [] };
  const { plugins = {}, layers } = input;
  const hasPlugins = Object.keys(plugins).length > 0;
  const localrc = mergeLocalrc(layers, findings);
  const enabled = pluginLines(
    {
      plugins,
      allPlugins: input.allPlugins ?? [],
      names: localrc.names,
      ...(input.branch !== undefined && { branch: input.branch }),
    },
    findings,
  );
  const services = mergeServices(layers, hasPlugins, findings);
  const files = mergeConfigFiles(layers, localrc.names, hasPlugins, findings);
  const lines = [
    ...(input.head ?? [])
      .flatMap((text) => text.split(/\r?\n/))
      .map((text) => ownLine(`# ${text}`.trimEnd())),
    ownLine("[[local|localrc]]"),
    ...localrc.lines,
    ...enabled,
    ...services,
    ...files.lines,
  ];
  return {
    text: lines.map(({ text }) => `${text}\n`).join(""),
    lines,
    secrets: { ...localrc.secrets, ...files.secrets },
    ...findings,
  };
}
