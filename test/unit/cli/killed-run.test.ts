import { afterEach, expect, test, vi } from "vitest";
import { takeIn } from "../../../cli/killed-run";
import type { ExportedStack, StateResource } from "../../../cli/pending";
import type { StackState } from "../../../cli/stack-state";

const TYPE = "openstack:compute/instance:Instance";
const server = (name: string): StateResource => ({
  urn: `urn:pulumi:t::labplan::${TYPE}::${name}`,
  type: TYPE,
  inputs: { metadata: { labplan: `k3v9q2x7/t/${name}` } },
});
const stateWith = (...resources: StateResource[]): string =>
  JSON.stringify({
    deployment: {
      resources,
      pending_operations: [server("n1"), server("n2")].map((resource) => ({ type: "creating", resource })),
    },
  });
const made = new Map([[server("n1").urn, { ...server("n1"), id: "s1" }]]);

afterEach(() => vi.restoreAllMocks());

/** A backend whose state is what is written in it, and what was done, in order. */
function backend(state = stateWith()) {
  const done: string[] = [];
  vi.spyOn(console, "error").mockImplementation((text) => void done.push(String(text)));
  const at = {
    state,
    locked: false,
    isLocked: () => at.locked,
    exported: async () => at.state,
    import: async (taken: ExportedStack) => {
      done.push("import");
      at.state = JSON.stringify(taken);
    },
  };
  const look = (during: () => void = () => {}) =>
    takeIn("t", at satisfies StackState, {
      isOver: true,
      find: async () => {
        done.push("look");
        during();
        return made;
      },
    });
  return { at, done, look };
}

test("what is found is in the state first, and told then", async () => {
  const { at, done, look } = backend();
  await look();
  expect(done).toEqual([
    "look",
    "import",
    "labplan: in the cloud, and now in the state: server n1. Never made: server n2.",
  ]);
  expect(JSON.parse(at.state).deployment.resources).toMatchObject([{ id: "s1" }]);
});

test("a run that is at work keeps what it is making: nothing is looked for and nothing is taken in", async () => {
  const { at, done, look } = backend();
  at.locked = true;
  expect(await look()).toEqual(JSON.parse(stateWith()));
  expect(done).toEqual([]);
});

test("what another run writes while we look is not overwritten", async () => {
  const { at, done, look } = backend();
  const written = stateWith({ ...server("n0"), id: "s0" });
  await expect(
    look(() => {
      at.state = written;
    }),
  ).rejects.toThrow(/another run .*stack "t".*nothing was taken in/);
  expect(at.state).toBe(written);
  expect(done).toEqual(["look"]);
});

test("nor is the state of one that begins while we look", async () => {
  const { at, done, look } = backend();
  await expect(
    look(() => {
      at.locked = true;
    }),
  ).rejects.toThrow(/another run/);
  expect(done).toEqual(["look"]);
});
