import { compact } from "./compact";
import { parseDuration } from "./durations";
import { type Reading, textInside } from "./named-files";
import type { ConfigPath, DevstackConfig, DevstackSettings, SecretRef } from "./types";
import type { WrittenDevstack, WrittenSettings, WrittenText } from "./written";

/** All passwords of a devstack, where nothing else is said. */
export const DEVSTACK_PASSWORD: SecretRef = { secret: "devstackPassword" };

/** The long form of the section `devstack`. */
export function devstackOf(written: WrittenDevstack, at: ConfigPath, reading: Reading): DevstackConfig {
  const { layout, overlay, plugins, services, localConf, roles, nodes, ...rest } = written;
  const { patches, extras, timeout, silence, verify, ...same } = rest;
  return compact({
    ...same,
    layout: compact({
      ...layout,
      controller: [layout.controller].flat(),
      compute: layout.compute === undefined ? undefined : [layout.compute].flat(),
      cells:
        layout.cells &&
        mapped(layout.cells, ({ conductor, compute }) =>
          compact({ conductor, compute: compute === undefined ? undefined : [compute].flat() }),
        ),
    }),
    overlay: overlay === "vxlan" ? { kind: "vxlan" as const } : overlay,
    plugins: plugins && mapped(plugins, (plugin) => (typeof plugin === "string" ? { url: plugin } : plugin)),
    shared: services || localConf ? settingsOf({ services, localConf }) : undefined,
    roles: roles && mapped(roles, settingsOf),
    nodes: nodes && mapped(nodes, settingsOf),
    patches: patches && textsOf(patches, [...at, "patches"], reading),
    extras: extras && textsOf(extras, [...at, "extras"], reading),
    timeoutS: timeout === undefined ? undefined : parseDuration(timeout),
    silenceS: silence === undefined ? undefined : parseDuration(silence),
    verify: verify && verifyOf(verify),
  });
}

const mapped = <T, L>(things: Record<string, T>, long: (thing: T) => L): Record<string, L> =>
  Object.fromEntries(Object.entries(things).map(([name, thing]) => [name, long(thing)]));

const settingsOf = ({
  services,
  localConf,
}: {
  [F in keyof WrittenSettings]: WrittenSettings[F] | undefined;
}): DevstackSettings => compact({ localrc: localConf?.localrc, conf: localConf?.conf, services });

function verifyOf({ boot }: NonNullable<WrittenDevstack["verify"]>): NonNullable<DevstackConfig["verify"]> {
  if (boot === undefined || boot === false) return compact({ boot });
  const { timeout, ...same } = boot;
  return {
    boot: compact({ ...same, timeoutS: timeout === undefined ? undefined : parseDuration(timeout) }),
  };
}

function textsOf(
  texts: Record<string, WrittenText>,
  at: ConfigPath,
  reading: Reading,
): Record<string, string> {
  return mapped(
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { name, text }])),
    ({ name, text }) => {
      if (typeof text !== "string")
        return textInside(text.file, [...at, name, "file"], reading, "devstack/") ?? "";
      if (!text.includes("\n"))
        reading.problem(
          [...at, name],
          `one line is no text of a file; if it is a path, write { file: ${text} }`,
        );
      return text;
    },
  );
}

/** Every machine that the layout names, in its order. */
export const nodesOf = ({ layout }: DevstackConfig): string[] => [
  ...layout.controller,
  ...(layout.compute ?? []),
  ...[layout.database, layout.messagequeue].flatMap((name) => name ?? []),
  ...Object.values(layout.cells ?? {}).flatMap(({ conductor, compute }) => [conductor, ...(compute ?? [])]),
];

/** Secrets that it names, at the places where they are written. */
export function devstackSecrets(
  devstack: DevstackConfig,
): { path: ConfigPath; ref: SecretRef | undefined }[] {
  const found: { path: ConfigPath; ref: SecretRef | undefined }[] = [];
  for (const which of ["admin", "database", "messagequeue", "service"] as const)
    found.push({ path: ["devstack", "passwords", which], ref: devstack.passwords?.[which] });
  const settings: [ConfigPath, DevstackSettings | undefined][] = [
    [["devstack"], devstack.shared],
    ...Object.entries(devstack.roles ?? {}).map(([role, one]): [ConfigPath, DevstackSettings] => [
      ["devstack", "roles", role],
      one,
    ]),
    ...Object.entries(devstack.nodes ?? {}).map(([node, one]): [ConfigPath, DevstackSettings] => [
      ["devstack", "nodes", node],
      one,
    ]),
  ];
  for (const [path, one] of settings) {
    for (const [name, value] of Object.entries(one?.localrc ?? {}))
      if (typeof value === "object")
        found.push({ path: [...path, "localConf", "localrc", name], ref: value });
    for (const [phase, files] of Object.entries(one?.conf ?? {}))
      for (const [file, sections] of Object.entries(files))
        for (const [section, options] of Object.entries(sections))
          for (const [option, value] of Object.entries(options))
            if (typeof value === "object")
              found.push({
                path: [...path, "localConf", "conf", phase, file, section, option],
                ref: value,
              });
  }
  return found;
}
