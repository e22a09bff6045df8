import type { Run } from "../core/definition";
import { DeadlineError } from "../core/errors";
import { pruned } from "../core/reported";
import { SshError } from "../ssh/errors";
import { proveUp, type Up, waitUntilUp } from "./arrival";
import type { FogClient, FogHost } from "./client";
import type { ImagedHostInputs, ImagedHostState } from "./imaged-host";
import { readMark, sameFogName } from "./marks";

/** It has the image by the server's word, and no imaging of it was cut off. */
export const canAdopt = (
  host: Pick<FogHost, "imageName" | "deployed" | "description">,
  image: string,
): boolean =>
  host.imageName !== undefined &&
  host.deployed !== undefined &&
  sameFogName(host.imageName, image) &&
  readMark(host.description)?.task === undefined;

/** A host that is up answers within this time. */
const ANSWER_S = 20;

/** Take a host that has its image already as it is. What can be proven is proven; nothing is changed. */
export async function adoptHost(
  client: FogClient,
  host: FogHost,
  inputs: ImagedHostInputs,
  run: Run<ImagedHostState>,
): Promise<ImagedHostState> {
  const up = await run.step("6/8 up", () => upIfItAnswers(client, host, inputs, run));
  const bootId = up && (await run.step("7/8 proof", () => proveUp(up, inputs, { before: [] }, run)));
  run.say(
    `${inputs.name}: taken as it is, with image ${inputs.image} since ${host.deployed}${up ? "" : ", by the FOG server's word alone"}`,
  );
  return pruned<ImagedHostState>({
    ...inputs,
    ...up,
    hostId: host.id,
    imagedImage: inputs.image,
    imagedGeneration: inputs.generation,
    imagedAt: (host.deployed ?? "").replace(" ", "T"),
    bootId,
    deployed: host.deployed,
    deployedSeen: host.deployed,
  });
}

async function upIfItAnswers(
  client: FogClient,
  host: FogHost,
  inputs: ImagedHostInputs,
  run: Run<ImagedHostState>,
): Promise<Up | undefined> {
  try {
    return await waitUntilUp(client, host, inputs, run, {
      timeoutS: Math.min(inputs.imaging.bootS, ANSWER_S),
    });
  } catch (error) {
    if (run.signal.aborted) throw error;
    const isWrongKey = error instanceof SshError && error.reason === "host-key" && inputs.hostKeys?.length;
    if (isWrongKey || !(error instanceof SshError || error instanceof DeadlineError)) throw error;
    run.say(`${inputs.name}: what is installed was not proven: ${error.message}`, "warning");
    return undefined;
  }
}
