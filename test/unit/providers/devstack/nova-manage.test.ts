import { describe, expect, test } from "vitest";
import { NovaManage, parseHosts } from "../../../../providers/devstack/nova-manage";
import { RootShell } from "../../../../providers/ssh/root-shell";

const TABLE = `Some warning that python prints | with a bar
+-----------+--------------------------------------+----------+
| Cell Name |              Cell UUID               | Hostname |
+-----------+--------------------------------------+----------+
|   cell1   | 5a0ebbd8-6bb4-4f0c-9d3c-55a4bd3c0a4c |   hv1    |
|   cell2   | 7c1a1f9b-11d6-4f0e-8a86-8cd66d0e3ad1 | hv2.lab  |
+-----------+--------------------------------------+----------+
`;

/** A controller on which nova-manage takes a moment, and says so when it begins and ends. */
function controller(mapped: string[]) {
  const log: string[] = [];
  const connection = {
    target: "ctl",
    async exec(argv: readonly string[]) {
      const words = argv.slice(argv.indexOf("cell_v2") + 1);
      log.push(`+${words[0]}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (words[0] === "discover_hosts") mapped.push("hv1", "hv2");
      log.push(`-${words[0]}`);
      const table = mapped.map((host) => `| cell1 | c1 | ${host} |`).join("\n");
      const isLost = words[0] === "delete_host" && mapped.includes(words.at(-1) ?? "");
      const code = words[0] === "delete_host" ? (isLost ? 4 : 2) : 0;
      return { code, signal: null, stdout: words[0] === "list_hosts" ? table : "", stderr: "said so" };
    },
  };
  const shell = new RootShell(connection as never, "root");
  return { log, manage: new NovaManage(shell, { user: "stack", home: "/opt/stack" }) };
}

describe("nova-manage", () => {
  test("reads the table of hosts, whatever else is printed", () => {
    expect(parseHosts(TABLE)).toEqual([
      { host: "hv1", cell: "cell1", cellId: "5a0ebbd8-6bb4-4f0c-9d3c-55a4bd3c0a4c" },
      { host: "hv2.lab", cell: "cell2", cellId: "7c1a1f9b-11d6-4f0e-8a86-8cd66d0e3ad1" },
    ]);
    expect(parseHosts("+--+\n| Cell Name | Cell UUID | Hostname |\n+--+\n")).toEqual([]);
  });

  test("several joins at once: one discovery at a time, and who is mapped by then runs none", async () => {
    const { log, manage } = controller([]);
    await Promise.all(["hv1", "hv2", "hv1"].map((host) => manage.discover(host)));
    expect(log.filter((line) => line === "+discover_hosts")).toHaveLength(1);
    for (let at = 0; at < log.length; at += 2) expect(log[at + 1]).toBe(log[at]?.replace("+", "-"));
  });

  test("a discovery that fails does not hold up the next", async () => {
    const { manage } = controller([]);
    const broken = controller([]);
    broken.manage.hosts = () => Promise.reject(new Error("broken"));
    await expect(broken.manage.discover("hv1")).rejects.toThrow("broken");
    await manage.discover("hv1");
    expect(await manage.hosts()).toHaveLength(2);
  });

  test("a mapping that is gone already is success; one that stays is told", async () => {
    const mapping = { host: "hv1", cell: "cell1", cellId: "c1" };
    await controller([]).manage.deleteHost(mapping);
    await expect(controller(["hv1"]).manage.deleteHost(mapping)).rejects.toThrow(
      /could not take "hv1" out of its cell: said so \(exit 4\)/,
    );
  });

  test("looks at the same time are one", async () => {
    const { log, manage } = controller(["hv1"]);
    await Promise.all([manage.hostsShared(), manage.hostsShared(), manage.hostsShared()]);
    expect(log).toEqual(["+list_hosts", "-list_hosts"]);
    await manage.hostsShared();
    expect(log).toHaveLength(4);
  });
});
