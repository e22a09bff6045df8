import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a node would have after devstack read a local.conf. */
export interface ReadBack {
  /** Variables that the localrc section set. */
  localrc: Record<string, string>;
  /** ENABLED_SERVICES afterwards, of DEFAULT_SERVICES. */
  services: string[];
  /** Services that nothing read later can turn on. */
  barred: string[];
  /** `name url ref`, in their order. */
  plugins: string[];
  /** phase → file → section → option. */
  files: Record<string, Record<string, Record<string, Record<string, string>>>>;
}

/** A short list in the place of devstack's own. */
export const DEFAULT_SERVICES = ["key", "n-api", "n-cpu", "mysql", "rabbit", "horizon"];

/**
 * Read a local.conf as devstack's public documentation and its meta-config, ini-config and service functions say it is
 * read: bash sources the localrc section in an empty environment; the other sections go through `read`, `eval` and sed.
 * Knows nothing of the program's writer. `existing` lets every option be in its file already, which devstack replaces
 * by another command than it adds one.
 */
export function readLocalConf(text: string, { existing = false } = {}): ReadBack {
  const dir = mkdtempSync(join(tmpdir(), "labplan-local-conf-"));
  try {
    const sections = metaSections(text);
    const localrc = sections.filter(({ group, file }) => group === "local" && file === "localrc");
    writeFileSync(join(dir, "localrc"), localrc.flatMap(({ lines }) => lines).join("\n"));
    const others = sections.filter(({ group }) => group !== "local");
    const commands = others.flatMap(({ group, file, lines }) => {
      const settings = iniCommands(lines);
      return [
        `PHASE=${group}`,
        ...(existing ? settings.map(({ section, option }) => `was ${file} ${section} ${option}`) : []),
        ...settings.map(({ section, option, value }) => `iniset ${file} ${section} ${option} "${value}"`),
      ];
    });
    writeFileSync(join(dir, "commands"), `${commands.join("\n")}\n`);
    const names = localrc.flatMap(({ lines }) =>
      lines.flatMap((line) => /^([A-Za-z_]\w*)=/.exec(line)?.[1] ?? []),
    );
    execFileSync("bash", ["--norc", "--noprofile", "-c", SCRIPT, "reader", dir, ...names], {
      env: { PATH: process.env.PATH, HOME: "/opt/stack", USER: "stack" },
      encoding: "utf8",
    });
    const fields = (name: string) => readFileSync(join(dir, name), "utf8").split("\0").slice(0, -1);
    const set = fields("variables");
    const [services = "", barred = ""] = fields("services");
    return {
      localrc: Object.fromEntries(
        set.flatMap((name, at) => (at % 2 === 0 ? [[name, set[at + 1] ?? ""]] : [])),
      ),
      services: services.split(",").filter(Boolean),
      barred: barred.split(",").filter(Boolean),
      plugins: fields("plugins"),
      files: iniFiles(join(dir, "root")),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** `[[group|file]]` up to the next such line. The name ends at a blank, brackets are dropped, `|` parts the two. */
function metaSections(text: string): { group: string; file: string; lines: string[] }[] {
  const found: { group: string; file: string; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    if (/^\[\[.+\|.*\]\]/.test(line)) {
      const [group = "", file = ""] = (line.trim().split(/[ \t]+/)[0] ?? "").replace(/[[\]]/g, "").split("|");
      found.push({ group, file, lines: [] });
    } else found.at(-1)?.lines.push(line);
  }
  return found;
}

/** Lines of a section of a file: `[section]`, `# comment`, `option = value`; a line that begins with a blank is none. */
function iniCommands(lines: string[]): { section: string; option: string; value: string }[] {
  const found: { section: string; option: string; value: string }[] = [];
  let section = "";
  for (const line of lines) {
    if (/^\[.+\]/.test(line)) section = (line.split(/[ \t]+/)[0] ?? "").replace(/[[\]]/g, "");
    else if (/^ *#/.test(line) || !/^[^ \t]/.test(line)) continue;
    else {
      const equals = line.indexOf("=");
      const strip = (part: string) => part.replace(/^[ \t]*/, "").replace(/[ \t]*$/, "");
      found.push({
        section,
        option: line.slice(0, equals).replace(/[ \t]*$/, ""),
        value: strip(line.slice(equals + 1)),
      });
    }
  }
  // The last option of a section is set first, as each is put right under the section's line.
  return found.reverse();
}

/** As oslo.config reads them. */
function iniFiles(root: string): ReadBack["files"] {
  const files: ReadBack["files"] = {};
  for (const name of readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )) {
    const path = join(name.parentPath, name.name).slice(root.length + 1);
    const [phase = ""] = path.split("/");
    const sections: Record<string, Record<string, string>> = {};
    let section: Record<string, string> = {};
    for (const line of readFileSync(join(root, path), "utf8").split("\n")) {
      const header = /^\[(.+)\]$/.exec(line);
      if (header?.[1]) {
        section = sections[header[1]] ?? {};
        sections[header[1]] = section;
      } else if (line.includes("=")) {
        const equals = line.indexOf("=");
        section[line.slice(0, equals).trim()] = line.slice(equals + 1).replace(/^[ \t]+|[ \t]+$/g, "");
      }
    }
    files[phase] = { ...files[phase], [path.slice(phase.length)]: sections };
  }
  return files;
}

const SCRIPT = `
dir=$1; shift
TOP_DIR=/opt/stack/devstack DEST=/opt/stack STACK_USER=stack REGION_NAME=RegionOne DATA_DIR=/opt/stack/data
ENABLED_SERVICES=${DEFAULT_SERVICES.join(",")} DISABLED_SERVICES=
tidy() { echo "$1" | sed -e 's/,,*/,/g; s/^,//; s/,$//'; }
enable_service() {
  for service in "$@"; do
    case ",$DISABLED_SERVICES," in *",$service,"*) continue;; esac
    case ",$ENABLED_SERVICES," in *",$service,"*) ;; *) ENABLED_SERVICES=$(tidy "$ENABLED_SERVICES,$service");; esac
  done
}
disable_service() {
  for service in "$@"; do
    DISABLED_SERVICES=$(tidy "$DISABLED_SERVICES,$service")
    ENABLED_SERVICES=$(tidy "$(echo ",$ENABLED_SERVICES," | sed "s/,$service,/,/g")")
  done
}
disable_all_services() { ENABLED_SERVICES=; }
enable_plugin() { printf '%s %s %s @%s\\0' "$1" "$2" "\${3:-master}" "$DEST/$1" >> "$dir/plugins"; }
: > "$dir/plugins"
unset service name
before=" $(compgen -v | tr '\\n' ' ') "
. "$dir/localrc"
for name in $(printf '%s\\n' "$@" $(compgen -v) | sort -u); do
  case " $* " in *" $name "*) ;; *)
    case "$before" in *" $name "*) continue;; esac
    case $name in before|name|service|BASH_*|PIPESTATUS|_) continue;; esac;;
  esac
  printf '%s\\0%s\\0' "$name" "\${!name}"
done > "$dir/variables"
printf '%s\\0%s\\0' "$ENABLED_SERVICES" "$DISABLED_SERVICES" > "$dir/services"
# What devstack knows by the time it writes files.
NOVA_CONF=\${NOVA_CONF:-\${NOVA_CONF_DIR:-/etc/nova}/nova.conf} NEUTRON_CONF=/etc/neutron/neutron.conf
Q_PLUGIN_CONF_FILE=etc/neutron/plugins/ml2/ml2_conf.ini KEYSTONE_CONF=/etc/keystone/keystone.conf
SERVICE_HOST=\${SERVICE_HOST:-$HOST_IP} TEMPEST_CONFIG=/opt/stack/tempest/etc/tempest.conf
root=$dir/root
mkdir "$root"
new() { [ -e "$1" ] || { mkdir -p "\${1%/*}"; : > "$1"; }; }
was() {
  local file=$root/$PHASE$1
  new "$file"
  [ "$last" = "$file $2" ] || printf '\\n[%s]\\n' "$2" >> "$file"
  last="$file $2"
  printf '%s = was\\n' "$3" >> "$file"
}
iniset() {
  local file=$root/$PHASE$1 section=$2 option=$3 value=$4 mark=$'\\x01'
  [ -n "$section" ] && [ -n "$option" ] || return
  new "$file"
  grep -q "^\\[$section\\]" "$file" || printf '\\n[%s]\\n' "$section" >> "$file"
  if sed -ne "/^\\[$section\\]/,/^\\[.*\\]/ { /^$option[ \\t]*=/ p; }" "$file" | grep -q .; then
    sed -i -e "/^\\[$section\\]/,/^\\[.*\\]/ s$mark^\\($option[ \\t]*=[ \\t]*\\).*\\$$mark\\1$value$mark" "$file"
  else
    sed -i -e "/^\\[$section\\]/ a\\\\
$option = $value
" "$file"
  fi
}
while read command; do eval "$command"; done < "$dir/commands"
`;
