import type { Server } from "../../../../providers/openstack/clients";
import type { LabConfig, MachineConfig, OpenStackBackend } from "../../../../stacks/config/types";
import { checkCloud } from "../../../../stacks/openstack/checks";
import { type CloudFacts, NETWORK_THINGS } from "../../../../stacks/openstack/facts";
import type { LabPlan, Lock } from "../../../../stacks/plan/types";
import { planned, cloudMachine as server } from "../plan/lab";

/** A cloud and its labs, for tests of what a preview compares. */

export const backend = (parts: Partial<OpenStackBackend> = {}): OpenStackBackend => ({
  kind: "openstack",
  ...parts,
});

/** Sizes instead of a flavor. */
export const sized = (parts: Partial<MachineConfig>): MachineConfig => {
  const { flavor: _named, ...rest } = server(parts);
  return rest;
};

type Given = { lock?: Lock; image?: string; networks?: NonNullable<LabConfig["networks"]> };

export const planOf = (
  machines: Record<string, MachineConfig>,
  cloud = backend(),
  { lock, image = "Debian 12", networks = {} }: Given = {},
): LabPlan =>
  planned(
    {
      lab: "k3v9q2x7",
      stack: "dev",
      backends: { cloud },
      networks: { admin: { backend: "cloud", cidr: "10.20.0.0/24" }, ...networks },
      images: { debian12: { glance: { name: image, user: "debian" } } },
      machines,
    } satisfies LabConfig,
    lock,
  );

export const IMAGE = { id: "image-1", name: "Debian 12", status: "active", min_disk: 0, min_ram: 0 };

/** A cloud that has all that the labs here ask for. */
export const cloud = (parts: Partial<CloudFacts> = {}): CloudFacts => ({
  images: new Map([["Debian 12", [IMAGE]]]),
  keptImages: new Map(),
  formerFlavors: new Map(),
  flavors: [
    { id: "flavor-m1.large", name: "m1.large", vcpus: 4, ram: 8192, disk: 80 },
    { id: "flavor-m1.small", name: "m1.small", vcpus: 1, ram: 2048, disk: 20 },
    { id: "flavor-m1.medium", name: "m1.medium", vcpus: 2, ram: 4096, disk: 40 },
    { id: "flavor-c1.medium", name: "c1.medium", vcpus: 4, ram: 4096, disk: 40 },
  ],
  externalNetworks: [{ id: "net-1", name: "public" }],
  zones: ["nova"],
  keypairs: new Map(),
  servers: [],
  described: Object.fromEntries(
    NETWORK_THINGS.map((thing) => [thing, []]),
  ) as unknown as CloudFacts["described"],
  subnets: new Map(),
  quota: {},
  ...parts,
});

/** What a lab's server, its card and its network are known by in the cloud. */
export const w1: Server = {
  id: "s1",
  name: "w1",
  status: "ACTIVE",
  metadata: { labplan: "k3v9q2x7/dev/w1" },
  addresses: {},
  image: { id: "image-1" },
  flavor: { id: "flavor-m1.small" },
  "OS-EXT-AZ:availability_zone": "nova",
};
export const there = (cards = ["w1/admin"], parts: Partial<CloudFacts> = {}): Partial<CloudFacts> => ({
  servers: [w1],
  keptImages: new Map([["image-1", IMAGE]]),
  described: { ...cloud().described, port: cards.map((card) => `labplan k3v9q2x7/dev/${card}`) },
  subnets: new Map([["labplan k3v9q2x7/dev/admin", { cidr: "10.20.0.0/24" }]]),
  ...parts,
});

export const told = (plan: LabPlan, facts: CloudFacts): string[] =>
  checkCloud(plan, "cloud", facts).map(({ path, message }) => `${path.join(".")}: ${message}`);
