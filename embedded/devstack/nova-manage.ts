import type { Cloud } from "./cloud";

/** What a command line of nova-manage says, and its exit code. */
export interface Said {
  text: string;
  code: number;
}

/** `nova-manage cell_v2 …` for one cloud. Texts and codes as of nova 26 and its documentation. */
export function novaManage(cloud: Cloud, words: readonly string[]): Said {
  const [group, command, ...rest] = words;
  const work = group === "cell_v2" && command !== undefined ? COMMANDS[command] : undefined;
  if (!work)
    return { text: `nova-manage: error: unknown command '${words.slice(0, 2).join(" ")}'\n`, code: 2 };
  return work(cloud, options(rest));
}

const options = (words: readonly string[]): Map<string, string> => {
  const found = new Map<string, string>();
  words.forEach((word, at) => {
    if (!word.startsWith("--")) return;
    const [name = "", value] = word.split("=", 2);
    const next = words[at + 1];
    found.set(name, value ?? (next !== undefined && !next.startsWith("--") ? next : ""));
  });
  return found;
};

const COMMANDS: Record<string, (cloud: Cloud, words: Map<string, string>) => Said> = {
  discover_hosts: (cloud, words) => {
    const fresh = cloud.discover();
    const lines = [`Found ${cloud.cells.size} cell mappings.`];
    for (const [cell, id] of cloud.cells) {
      if (cell === "cell0") {
        lines.push("Skipping cell0 since it does not contain hosts.");
        continue;
      }
      const own = fresh.filter((one) => one.cell === cell);
      lines.push(`Getting computes from cell '${cell}': ${id}`);
      for (const { host, id: uuid } of own) {
        lines.push(`Checking host mapping for compute host '${host}': ${uuid}`);
        lines.push(`Creating host mapping for compute host '${host}': ${uuid}`);
      }
      lines.push(`Found ${own.length} unmapped computes in cell: ${id}`);
    }
    const text = words.has("--verbose") ? `${lines.join("\n")}\n` : "";
    return { text, code: words.has("--strict") && fresh.length === 0 ? 1 : 0 };
  },
  list_hosts: (cloud, words) => {
    const only = words.get("--cell_uuid");
    const ids = [...cloud.cells.values()];
    if (only && !ids.includes(only)) return { text: `Cell with uuid ${only} was not found.\n`, code: 1 };
    const rows = cloud.hypervisors
      .filter((one) => one.mapped)
      .map((one) => [one.cell, cloud.cells.get(one.cell) ?? "", one.host])
      .filter(([, id]) => only === undefined || id === only);
    return { text: table(["Cell Name", "Cell UUID", "Hostname"], rows), code: 0 };
  },
  list_cells: (cloud) => {
    const rows = [...cloud.cells].map(([name, id]) => [
      name,
      id,
      name === "cell0" ? "none:/" : "rabbit://stackrabbit:****@controller:5672/",
      `mysql+pymysql://root:****@controller/nova_${name}?charset=utf8`,
      "False",
    ]);
    return {
      text: table(["Name", "UUID", "Transport URL", "Database Connection", "Disabled"], rows),
      code: 0,
    };
  },
  delete_host: (cloud, words) => {
    const cell = words.get("--cell_uuid") ?? "";
    const host = words.get("--host") ?? "";
    const name = [...cloud.cells].find(([, id]) => id === cell)?.[0];
    if (name === undefined) return { text: `Cell with uuid ${cell} was not found.\n`, code: 1 };
    const found = cloud.hypervisors.find((one) => one.host === host && one.mapped);
    if (!found) return { text: `The host ${host} was not found.\n`, code: 2 };
    if (found.cell !== name)
      return { text: `The host ${host} was not found in the cell ${cell}.\n`, code: 3 };
    if (cloud.serversOn(host).length > 0)
      return { text: `There are instances on the host ${host}.\n`, code: 4 };
    found.mapped = false;
    return { text: "", code: 0 };
  },
  simple_cell_setup: (cloud) => {
    cloud.discover();
    return cloud.hypervisors.length > 0
      ? { text: "Cell0 is already setup\n", code: 0 }
      : { text: "Cell0 is already setup\nNo hosts found to map to cell, exiting.\n", code: 1 };
  },
};

/** As PrettyTable draws it. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((cell, at) => Math.max(...[head, ...rows].map((row) => (row[at] ?? cell).length)));
  const rule = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+`;
  const line = (row: string[]): string =>
    `|${widths
      .map((width, at) => {
        const text = row[at] ?? "";
        const left = Math.floor((width - text.length) / 2);
        return ` ${" ".repeat(left)}${text.padEnd(width - left)} `;
      })
      .join("|")}|`;
  return `${[rule, line(head), rule, ...rows.map(line), rule].join("\n")}\n`;
}
