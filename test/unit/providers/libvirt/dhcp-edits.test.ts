import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaseEdits, rangeEdits, reportedLeases } from "../../../../providers/libvirt/dhcp-edits";
import type { Lease } from "../../../../providers/libvirt/network";

const lease = (n: number, ip = n, name = `m${n}`): Lease => ({
  mac: `52:54:00:00:00:${n.toString(16).padStart(2, "0")}`,
  ip: `10.0.0.${ip}`,
  hostName: name,
});

/** libvirt's own rules: no second entry for a MAC or an address, none deleted that is not there. */
function applyEdits(
  hosts: readonly Partial<Lease>[],
  edits: ReturnType<typeof leaseEdits>,
): Partial<Lease>[] {
  let left = [...hosts];
  for (const { command, entry } of edits) {
    const host = entry as Partial<Lease>;
    if (command === "delete") {
      if (!left.includes(host)) throw new Error("code 55: no such entry");
      left = left.filter((one) => one !== host);
    } else {
      if (
        left.some(({ mac, ip, hostName }) => mac === host.mac || ip === host.ip || hostName === host.hostName)
      )
        throw new Error("code 55: duplicate");
      left.push(host);
    }
  }
  return left;
}

describe("edits of reservations", () => {
  it("are none where all is as wanted", () => {
    expect(leaseEdits([lease(1), lease(2)], [lease(2), lease(1)], new Set())).toEqual([]);
  });

  it("trap libvirt#30: delete and add, never modify, and deletes first", () => {
    const edits = leaseEdits([lease(1), lease(2)], [lease(1, 2), lease(2, 1)], new Set());
    expect(edits.map(({ command }) => command)).toEqual(["delete", "delete", "add", "add"]);
  });

  it("leave strangers alone, unless they hold an address, a name or a card of ours", () => {
    const stranger = lease(99, 99, "printer");
    const squatter = lease(98, 1, "squatter");
    const nameless = { ip: "10.0.0.50" };
    expect(leaseEdits([stranger, squatter, nameless], [lease(1)], new Set())).toEqual([
      { command: "delete", section: "dhcp-host", entry: squatter },
      { command: "add", section: "dhcp-host", entry: lease(1) },
    ]);
  });

  it("always lead to what is wanted, by steps that libvirt takes, and touch nobody else's", () => {
    const small = fc.integer({ min: 1, max: 6 });
    const entry = fc.tuple(small, small, small).map(([mac, ip, name]) => lease(mac, ip, `m${name}`));
    const distinct = (entries: Lease[]) =>
      entries.filter((a, at) =>
        entries.slice(0, at).every((b) => a.mac !== b.mac && a.ip !== b.ip && a.hostName !== b.hostName),
      );
    const list = fc.array(entry).map(distinct);
    fc.assert(
      fc.property(list, list, fc.array(small), (hosts, wanted, staleNumbers) => {
        const stale = new Set(staleNumbers.map((n) => lease(n).mac));
        const after = applyEdits(hosts, leaseEdits(hosts, wanted, stale));
        expect(after).toEqual(expect.arrayContaining(wanted));
        const clashes = (host: Lease) =>
          wanted.some(
            ({ mac, ip, hostName }) => mac === host.mac || ip === host.ip || hostName === host.hostName,
          );
        const bystanders = hosts.filter((host) => !clashes(host) && !stale.has(host.mac));
        expect(after).toEqual(expect.arrayContaining(bystanders));
        expect(leaseEdits(after, wanted, stale)).toEqual([]);
      }),
    );
  });
});

describe("edits of the range", () => {
  const range = { from: "10.0.0.100", to: "10.0.0.200" };
  const other = { from: "10.0.0.10", to: "10.0.0.20" };

  it("replace the one that is served, and take ours away when it is wanted no longer", () => {
    const commands = (...args: Parameters<typeof rangeEdits>) =>
      rangeEdits(...args).map(({ command, entry }) => [command, entry]);
    expect(commands([range], range, range)).toEqual([]);
    expect(commands([other], range, other)).toEqual([
      ["delete", other],
      ["add", range],
    ]);
    expect(commands([range], undefined, range)).toEqual([["delete", range]]);
    expect(commands([other], undefined, undefined)).toEqual([]);
  });
});

describe("reservations as they are reported", () => {
  it("are ours as they stand: missing, changed, and never a stranger's", () => {
    const hosts = [lease(2), lease(99), { ...lease(1), ip: "10.0.0.77" }, { ip: "10.0.0.50" }];
    expect(reportedLeases(hosts, [lease(1), lease(2), lease(3)])).toEqual([
      { ...lease(1), ip: "10.0.0.77" },
      lease(2),
    ]);
  });
});
