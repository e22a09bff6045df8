import { describe, expect, test } from "vitest";
import type { Hypervisor, ServiceRecord } from "../../../../../providers/devstack/api";
import { chooseParts } from "../../../../../providers/devstack/checks/choice";
import { hypervisorFacts, type Seen } from "../../../../../providers/devstack/checks/hypervisors";
import { pairsWrong } from "../../../../../providers/devstack/checks/overlay";
import { serviceCount, servicesWrong } from "../../../../../providers/devstack/checks/services";

const service = (binary: string, host: string, more: Partial<ServiceRecord> = {}): ServiceRecord => ({
  ...{ id: `${binary}@${host}`, binary, host, isUp: true, isEnabled: true },
  ...more,
});
const hypervisor = (host: string, isUp = true): Hypervisor => ({ id: `rp-${host}`, name: host, host, isUp });

describe("services", () => {
  const wanted = { ctl: ["nova-conductor", "nova-scheduler"], hv1: ["nova-compute"] };

  test("all there and up: nothing is wrong; nova-compute is the hypervisors' matter", () => {
    const all = [service("nova-conductor", "ctl"), service("nova-scheduler", "ctl")];
    expect(servicesWrong(wanted, all)).toEqual([]);
    expect(serviceCount(wanted)).toBe(2);
  });

  test("one is down, one was never registered, one is disabled: each is told by name and host", () => {
    expect(servicesWrong(wanted, [service("nova-conductor", "ctl", { isUp: false })])).toEqual([
      "nova-conductor on ctl is down",
      "nova-scheduler on ctl is not registered",
    ]);
    const off = service("nova-scheduler", "ctl", { isEnabled: false, reason: "tired" });
    expect(servicesWrong(wanted, [service("nova-conductor", "ctl"), off])).toEqual([
      'nova-scheduler on ctl is disabled ("tired")',
    ]);
  });

  test("of two of a kind on one host (conductors of two cells), one that is up is enough", () => {
    const two = [service("nova-conductor", "ctl", { isUp: false }), service("nova-conductor", "ctl")];
    expect(servicesWrong({ ctl: ["nova-conductor"] }, two)).toEqual([]);
  });
});

describe("hypervisors", () => {
  const cells = { cell1: ["hv1", "hv2"] };
  const fine: Seen = {
    services: [service("nova-compute", "hv1"), service("nova-compute", "hv2")],
    mappings: [
      { host: "hv1", cell: "cell1", cellId: "c1" },
      { host: "hv2", cell: "cell1", cellId: "c1" },
    ],
    hypervisors: [hypervisor("hv1"), hypervisor("hv2")],
    vcpus: new Map([
      ["rp-hv1", 8],
      ["rp-hv2", 8],
    ]),
  };
  const wrong = (more: Partial<Seen>) => hypervisorFacts(cells, { ...fine, ...more }).wrong;

  test("all as they must be: a row for each, nothing wrong", () => {
    expect(hypervisorFacts(cells, fine)).toEqual({
      rows: [
        { host: "hv1", cell: "cell1", state: "up" },
        { host: "hv2", cell: "cell1", state: "up" },
      ],
      wrong: [],
    });
  });

  test("one that never registered", () => {
    const [one] = fine.services;
    const [mapping] = fine.mappings;
    const [first] = fine.hypervisors;
    const seen = { services: [one], mappings: [mapping], hypervisors: [first] } as Partial<Seen>;
    expect(wrong(seen)).toEqual(["hypervisor hv2 is not registered with nova"]);
  });

  test("trap openstack#6: one that is registered and not mapped is not in nova's list of hypervisors", () => {
    const [mapping] = fine.mappings;
    const [first] = fine.hypervisors;
    const seen = { mappings: [mapping], hypervisors: [first] } as Partial<Seen>;
    expect(wrong(seen)).toEqual(["hypervisor hv2 is not mapped to a cell"]);
    expect(hypervisorFacts(cells, { ...fine, ...seen }).rows[1]).toEqual({
      ...{ host: "hv2", cell: "", state: "not mapped" },
    });
  });

  test("one in another cell than planned", () => {
    const mappings = fine.mappings.map((one) => (one.host === "hv2" ? { ...one, cell: "cell2" } : one));
    expect(wrong({ mappings })).toEqual(["hypervisor hv2 is in cell cell2, not in cell1"]);
  });

  test("one that is down, whichever of nova's two lists says so", () => {
    const services = [service("nova-compute", "hv1"), service("nova-compute", "hv2", { isUp: false })];
    expect(wrong({ services })).toEqual(["hypervisor hv2 is down"]);
    expect(wrong({ hypervisors: [hypervisor("hv1"), hypervisor("hv2", false)] })).toEqual([
      "hypervisor hv2 is down",
    ]);
  });

  test("ones that nothing can be scheduled to: disabled, without a provider, without CPUs", () => {
    const off = service("nova-compute", "hv2", { isEnabled: false, reason: "new disk" });
    expect(wrong({ services: [service("nova-compute", "hv1"), off] })).toEqual([
      'hypervisor hv2 is not schedulable, because it is disabled: "new disk"',
    ]);
    const vcpus = new Map([
      ["rp-hv1", undefined],
      ["rp-hv2", 0],
    ]);
    expect(wrong({ vcpus })).toEqual([
      "hypervisor hv1 is not schedulable, because it has no resource provider in placement",
      "hypervisor hv2 is not schedulable, because it has no CPUs in its resource provider's inventory",
    ]);
  });
});

