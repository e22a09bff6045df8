import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { closeCallback, endCallback } from "./callback";
import { clearWay, pendingTask, taskName, type Wanted } from "./claim";
import type { FogClient, FogHost } from "./client";
import { clientFor, isFog } from "./clients";
import { findImage, noHost } from "./find";
import type { ImagedHostInputs, ImagedHostState } from "./imaged-host";
import { recordOf } from "./imaged-host.record";
import { isOfStack, readMark } from "./marks";
import { withPower } from "./switch";
import { runTask, writeNotes } from "./task-road";

interface Release {
  what: "image" | "wipe" | "poweroff" | "keep";
  /** Of `image:<name>`. */
  image?: string;
}

export function releaseOf({ onRelease }: Pick<ImagedHostInputs, "onRelease">): Release {
  const [what, ...rest] = onRelease.split(":");
  return what === "image" ? { what, image: rest.join(":") } : { what: what as Release["what"] };
}

const FAST_WIPE = 18;
/** Deadlines of a release count to the end of the task: nobody logs in afterwards. */
type ReleaseRun = Run<ImagedHostState>;

/**
 * Give the host back as the config said. None of it needs the installed system: a tenant who has taken our key away
 * is evicted all the same. What fails is thrown, so that the host stays in the state until it is really released.
 */
export async function releaseHost(state: ImagedHostState, run: ReleaseRun): Promise<void> {
  const { what } = releaseOf(state);
  try {
    if (what === "image" || what === "wipe") await imageAgain(state, run);
    else await leave(state, what, run);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LabError(
      `${state.name} is not released (onRelease: ${state.onRelease}), and stays in the state: ${reason} Mend it and run "pulumi destroy" again; to give it up as it is, say "onRelease: keep" and "pulumi up" first.`,
      { cause: error },
    );
  }
}

/** The record, unless somebody else has it now: that one's host is not touched. */
async function ourRecord(
  client: FogClient,
  state: ImagedHostState,
  run: ReleaseRun,
): Promise<FogHost | "gone" | "foreign"> {
  const host = await recordOf(client, state);
  if (!host) return "gone";
  const mark = readMark(host.description);
  if (isOfStack(mark, run.mark)) return host;
  run.say(
    `the FOG server's host "${state.name}" ${mark ? `belongs to ${mark.text} now` : "does not carry our mark any more"}: it is left alone, and not released`,
    "warning",
  );
  return "foreign";
}

async function imageAgain(state: ImagedHostState, run: ReleaseRun): Promise<void> {
  const client = await clientFor(run);
  const { image } = releaseOf(state);
  const what = image === undefined ? "wipe of the disks" : `release with image ${image}`;
  const wanted: Wanted = {
    type: image === undefined ? FAST_WIPE : 1,
    name: taskName(run.mark, image === undefined ? "release wipe" : `release ${image}`),
  };
  const found = await run.step("1/5 find", async () => {
    const host = await ourRecord(client, state, run);
    if (host === "gone") throw new LabError(noHost(client, state.name));
    // One that was completed before is none of this release: somebody may have used the host since.
    return host === "foreign"
      ? undefined
      : { host, pending: await pendingTask(client, host, wanted, [], run, "active") };
  });
  if (!found) return;
  const { host, pending } = found;
  await run.step("2/5 image", async () => {
    if (pending) return;
    const id = image === undefined ? undefined : (await findImage(client, state.name, image)).id;
    await clearWay(client, host, { limits: state.imaging, step: "2/5 image" }, run);
    if (id !== undefined && (await client.host(host.id))?.imageId !== id)
      await client.editHost(host.id, { imageId: id });
  });
  await runTask(
    {
      client,
      host,
      wanted,
      pending,
      what,
      limits: state.imaging,
      machine: { ...state, mac: state.mac ?? host.macs[0] },
      steps: {
        task: "3/5 task",
        boot: "4/5 boot",
        follow: `5/5 ${image === undefined ? "wiping" : "imaging"}`,
      },
    },
    run as Run,
  );
  if (image !== undefined) await backToDisk(state, host, run);
  await tidy(client, host, state);
}

/** Some BMCs keep the network for every boot. The host is released either way. */
async function backToDisk(state: ImagedHostState, host: FogHost, run: ReleaseRun): Promise<void> {
  try {
    await withPower({ ...state, mac: state.mac ?? host.macs[0] }, run, async (power) => {
      if (power.can.networkOnce) await power.bootOnce("disk");
    });
  } catch (error) {
    run.signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    run.say(`${state.name}: it may still boot from the network first: ${reason}`, "warning");
  }
}

/** Nothing of ours is left in the record but its mark, which is the record's own resource's. */
async function tidy(client: FogClient, host: FogHost, state: ImagedHostState): Promise<void> {
  await writeNotes(client, host.id, () => ({}));
  await closeCallback(client, host.id);
  endCallback(host, state);
}

/** `poweroff` and `keep`: a server that is away or has no record any more is no reason to keep a host. */
async function leave(state: ImagedHostState, what: "poweroff" | "keep", run: ReleaseRun): Promise<void> {
  const client = await clientFor(run);
  const host = await run.step("1/2 find", () =>
    ourRecord(client, state, run).catch((error: unknown) => {
      if (!isFog(error, "unreachable", "timeout", "server")) throw error;
      run.say(`${state.name}: ${error.message} Its record could not be looked at.`, "warning");
      return "gone" as const;
    }),
  );
  if (host === "foreign") return;
  await run.step(`2/2 ${what}`, async () => {
    // Without power the server would wait for the end of a task for ever.
    if (host !== "gone" && what === "poweroff")
      await clearWay(client, host, { limits: state.imaging, step: "2/2 poweroff" }, run);
    if (host !== "gone") await tidy(client, host, state);
    if (what === "keep") return;
    const mac = state.mac ?? (host === "gone" ? undefined : host.macs[0]);
    await withPower({ ...state, mac }, run, (power) => power.off());
  });
}
