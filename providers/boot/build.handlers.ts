import * as path from "node:path";
import { type FetchOptions, fetchInstallerFile } from "../../kickstart/server/files";
import { ensureBootHome } from "../../kickstart/server/home";
import { BootLog } from "../../kickstart/server/log";
import { macWithDashes } from "../../kickstart/server/mac";
import { Registry } from "../../kickstart/server/registry";
import { removeTftpFolder, writeTftpFolder } from "../../kickstart/server/tftp-folder";
import type { InstallFiles, Registration } from "../../kickstart/server/types";
import { same } from "../core/change";
import type { Definition, Run } from "../core/definition";
import { DeadlineError, LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { formatBytes } from "../core/sizes";
import { stopwatch } from "../core/stopwatch";
import type { BuildInputs, BuildState } from "./build";
import { buildChanges } from "./build.changes";
import { blankDisk, builderOf, isDiskThere } from "./builder";
import { precheckOf } from "./precheck";
import { judge, stagesOf, type Watched } from "./progress";
import { wayOn } from "./resume";
import { buildSchema } from "./schema";
import { withServer } from "./server";
import { differingLines, digestOf, servedFiles } from "./text";

const STEPS = {
  files: "1/7 files",
  look: "2/7 look",
  disk: "3/7 disk",
  register: "4/7 register",
  builder: "5/7 builder",
  install: "6/7 install",
  clear: "7/7 clear away",
} as const;

/** A look at the power may be a process of its own: seldom, once the first seconds are over. */
const pollMs = (elapsedS: number): number => (elapsedS < 10 ? 200 : 1_000);

const who = ({ name }: Pick<BuildInputs, "name">) => `image "${name}"`;

/** The same disk, whatever its size: what is installed on it is still there. */
const isSameDisk = (a: BuildInputs["disk"], b: BuildInputs["disk"]): boolean =>
  a.kind === b.kind && ["name", "pool", "backend"].every((key) => same(a.inputs[key], b.inputs[key]));

const builtOf = (inputs: BuildInputs, build: Pick<BuildState, "text" | "installedAt">): BuildState =>
  pruned<BuildState>({
    ...inputs,
    text: build.text,
    installed: true,
    installedAt: build.installedAt,
    installedText: digestOf(build.text),
  });

async function fetchFiles(inputs: BuildInputs, folder: string, run: Run<BuildState>) {
  const fetch = async (which: "kernel" | "initrd"): Promise<string> => {
    const options: FetchOptions = {
      folder,
      name: `${who(inputs)}: ${which}`,
      signal: run.signal,
      onProgress: (bytes, total) =>
        run.progress(
          `[${STEPS.files}] ${which}: ${formatBytes(bytes)}${total === undefined ? "" : ` of ${formatBytes(total)}`}`,
        ),
    };
    const file = await fetchInstallerFile(inputs[which], options);
    return file.path;
  };
  return { kernel: await fetch("kernel"), initrd: await fetch("initrd") };
}

/** A TFTP server that is not ours, VirtualBox's own, serves a folder of this machine alone. */
const tftpFolder = (folder: string, mac: string): string => path.join(folder, "tftp", macWithDashes(mac));

function bootFilesOf({ via, mac, builder }: BuildInputs, folder: string): Record<string, unknown> {
  if (via !== "virtualbox-tftp") return {};
  const [first, ...others] = (builder.inputs.nics ?? []) as Record<string, unknown>[];
  const tftp = { prefix: tftpFolder(folder, mac), bootFile: "pxelinux.0" };
  return { nics: [{ ...first, tftp, hostReachable: true }, ...others] };
}

export const buildDefinition: Definition<BuildInputs, BuildState> = {
  kind: "boot:Build",
  schema: buildSchema,
  changes: buildChanges,
  expects: {
    installed: {
      value: true,
      sentence: "its image is not there, or was never finished: it is installed anew",
    },
  },
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    if (!known) return undefined;
    // Without its disk there is no image, and a blank one in its place is none either, until it is installed.
    return known.installed && !(await isDiskThere(inputs, run)) ? { ...known, installed: false } : known;
  },

  precheck: (inputs, run) => precheckOf(inputs, run),

  notes(inputs, { text, installed, generation, name }) {
    if (!installed || inputs.text === text || inputs.generation !== generation) return [];
    return [
      `the image "${name}" stays as it is installed; its config has changed since. Raise "generation" to ${generation + 1} to have it built anew:\n${differingLines(text, inputs.text).join("\n")}`,
    ];
  },

  async reconcile(inputs, observed, run) {
    if (observed?.installed && isSameDisk(observed.disk, inputs.disk)) return builtOf(inputs, observed);
    run.checkpoint({ ...inputs, installed: false });
    return build(inputs, ensureBootHome(), run);
  },

  async remove(state, run) {
    await clearAway(state, ensureBootHome(), run, "1/1 clear away");
  },
};

