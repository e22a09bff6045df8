import { OpenStackClient } from "../../providers/openstack/client";
import { CloudsError, entryName, entryValues, findCloud } from "../../providers/openstack/clouds";
import { oldKeystone, pluginSettings, strayVariables } from "../../providers/openstack/identity";
import type { ConfigProblem, OpenStackBackend } from "../config/types";
import {
  chosenFlavor,
  chosenImage,
  type ImageReference,
  isCloudReference,
  isFlavorReference,
  isImageReference,
} from "../plan/openstack-references";
import { own, stable } from "../plan/stable";
import type { LabPlan, PlannedResource } from "../plan/types";
import { checkCloud, externalNetwork } from "./checks";
import { isPluginKind } from "./declare";
import { askCloud, type CloudFacts } from "./facts";
import { instancesOf } from "./instances";
import { flavorOf, imageOf, type Lasting, lastingOf } from "./lasting";
import { notesOf } from "./notes";

/** Clouds of a plan, by the names of their backends. */
export function cloudsOf({ resources }: LabPlan): Map<string, OpenStackBackend> {
  const clouds = new Map<string, OpenStackBackend>();
  for (const { kind, backend, inputs } of resources)
    if (kind.startsWith("openstack:") && backend.kind === "openstack")
      clouds.set(String(inputs.backend), backend);
  return clouds;
}

/** The plan with what only its clouds know, or everything that they would refuse. */
export async function askClouds(
  plan: LabPlan,
): Promise<{ plan: LabPlan; problems: [] } | { plan?: undefined; problems: ConfigProblem[] }> {
  const problems: ConfigProblem[] = [];
  let settled = plan;
  await Promise.all(
    [...cloudsOf(plan)].map(async ([name, backend]) => {
      try {
        const { facts, settings } = await factsOf(plan, name, backend);
        problems.push(...checkCloud(plan, name, facts));
        settled = withSettings(settle(settled, name, backend, facts), name, settings);
      } catch (error) {
        // A cloud that cannot be asked is a refusal like the others, and told with them.
        problems.push({ path: ["backends", name], message: (error as Error).message });
      }
    }),
  );
  return problems.length > 0 ? { problems } : { plan: settled, problems: [] };
}

async function factsOf(
  plan: LabPlan,
  name: string,
  backend: OpenStackBackend,
): Promise<{ facts: CloudFacts; settings: Record<string, string> }> {
  const { cloud, region } = backend;
  const found = findCloud({ ...(cloud ? { cloud } : {}), ...(region ? { region } : {}) });
  const entry = entryName(backend, process.env);
  checkLogin(entry);
  const api = new OpenStackClient(found);
  try {
    const images = instancesOf(plan, name)
      .map(({ inputs }) => inputs.imageId)
      .filter(isImageReference);
    const facts = await askCloud(api, images);
    return { facts, settings: pluginSettings(found, await api.projectId(), entry) };
  } finally {
    api.close();
  }
}

/** What would make the plugin log in otherwise than we do. */
function checkLogin(entry: string | undefined): void {
  const found = entry === undefined ? undefined : { name: entry, value: entryValues(entry) };
  const old = oldKeystone(found, process.env);
  if (old !== undefined) throw new CloudsError(old);
  const stray = found ? strayVariables(found.value, process.env) : [];
  if (stray.length > 0)
    throw new CloudsError(
      `cloud "${entry}" of clouds.yaml is one login, and ${stray.join(", ")} of the environment would make another one of it: "unset ${stray.join(" ")}".`,
    );
}

const withSettings = (plan: LabPlan, name: string, settings: Record<string, string>): LabPlan => ({
  ...plan,
  resources: plan.resources.map((resource) =>
    resource.inputs.backend === name && isPluginKind(resource.kind)
      ? { ...resource, pluginSettings: settings }
      : resource,
  ),
});

/** What a server that is there keeps, whatever is planned. */
function keptOf(lasting: Lasting | undefined): Pick<PlannedResource, "ignoreChanges"> {
  if (!lasting) return {};
  // Only a new server can be given a config drive. A flavor that is gone has no name in the state, and a name there
  // would be another server.
  return { ignoreChanges: ["configDrive", ...(lasting.flavor === "former" ? ["flavorName"] : [])] };
}

/** References to the cloud's facts become values, and chosen flavors and images are kept in the lock. */
export function settle(plan: LabPlan, name: string, backend: OpenStackBackend, facts: CloudFacts): LabPlan {
  const external = externalNetwork(backend.externalNetwork, facts);
  const flavors: Record<string, string> = { ...plan.lock.flavors };
  const glance: Record<string, string> = { ...plan.lock.glance };
  const newFacts = [...plan.newFacts];
  const image = (reference: ImageReference, resource: PlannedResource): unknown => {
    const found = imageOf(plan, resource, reference, facts);
    if (!found.id) return reference;
    const entry = chosenImage(reference.imageNamed, found.id);
    if (own(glance, resource.name) !== entry) newFacts.push(`${resource.name} has image ${entry}`);
    glance[resource.name] = entry;
    return found.id;
  };
  const fact = (value: unknown, resource: PlannedResource): unknown => {
    if (isCloudReference(value))
      return external?.[value.cloud === "externalNetworkId" ? "id" : "name"] ?? value;
    if (isImageReference(value)) return image(value, resource);
    if (!isFlavorReference(value)) return value;
    const flavor = flavorOf(plan, resource, facts);
    if (!flavor) return value;
    const entry = chosenFlavor(flavor.name, value.flavorWith);
    if (own(flavors, resource.name) !== entry) newFacts.push(`${resource.name} has flavor ${entry}`);
    flavors[resource.name] = entry;
    return flavor.name;
  };
  const resources = plan.resources.map((resource) =>
    resource.inputs.backend === name && resource.kind.startsWith("openstack:")
      ? {
          ...resource,
          inputs: Object.fromEntries(
            Object.entries(resource.inputs).map(([key, value]) => [key, fact(value, resource)]),
          ),
          ...keptOf(lastingOf(plan, resource, facts)),
        }
      : resource,
  );
  const lock = stable({
    ...plan.lock,
    ...(Object.keys(flavors).length > 0 ? { flavors } : {}),
    ...(Object.keys(glance).length > 0 ? { glance } : {}),
  });
  return { ...plan, resources, lock, newFacts, notes: [...plan.notes, ...notesOf(plan, name, facts)] };
}
