import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Definition, Run } from "../../providers/core/definition";
import { captureDefinition } from "../../providers/fog/capture.handlers";
import { hostDefinition } from "../../providers/fog/host.handlers";
import { imageDefinition } from "../../providers/fog/image.handlers";
import { imagedHostDefinition } from "../../providers/fog/imaged-host.handlers";
import type { FogBackend } from "../../stacks/config/types";
import { CutFog } from "./fog-handlers.cut";
import { BMC, type Metal, reset, startMetal } from "./fog-handlers.embedded";
import { capture, host, image, imaged, MAC } from "./fog-handlers.lab";
import { runOn, up } from "./libvirt-handlers.run";

const NAME = "pod1-node1";
const SSH_PORT = 2222;
/** All of them take minutes. A sixth before and another sixth after, else. */
const STRIDE = process.env.LABPLAN_NIGHTLY === "1" ? 1 : 6;

/** Die at the calls to the server, before and after each; a second run, which knows nothing of the first, ends the same. */
describe("killed at any call to the FOG server, and run again", () => {
  let metal: Metal;
  let cut: CutFog;
  let backend: FogBackend;
  let secrets: Record<string, string>;

  beforeAll(async () => {
    metal = await startMetal({ LABPLAN_EMBEDDED_FOG_MS: "60" });
    cut = await CutFog.start(metal.lab.fogUrl, SSH_PORT);
    const { apiToken: api, userToken: user } = JSON.parse(readFileSync(metal.lab.fogTokenFile, "utf8"));
    secrets = { api, user };
    backend = {
      kind: "fog",
      url: cut.url,
      apiToken: { secret: "api" },
      userToken: { secret: "user" },
      identityFile: metal.lab.fogIdentityFile,
    };
  });
  afterEach(async () => {
    cut.arm();
    await reset(metal);
    const client = await metal.client();
    const golden = await client.imageByName("golden");
    if (golden) await client.deleteImage(golden.id);
  });
  afterAll(async () => {
    cut.close();
    await metal.stop();
  });

  const run = <S>(name: string, signal?: AbortSignal): Run<S> => {
    const base = runOn<S>(backend, { name, secrets });
    return signal ? { ...base, signal } : base;
  };
  const tasks = async (): Promise<number> => {
    const client = await metal.client();
    for (let id = 1; ; id++) if (!(await client.task(id))) return id - 1;
  };
  /** All but numbers and times. */
  const look = async () => {
    const client = await metal.client();
    const images = (await client.images()).map(({ id: _, ...one }) => one);
    const nameOf = new Map((await client.images()).map(({ id, name }) => [id, name]));
    const hosts = (await client.hosts()).map(
      ({ id: _, ip: __, deployed, imageId, imageName: ___, ...one }) => ({
        ...one,
        description: one.description.replace(/ done \d+/, ""),
        image: nameOf.get(imageId),
        deployed: deployed !== undefined,
      }),
    );
    return { images, hosts, active: await client.activeTasks() };
  };

  interface Case {
    definition: Definition<object>;
    name: string;
    inputs: object;
    /** Tasks that making it takes, and removing it. */
    tasks: [number, number];
    before?: () => Promise<unknown>;
  }
  const of = (
    definition: unknown,
    name: string,
    inputs: object,
    counts: [number, number],
    before?: Case["before"],
  ): Case => ({
    definition: definition as Definition<object>,
    name,
    inputs,
    tasks: counts,
    ...(before ? { before } : {}),
  });
  const register = () => up(hostDefinition, host(), run(NAME));
  const imageFirst = async () => {
    await up(imagedHostDefinition, imaged({ power: BMC }), runOn(metal.backend, { name: NAME }));
  };

  async function cutEverywhere({ definition, name, inputs, tasks: counts }: Case): Promise<void> {
    const before = await look();
    cut.arm();
    const state = await up(definition, inputs, run(name));
    const making = cut.calls;
    const wanted = await look();
    cut.arm();
    await definition.remove(state, run(name));
    const removing = cut.calls;
    const after = await look();
    if (counts[0] === 0) expect(after).toEqual(before);
    /** Dies at that call; what it had begun goes on without it. */
    const dying = async (
      at: number,
      when: "before" | "after",
      work: (dead: Run<object>) => Promise<unknown>,
    ) => {
      const controller = new AbortController();
      cut.arm({ at, when, died: () => controller.abort() });
      await work(run(name, controller.signal)).catch(() => {});
      cut.arm();
    };
    for (const when of ["before", "after"] as const) {
      for (let at = when === "before" ? 1 : 2; at <= making; at += STRIDE) {
        const count = await tasks();
        await dying(at, when, (dead) => up(definition, inputs, dead));
        const again = await up(definition, inputs, run(name));
        expect(await look(), `made, cut ${when} call ${at} of ${making}`).toEqual(wanted);
        // Captured once more, where only the state was not kept any more: that loses nothing.
        const most = name === "golden" && at > making - 2 ? 2 * counts[0] : counts[0];
        expect((await tasks()) - count, `tasks, cut ${when} call ${at} of ${making}`).toBeLessThanOrEqual(
          most,
        );
        await definition.remove(again, run(name));
      }
      for (let at = when === "before" ? 1 : 2; at <= removing; at += STRIDE) {
        const made = await up(definition, inputs, run(name));
        const count = await tasks();
        await dying(at, when, (dead) => definition.remove(made, dead));
        await definition.remove(made, run(name));
        expect(await look(), `removed, cut ${when} call ${at} of ${removing}`).toEqual(after);
        // A release that was done is done again, where nobody saw it.
        expect((await tasks()) - count).toBeLessThanOrEqual(2 * counts[1]);
      }
    }
  }

  it(
    "makes and removes a host's record",
    () => cutEverywhere(of(hostDefinition, NAME, host(), [0, 0])),
    300_000,
  );

  it(
    "makes and removes an image's record",
    () => cutEverywhere(of(imageDefinition, "golden", image({ name: "golden" }), [0, 0])),
    300_000,
  );

  it("images a host with one task, and gives it back", async () => {
    await register();
    const hostKeys = [metal.keepHostKey("rocky9")];
    const inputs = imaged({
      power: BMC,
      hostKeys,
      onRelease: "image:clean",
      proof: { osRelease: { ID: "rocky" } },
    });
    await cutEverywhere(of(imagedHostDefinition, NAME, inputs, [1, 1]));
  }, 580_000);

  it("captures an image with one task", async () => {
    await register();
    await imageFirst();
    await up(imageDefinition, image({ name: "golden", path: "golden" }), run("golden"));
    await cutEverywhere(of(captureDefinition, "golden", capture({ power: BMC }), [1, 0]));
    expect(await (await metal.client()).hostByName(NAME)).toMatchObject({ macs: [MAC] });
  }, 580_000);
});
