import { CONFIG_FILES } from "./variables";

const FILE_NAME = /^(?:[A-Za-z0-9_./@%+:,-]|\$[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\})+$/;

/** Why a file cannot stand in `[[phase|file]]`; its reader takes the name by blanks and brackets, then the shell evaluates it. */
export function fileProblem(file: string): string | undefined {
  if (/[[\]]/.test(file)) return `devstack's reader drops "[" and "]" from the names of files`;
  if (/\s/.test(file)) return "devstack's reader ends the name of a file at a blank";
  if (file.includes("|")) return `devstack's reader ends the name of a file at "|"`;
  if (/^\$(?:Q_PLUGIN_CONF_FILE|\{Q_PLUGIN_CONF_FILE\})$/.test(file))
    return `its value begins without a slash. Did you mean "/$Q_PLUGIN_CONF_FILE"?`;
  if (!FILE_NAME.test(file))
    return "devstack has its shell evaluate the name of a file: letters, digits, _ . / @ % + : , - and $NAME only";
  if (!/^[/$]/.test(file)) return "is no absolute path";
  return undefined;
}

export function variablesInName(file: string): string[] {
  return [...file.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = ""]) => name);
}

/** `${NOVA_CONF}`, `$NOVA_CONF` and `/etc/nova//nova.conf` are one file, unless localrc moves it. */
export function oneSpelling(file: string, names: ReadonlySet<string>): string {
  const bare = file.replace(/\$\{(\w+)\}(?!\w)/g, "$$$1").replace(/\/(?:\.?\/)+/g, "/");
  const known = CONFIG_FILES.find(
    ({ path, movedBy }) => path === bare && !movedBy.some((name) => names.has(name)),
  );
  return known?.variable ?? bare;
}
