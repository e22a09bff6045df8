import { adviceFor } from "../../providers/openstack/broken";
import { suggest } from "../config/suggest";
import type { ConfigPath, ConfigProblem } from "../config/types";
import { isImageReference } from "../plan/openstack-references";
import { withoutComment } from "../plan/openstack-user-data";
import type { LabPlan, PlannedResource } from "../plan/types";
import type { CloudFacts, FlavorFact } from "./facts";
import { diskFor, isTooSmall, noFlavor } from "./flavors";
import { instancesOf } from "./instances";
import { flavorOf, hasZone, imageOf, lastingOf, needsOf, serversOf } from "./lasting";
import { quotaProblems } from "./quota";
import { subnetProblems } from "./subnets";

/** What a cloud would refuse, or do worse with. All of it at once. */
export function checkCloud(plan: LabPlan, name: string, facts: CloudFacts): ConfigProblem[] {
  const ours = plan.resources.filter(
    ({ kind, inputs }) => kind.startsWith("openstack:") && inputs.backend === name,
  );
  const servers = instancesOf(plan, name);
  const flavors = new Map(servers.map((server) => [server, flavorOf(plan, server, facts)]));
  return [
    ...servers.flatMap((server) => serverProblems(plan, server, facts, flavors.get(server))),
    ...subnetProblems(plan, name, facts),
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

function serverProblems(
  plan: LabPlan,
  server: PlannedResource,
  facts: CloudFacts,
  flavor: FlavorFact | undefined,
): ConfigProblem[] {
  const { inputs, name } = server;
  const problems: ConfigProblem[] = [];
  const add = (field: ConfigPath, message: string) =>
    problems.push({ path: ["machines", name, ...field], message });

  // What a server was made with may be gone: it runs on.
  const lasting = lastingOf(plan, server, facts);
  const wanted = isImageReference(inputs.imageId) ? inputs.imageId : undefined;
  const image = wanted && imageOf(plan, server, wanted, facts);
  if (image?.problem && !lasting) add(["image"], image.problem);

  const needs = needsOf(server);
  if (!flavor && !lasting?.flavor)
    add(
      needs ? [] : ["flavor"],
      needs
        ? noFlavor(facts, needs, image?.fact)
        : `the cloud has no flavor "${inputs.flavorName}"${suggest(
            String(inputs.flavorName),
            facts.flavors.map((one) => one.name),
            "It has",
          )}`,
    );
  else if (flavor && !lasting?.flavor && image?.fact && isTooSmall(flavor, image.fact))
    add(
      needs ? [] : ["flavor"],
      `image "${wanted?.imageNamed}" needs ${image.fact.min_ram} MiB of memory and ${diskFor(image.fact)} GiB of disk, and flavor "${flavor.name}" has ${flavor.ram} MiB and ${flavor.disk} GiB. Take a larger one.`,
    );

  const { availabilityZone } = inputs;
  if (!lasting && !hasZone(server, facts))
    add(
      ["availabilityZone"],
      `the cloud has no availability zone "${availabilityZone}"${suggest(String(availabilityZone), facts.zones, "It has")}`,
    );

  const broken = serversOf(plan, server, facts).find(({ status }) => status === "ERROR");
  // The engine believes that it is there and in order, and an up would say nothing of it.
  if (broken)
    add(
      [],
      `its server is in state ERROR${broken.fault ? `: ${broken.fault.message.replace(/\.$/, "")}` : ""}. ${adviceFor(broken)}`,
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
    if (there === undefined || withoutComment(there) === inputs.publicKey) return [];
    return [
      {
        path: ["backends", name],
        message: `the cloud has a keypair "${inputs.name}" with another key, and it is not ours. Delete it ("openstack keypair delete ${inputs.name}").`,
      },
    ];
  });
