import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { host, MetalWorld, metal } from "./fog-lab.config";
import { TestLab } from "./harness";

const COUNT = 12;
const NUMBERS = Array.from({ length: COUNT }, (_, i) => i + 1);

let lab: TestLab;
beforeAll(async () => {
  const machines = NUMBERS.map((n) => [`n${n}`, host(n, { access: undefined, onRelease: "poweroff" })]);
  lab = await TestLab.create(metal(Object.fromEntries(machines)));
  lab.env = { LABPLAN_BOOT_HOME: `${lab.folder}/.labplan/boot`, LABPLAN_EMBEDDED_FOG_MS: "15000" };
  // The embedded lab is started with that: a look from here would start it without.
  await lab.mustSucceed(["preview"]);
});
afterAll(() => lab?.close());

/** How long they take together is for `npm run bench -- --fog 12`; that none waits for another is seen here. */
test("twelve hosts are imaged at the same time, each by one task", async () => {
  const world = new MetalWorld(lab);
  let isOver = false;
  const done = lab
    .mustSucceed(["up", "--yes", "--skip-preview", "--suppress-outputs", "--parallel", "32"])
    .finally(() => {
      isOver = true;
    });
  let most = 0;
  while (!isOver) {
    most = Math.max(most, (await world.tasks()).filter(({ stateID }) => stateID === "3").length);
    await sleep(200);
  }
  await done;
  expect(most).toBe(COUNT);
  const tasks = await world.tasks();
  expect(tasks.map(({ stateID }) => stateID)).toEqual(Array(COUNT).fill("4"));
  expect(new Set(tasks.map(({ hostID }) => hostID)).size).toBe(COUNT);
  await lab.destroy();
  expect(await world.hosts()).toEqual([]);
});