async function build(inputs: BuildInputs, folder: string, run: Run<BuildState>): Promise<BuildState> {
  const { name, mac, timeoutS, via, text } = inputs;
  const registry = new Registry(folder, { now: () => run.now().getTime() });
  const log = new BootLog(folder);
  const secret = run.secret;
  const extra = bootFilesOf(inputs, folder);
  const builder = builderOf(inputs, run as Run, STEPS.builder, extra);
  const files = await run.step(STEPS.files, () => fetchFiles(inputs, folder, run));
  const served = (token: string): InstallFiles => servedFiles(inputs, files, token, secret);
  const watchedOf = (registration: Pick<Registration, "begun"> | undefined): Watched => ({
    image: name,
    builder: builder.name,
    url: inputs.server.url,
    stages: stagesOf(via, text),
    begun: registration?.begun ?? run.now().toISOString(),
    timeoutS,
  });
  const eventsOf = (registration: Registration | undefined) =>
    registration ? log.read().filter((event) => event.build === registration.build) : [];

  const {
    way,
    why,
    registration: before,
  } = await run.step(STEPS.look, async () => {
    const power = await builder.power();
    const registration = registry.current(mac);
    const events = eventsOf(registration);
    const wanted = served(registration?.token ?? "0".repeat(32));
    const traces = { registration, wanted, events, builder: power };
    return { ...wayOn(traces, watchedOf(registration), run.now()), registration };
  });
  if (way !== "anew") run.say(`${who(inputs)}: carries on with the installation under way (${why})`);

  return withServer(inputs.server, folder, run, async () => {
    await run.step(STEPS.disk, async () => {
      if (way !== "anew") return;
      // The old builder first: it must not take the new one's registration, nor hold the disk.
      await builder.remove();
      registry.end(mac);
      await blankDisk(inputs, run as Run, STEPS.disk);
    });
    const registration = await run.step(STEPS.register, async () => {
      const passedS = before && way !== "anew" ? (run.now().getTime() - Date.parse(before.begun)) / 1000 : 0;
      const made = registry.begin({
        machine: name,
        mac,
        purpose: "install",
        expiresInS: Math.max(1, timeoutS - passedS),
        install: ({ token }) => served(token),
        ...(way === "anew" ? { fresh: true } : { renew: true }),
      });
      if (via === "virtualbox-tftp" && made.install)
        await writeTftpFolder(tftpFolder(folder, mac), { ...made, install: made.install });
      return made;
    });
    await run.step(STEPS.builder, async () => {
      if (way === "anew") await builder.make();
    });
    const installedAt = await run.step(STEPS.install, async () => {
      return follow(watchedOf(registration), () => eventsOf(registration), builder.power, run);
    });
    await clearAway(inputs, folder, run, STEPS.clear);
    return builtOf(inputs, { text, installedAt });
  });
}

/** Until it is installed and has switched itself off; throws with the reason why it never will be. */
async function follow(
  watched: Watched,
  events: () => ReturnType<BootLog["read"]>,
  power: () => Promise<string>,
  run: Run<BuildState>,
): Promise<string> {
  const watch = stopwatch(run);
  for (;;) {
    // The power first: an event that came before it went off is then seen, too.
    const now = (await power()) === "running" ? "running" : "off";
    const verdict = judge(watched, events(), now, run.now());
    if (verdict.kind === "failed")
      throw verdict.why === "said so" || verdict.why === "switched off"
        ? new LabError(verdict.message)
        : new DeadlineError(verdict.message);
    run.progress(`[${STEPS.install}] ${verdict.line}`);
    if (verdict.kind === "installed" && verdict.isOff) return verdict.at;
    await watch.pause(pollMs(watch.elapsedS()));
  }
}

/** Nobody may fetch or call any more, and the builder goes; its disk is the image, and a resource of its own. */
async function clearAway(
  inputs: BuildInputs,
  folder: string,
  run: Run<BuildState>,
  title: string,
): Promise<void> {
  await run.step(title, async () => {
    const registry = new Registry(folder);
    const found = registry.current(inputs.mac);
    await builderOf(inputs, run as Run, title).remove();
    if (inputs.via === "virtualbox-tftp") await removeTftpFolder(tftpFolder(folder, inputs.mac), inputs.mac);
    if (found?.purpose === "install") registry.end(inputs.mac, found.build);
  });
}
