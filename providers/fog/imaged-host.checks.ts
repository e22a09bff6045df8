import type { Problem, Run } from "../core/definition";
import { othersTask, pendingTask, taskName } from "./claim";
import type { FogClient, FogHost } from "./client";
import { clientFor } from "./clients";
import { estimateS, wipeSentence } from "./estimate";
import { imageProblem, problem, wrongMachine } from "./find";
import { sameName } from "./host.changes";
import { canAdopt } from "./host-adoption";
import type { ImagedHostInputs, ImagedHostState } from "./imaged-host";
import { isImaged, refusal } from "./imaging";
import { foreignMessage, readMark, sameFogName } from "./marks";
import { releaseOf } from "./release";
import { withPower } from "./switch";

/** What only a look at the server, and at the switch, can refuse of a host that is imaged for the first time. */
export async function precheckImaging(
  inputs: ImagedHostInputs,
  run: Run<ImagedHostState>,
): Promise<Problem[]> {
  const client = await clientFor(run);
  const host = await client.hostByName(inputs.name);
  const mark = host && readMark(host.description);
  // Nothing is asked of, or said about, a machine of another lab.
  if (host && mark && !mark.text.startsWith(`${run.mark.lab}/${run.mark.stack}/`))
    return problem("name", foreignMessage("host", inputs.name, mark));
  return [
    ...problem("name", recordTrouble(client, inputs, host)),
    // A record that we made is set right by its own resource.
    ...problem("mac", host && !mark ? wrongMachine(client, host, inputs.mac) : undefined),
    ...problem("image", await imageTrouble(client, inputs.image, inputs)),
    ...problem("onRelease", await releaseTrouble(client, inputs)),
    ...problem("power", await powerTrouble(inputs, host, run)),
    ...problem("name", host && (await othersTask(client, host, run.mark))),
    ...problem("allow", await wipeTrouble(client, inputs, host, run)),
  ];
}

/** With MACs, the record is another resource's, which says what is wrong with it by itself. */
function recordTrouble(
  client: FogClient,
  { name, mac, adopt }: ImagedHostInputs,
  host: FogHost | undefined,
): string | undefined {
  if (mac !== undefined || (host && (adopt || readMark(host.description)))) return undefined;
  return host
    ? foreignMessage("host", name, undefined)
    : `${client.server} has no host "${name}". To register it, say its "macs:", the one that boots from the network first.`;
}

/** Says what is lost, and refuses it unless that is allowed. */
async function wipeTrouble(
  client: FogClient,
  inputs: ImagedHostInputs,
  host: FogHost | undefined,
  run: Run<ImagedHostState>,
): Promise<string | undefined> {
  const { name, image, generation, adopt, allow } = inputs;
  if (host && adopt && canAdopt(host, image)) {
    run.say(`takes ${name} as it is: ${client.server} says that it has ${image} since ${host.deployed}`);
    return undefined;
  }
  if (host) {
    const wanted = { type: 1, name: taskName(run.mark, `${image}#${generation}`) } as const;
    const { done } = readMark(host.description) ?? {};
    if (await pendingTask(client, host, wanted, [done], run)) return undefined;
  }
  const seconds = await estimateS(client, image, host);
  const sentence = wipeSentence(name, { image: host?.imageName }, { image, generation }, seconds);
  if (!allow.includes("wipe")) return refusal(inputs, sentence);
  run.say(sentence);
  return undefined;
}

/** One that this stack is to make is there by the time that it is needed. */
async function imageTrouble(
  client: FogClient,
  name: string,
  { ownImages = [] }: Pick<ImagedHostInputs, "ownImages">,
): Promise<string | undefined> {
  const image = await client.imageByName(name);
  if (!image && ownImages.some((own) => sameFogName(own, name))) return undefined;
  return imageProblem(client, name, image);
}

async function releaseTrouble(client: FogClient, inputs: ImagedHostInputs): Promise<string | undefined> {
  const { image } = releaseOf(inputs);
  const trouble = image === undefined ? undefined : await imageTrouble(client, image, inputs);
  return trouble && `${inputs.name} could not be released: ${trouble}`;
}

/** A preview does not wait for ever for a controller. */
const POWER_ANSWER_S = 20;

/** A switch that does not answer would be met in the middle of an imaging, and again when the host is given back. */
async function powerTrouble(
  inputs: ImagedHostInputs,
  host: FogHost | undefined,
  run: Run<ImagedHostState>,
): Promise<string | undefined> {
  // A machine of the embedded lab is there as soon as its record is.
  if (!host && inputs.power.kind === "redfish" && inputs.power.url === "embedded:") return undefined;
  const late = AbortSignal.timeout(POWER_ANSWER_S * 1_000);
  let last = "";
  const asking = {
    backend: run.backend,
    signal: AbortSignal.any([run.signal, late]),
    dryRun: run.dryRun,
    secret: run.secret.bind(run),
    progress: (message: string) => {
      last = message;
    },
  };
  try {
    return await withPower({ ...inputs, mac: inputs.mac ?? host?.macs[0] }, asking, async (power) => {
      if (releaseOf(inputs).what === "poweroff" && !power.can.off)
        return `${inputs.name}: "onRelease: poweroff" needs a power that can switch off, and ${inputs.power.kind} cannot. Say image:<name>, wipe or keep, or give it a BMC.`;
      if (power.can.status) await power.status();
      return undefined;
    });
  } catch (error) {
    run.signal.throwIfAborted();
    const reason = late.aborted
      ? `no answer within ${POWER_ANSWER_S} s${last ? ` (${last})` : ""}`
      : error instanceof Error
        ? error.message
        : String(error);
    return `${inputs.name}: its power cannot be asked: ${reason}`;
  }
}

/** Another host is another disk: what is on it must be allowed to go. */
export function refuseImaging(inputs: ImagedHostInputs, before: ImagedHostInputs): Problem[] {
  if (inputs.allow.includes("wipe")) return [];
  const moved = (["name", "backend"] as const).find((field) => !sameName(before[field], inputs[field]));
  return problem(
    moved ?? "",
    moved &&
      `${moved} ${before[moved]} → ${inputs[moved]}: ${before.name} is released (${before.onRelease}), and ${refusal(inputs, wipeSentence(inputs.name, {}, inputs, undefined))}`,
  );
}

/** What `up` will do to the host, and what was done to it elsewhere and is left. */
export function notesOfImaging(inputs: ImagedHostInputs, state: ImagedHostState): string[] {
  const { name } = inputs;
  if (state.interrupted)
    return [
      `${name}: an imaging of it was cut off${state.taskId === undefined ? "" : ` (task ${state.taskId})`}; one that still runs is followed, else ${wipeSentence(name, {}, inputs, state.imagingS)}`,
    ];
  if (!isImaged(inputs, state)) {
    const { imagedImage: image, imagedGeneration: generation } = state;
    return [wipeSentence(name, { image, generation }, inputs, state.imagingS)];
  }
  return state.deployedSeen !== undefined && state.deployedSeen !== state.deployed
    ? [
        `${name}: the FOG server says that it was imaged at ${state.deployedSeen} by somebody else; it is left as it is. To have it as the config says, raise imageGeneration.`,
      ]
    : [];
}
