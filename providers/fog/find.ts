import type { Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { FogClient, FogHost, FogImage } from "./client";
import { foreignMessage, isOfStack, readMark } from "./marks";

/** The host's record, by its exact name; refused unless this stack has marked it and it is the machine that is meant. */
export async function findHost(
  client: FogClient,
  inputs: { name: string; mac?: string },
  run: Pick<Run, "mark">,
): Promise<FogHost> {
  const host = await client.hostByName(inputs.name);
  if (!host) throw new LabError(noHost(client, inputs.name));
  const mark = readMark(host.description);
  if (!isOfStack(mark, run.mark)) throw new LabError(foreignMessage("host", inputs.name, mark));
  const problem = wrongMachine(client, host, inputs.mac);
  if (problem) throw new LabError(problem);
  return host;
}

export const noHost = (client: FogClient, name: string): string =>
  `${name}: ${client.server} has no host of this name. Was its record removed there? "pulumi up --refresh" makes it anew.`;

/** An image on the wrong machine cannot be undone. */
export const wrongMachine = (
  client: FogClient,
  host: FogHost,
  mac: string | undefined,
): string | undefined =>
  mac === undefined || host.macs.includes(mac)
    ? undefined
    : `${host.name}: the config says that its first card is ${mac}, and its record in ${client.server} has ${host.macs.join(", ") || "none"}. One of them is of another machine, and that would lose its disk: nothing is done until they agree.`;

/** Why an image cannot be put on a host. */
export function imageProblem(
  client: FogClient,
  name: string,
  image: FogImage | undefined,
): string | undefined {
  if (!image)
    return `${client.server} has no image "${name}". Check its name there, or register it by "fog: { path }".`;
  return image.enabled
    ? undefined
    : `the image "${name}" is disabled in ${client.server}. Enable it there, or say another one.`;
}

export async function findImage(client: FogClient, host: string, name: string): Promise<FogImage> {
  const image = await client.imageByName(name);
  const problem = imageProblem(client, name, image);
  if (!image || problem) throw new LabError(`${host}: ${problem}`);
  return image;
}

/** Fields of a preview, for those that only a look at the server finds. */
export const problem = (field: string, message: string | undefined): Problem[] =>
  message === undefined ? [] : [{ field, message }];
