import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestLab } from "./harness";
import { readWorld, type World, writeWorld } from "./on-machine/kinds";
import type { Wish } from "./on-machine/wish";

/** What lives on a machine that is imaged, through the real engine: tiny kinds, whose world is a file. */

const ROOT = path.resolve(__dirname, "../..");
let lab: TestLab;
let file: string;

const WISH: Wish = {
  machine: { name: "node1", image: "a", release: "keep", allow: ["wipe"] },
  things: [
    { name: "kept", deletedWith: false },
    { name: "gone", deletedWith: true },
  ],
};

beforeAll(async () => {
  lab = await TestLab.create({}, { program: "test/lifecycle/on-machine/program.ts" });
  const own = path.join(lab.folder, "providers");
  fs.rmSync(own);
  fs.mkdirSync(own);
  fs.copyFileSync(path.join(ROOT, "test/lifecycle/on-machine/host.cjs"), path.join(own, "host.cjs"));
  fs.symlinkSync(path.join(ROOT, "test"), path.join(lab.folder, "test"));
  file = path.join(lab.folder, "world.json");
  lab.env = { LP_TEST_PROJECT: ROOT, LP_TEST_WORLD: file };
  writeWorld({ machines: {}, things: {}, log: [], locked: false }, file);
  wish();
});
afterAll(() => lab?.close());

const wish = (machine: Partial<Wish["machine"]> = {}, things = WISH.things) =>
  fs.writeFileSync(
    path.join(lab.folder, "wish.json"),
    JSON.stringify({ machine: { ...WISH.machine, ...machine }, things }),
  );
const world = (): World => readWorld(file);
/** What was done since the last time. */
function done(): string[] {
  const { log } = world();
  const news = log.slice(seen);
  seen = log.length;
  return news;
}
let seen = 0;

test("a preview of a new machine checks nothing on it, and says so; up does", async () => {
  const { ops, text } = await lab.preview();
  expect(Object.values(ops)).toEqual(["create", "create", "create", "create"]);
  expect(text).toContain("not checked: host is not there yet");
  expect(text).not.toContain("looked for kept");
  expect(await lab.up()).toContain("looked for kept at 192.0.2.1");
  const [first, ...things] = done();
  expect([first, ...things.sort()]).toEqual(["image node1: a", "make gone at t1", "make kept at t1"]);
});

test("what is on no machine has nothing of this in its state", async () => {
  const { deployment } = JSON.parse(await lab.state()) as {
    deployment: { resources: { urn: string; inputs?: object; deletedWith?: string }[] };
  };
  const of = (name: string) => deployment.resources.find(({ urn }) => urn.endsWith(`::${name}`));
  expect(Object.keys(of("else")?.inputs ?? {})).not.toContain("__on");
  expect(of("kept")?.deletedWith).toBeFalsy();
  expect(of("gone")?.deletedWith).toContain("::host");
});

test("an edit of the machine that is none of its system's touches nothing on it, in the preview as in up", async () => {
  wish({ release: "wipe" });
  expect((await lab.preview()).ops).toEqual({ "test:Machine host": "update" });
  await lab.up();
  expect(done()).toEqual([]);
});

test("another image is refused without `allow: [wipe]`", async () => {
  wish({ image: "b", allow: [] });
  const refused = await lab.run(["preview"]);
  expect(refused.code).not.toBe(0);
  expect(refused.text).toMatch(/image a → b: WIPES its data .*add `allow: \[wipe\]`/);
});

test("it makes everything on the machine anew with it, also when a run died in between, and removes nothing there", async () => {
  wish({ image: "b" });
  const { ops, text } = await lab.preview();
  expect(ops).toEqual({
    "test:Machine host": "update",
    "test:Thing kept": "replace",
    "test:Thing gone": "replace",
  });
  expect(text).toContain("host is imaged anew: made again there");
  const torn = { LABPLAN_FAULT: "test:Thing@kept/1:throw" };
  expect((await lab.run(["up", "--yes", "--skip-preview"], torn)).code).not.toBe(0);
  await lab.up();
  const [first, ...things] = done();
  expect([first, ...things.sort()]).toEqual(["image node1: b", "make gone at t4", "make kept at t4"]);
  expect((await lab.preview()).ops).toEqual({});
});

test("another machine: what is on the old one is removed before that is released, unless it goes with it", async () => {
  wish({ name: "node2" });
  await lab.up();
  const steps = done();
  expect(steps.slice(0, 3)).toEqual(["remove kept", "release node1", "image node2: a"]);
  expect(steps.slice(3).sort()).toEqual(["make gone at t9", "make kept at t9"]);
});

test("what is taken out of the config with another image is not looked for on the new system", async () => {
  wish({ name: "node2", image: "c" }, [{ name: "gone", deletedWith: true }]);
  await lab.up();
  expect(done()).toEqual(["image node2: c", "make gone at t12"]);
});

test("who locks us out keeps nobody from a preview, nor from a destroy of what goes with the machine", async () => {
  writeWorld({ ...world(), locked: true }, file);
  const { ops, text } = await lab.preview();
  expect(ops).toEqual({});
  expect(text).toMatch(/could not be looked at, and is taken as the state has it: .*took none of our keys/);
  await lab.destroy();
  expect(done()).toEqual(["release node2"]);
});