test("pairs are told with what was lost: every packet, or those of full size", () => {
  const pair = { from: "hv2", to: "hv3", address: "172.24.4.13", reached: true, fullSize: true };
  expect(pairsWrong([pair], 1_450)).toEqual([]);
  expect(
    pairsWrong(
      [
        { ...pair, fullSize: false },
        { ...pair, reached: false, fullSize: false, reason: "no login" },
      ],
      1_450,
    ),
  ).toEqual([
    "hv2 → hv3: full-size packet lost (MTU 1450)",
    "hv2 → hv3: no answer from 172.24.4.13 (no login)",
  ]);
});

describe("what a test server is made of", () => {
  const image = { createdAt: "2024", minRamMiB: 0, minDiskGiB: 0, format: "bare" };
  const all = {
    images: [
      { ...image, id: "i0", name: "cirros-0.5-kernel", format: "aki", createdAt: "2026" },
      { ...image, id: "i1", name: "cirros-0.5.2" },
      { ...image, id: "i2", name: "cirros-0.6.2", createdAt: "2025" },
      { ...image, id: "i3", name: "ubuntu", createdAt: "2026", minRamMiB: 512, minDiskGiB: 2 },
    ],
    flavors: [
      { id: "2", name: "m1.small", vcpus: 1, ramMiB: 2_048, diskGiB: 20 },
      { id: "42", name: "m1.nano", vcpus: 1, ramMiB: 192, diskGiB: 1 },
    ],
    networks: [
      { id: "n0", name: "public", isExternal: true, hasSubnet: true },
      { id: "n1", name: "empty", isExternal: false, hasSubnet: false },
      { id: "n2", name: "shared", isExternal: false, hasSubnet: true },
      { id: "n3", name: "private", isExternal: false, hasSubnet: true },
    ],
  };
  const names = (boot: object) => {
    const { image, flavor, network } = chooseParts({ timeoutS: 1, ...boot }, all);
    return [image.name, flavor.name, network.name];
  };

  test("the newest whole cirros, the smallest flavor, devstack's private network", () => {
    expect(names({})).toEqual(["cirros-0.6.2", "m1.nano", "private"]);
  });

  test("a flavor is large enough for the image", () => {
    expect(names({ image: "ubuntu" })[1]).toBe("m1.small");
  });

  test("as said, by name or id; what is not there is told with what is", () => {
    expect(names({ image: "i1", flavor: "m1.small", network: "n2" })).toEqual([
      ...["cirros-0.5.2", "m1.small", "shared"],
    ]);
    expect(() => names({ image: "fedora" })).toThrow(/no image "fedora" \(there is cirros-0.5.2, /);
    expect(() => names({ flavor: "huge" })).toThrow(/no flavor "huge" \(there is m1.small, m1.nano\)/);
    expect(() => names({ network: "lan" })).toThrow(/no network "lan"/);
  });

  test("without any that fits, it is told what to say", () => {
    const boot = { timeoutS: 1 };
    expect(() => chooseParts(boot, { ...all, images: [] })).toThrow(/begins with "cirros" \(there is none\)/);
    expect(() => chooseParts(boot, { ...all, networks: [] })).toThrow(/no network inside/);
    expect(() => chooseParts({ ...boot, image: "ubuntu" }, { ...all, flavors: [] })).toThrow(/no flavor is/);
  });
});
