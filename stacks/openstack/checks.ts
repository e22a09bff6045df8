import { markText } from "../../providers/core/definition";
import { MARK_KEY } from "../../providers/openstack/marks";
import { suggest } from "../config/suggest";
import type { ConfigPath, ConfigProblem } from "../config/types";
import { type FlavorNeeds, isFlavorReference } from "../plan/openstack-references";
import type { LabPlan, PlannedResource } from "../plan/types";
import type { CloudFacts, FlavorFact } from "./facts";
import { noFlavor, smallestFlavor } from "./flavors";
import { quotaProblems } from "./quota";

const INSTANCE = "openstack:compute/Instance";

/** What a cloud would refuse, or do worse with. All of it at once. */
export function checkCloud(plan: LabPlan, name: string, facts: CloudFacts): ConfigProblem[] {
  const ours = plan.resources.filter(
    ({ kind, inputs }) => kind.startsWith("openstack:") && inputs.backend === name,
  );
  const servers = ours.filter(({ kind }) => kind === INSTANCE);
  const flavors = new Map(servers.map((server) => [server, flavorOf(server, facts)]));
  return [
    ...servers.flatMap((server) => serverProblems(plan, server, facts, flavors.get(server))),
    ...externalNetworkProblems(name, ours, facts),
    ...keypairProblems(name, ours, facts),
    ...quotaProblems(plan, name, ours, facts, flavors),
  ];
}

/** The external network that routers and floating IPs use, where it is clear which. */
export function externalNetwork(
  wanted: string | undefined,
  { externalNetworks }: Pick<CloudFacts, "externalNetworks">,
): { id: string; name: string } | undefined {
  const fitting = externalNetworks.filter(
    ({ name, id }) => wanted === undefined || name === wanted || id === wanted,
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

const needsOf = ({ inputs }: PlannedResource): FlavorNeeds | undefined =>
  isFlavorReference(inputs.flavorName) ? inputs.flavorName.flavorWith : undefined;

/** Named, or chosen. */
export function flavorOf(server: PlannedResource, facts: CloudFacts): FlavorFact | undefined {
  const needs = needsOf(server);
  return needs
    ? smallestFlavor(facts, needs)
    : facts.flavors.find(({ name }) => name === server.inputs.flavorName);
}

function serverProblems(
  plan: LabPlan,
  server: PlannedResource,
  facts: CloudFacts,
  flavor: FlavorFact | undefined,
): ConfigProblem[] {
  const { inputs, name, markName } = server;
  const problems: ConfigProblem[] = [];
  const add = (field: ConfigPath, message: string) =>
    problems.push({ path: ["machines", name, ...field], message });

  const imageName = String(inputs.imageName);
  const images = facts.images.get(imageName) ?? [];
  const image = images.find(({ status }) => status === "active");
  if (images.length === 0)
    add(["image"], `the cloud has no image "${imageName}". "openstack image list" shows what it has.`);
  else if (!image)
    add(
      ["image"],
      `image "${imageName}" of the cloud is ${images[0]?.status}, and no server starts from it. Have it mended.`,
    );
  else if (images.length > 1)
    add(
      ["image"],
      `the cloud has ${images.length} images called "${imageName}", and nobody can say which is meant. Rename one.`,
    );

  const needs = needsOf(server);
  if (!flavor)
    add(
      needs ? [] : ["flavor"],
      needs
        ? noFlavor(facts, needs)
        : `the cloud has no flavor "${inputs.flavorName}"${suggest(
            String(inputs.flavorName),
            facts.flavors.map((one) => one.name),
            "It has",
          )}`,
    );
  else if (image && (flavor.ram < image.min_ram || (flavor.disk > 0 && flavor.disk < image.min_disk)))
    add(
      needs ? [] : ["flavor"],
      `image "${imageName}" needs ${image.min_ram} MiB of memory and ${image.min_disk} GiB of disk, and flavor "${flavor.name}" has ${flavor.ram} MiB and ${flavor.disk} GiB. Take a larger one.`,
    );

  const { availabilityZone } = inputs;
  if (availabilityZone !== undefined && !facts.zones.includes(String(availabilityZone).split(":")[0] ?? ""))
    add(
      ["availabilityZone"],
      `the cloud has no availability zone "${availabilityZone}"${suggest(String(availabilityZone), facts.zones, "It has")}`,
    );

  const mark = markText({ lab: plan.lab, stack: plan.stack, name: markName ?? name });
  const broken = facts.servers.find(
    ({ metadata, status }) => metadata[MARK_KEY] === mark && status === "ERROR",
  );
  // The engine believes that it is there and in order, and an up would say nothing of it.
  if (broken)
    add(
      [],
      `its server is in state ERROR${broken.fault ? `: ${broken.fault.message.replace(/\.$/, "")}` : ""}. Delete it ("openstack server delete ${broken.id}"), and "pulumi up" makes it anew.`,
    );
  return problems;
}

function externalNetworkProblems(
  name: string,
  ours: readonly PlannedResource[],
  facts: CloudFacts,
): ConfigProblem[] {
  const router = ours.find(({ kind }) => kind === "openstack:networking/Router");
  if (router?.backend.kind !== "openstack") return [];
  const wanted = router.backend.externalNetwork;
  if (externalNetwork(wanted, facts)) return [];
  const names = facts.externalNetworks.map((one) => one.name);
  const path = ["backends", name, ...(wanted === undefined ? [] : ["externalNetwork"])];
  if (wanted !== undefined)
    return [
      { path, message: `the cloud has no external network "${wanted}"${suggest(wanted, names, "It has")}` },
    ];
  return [
    {
      path,
      message:
        names.length === 0
          ? "the cloud has no external network, and routers need one. Have one made, or use networks of mode isolated."
          : `the cloud has ${names.length} external networks: ${names.join(", ")}. Say which: \`externalNetwork: ${names[0]}\`.`,
    },
  ];
}

/** Keypairs are the login's own, with the lab's mark in their names: another key under one of them is a stranger's. */
const keypairProblems = (
  name: string,
  ours: readonly PlannedResource[],
  { keypairs }: CloudFacts,
): ConfigProblem[] =>
  ours.flatMap(({ kind, inputs }) => {
    const there = kind === "openstack:compute/Keypair" ? keypairs.get(String(inputs.name)) : undefined;
    if (there === undefined || bare(there) === bare(String(inputs.publicKey))) return [];
    return [
      {
        path: ["backends", name],
        message: `the cloud has a keypair "${inputs.name}" with another key, and it is not ours. Delete it ("openstack keypair delete ${inputs.name}").`,
      },
    ];
  });

/** Without its comment. */
const bare = (key: string): string => key.trim().split(/\s+/).slice(0, 2).join(" ");
