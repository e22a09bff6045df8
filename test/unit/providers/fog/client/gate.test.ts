import { describe, expect, it } from "vitest";
import { Gate } from "../../../../../providers/fog/gate";

/** Work that ends when it is told to. */
function open() {
  let end = (): void => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { done, end };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a gate", () => {
  it("lets the waiting in by their order, each when another leaves", async () => {
    const gate = new Gate(2);
    const works = [open(), open(), open(), open()];
    const begun: number[] = [];
    const all = works.map((work, n) =>
      gate.through(() => {
        begun.push(n);
        return work.done;
      }),
    );
    await settled();
    expect(begun).toEqual([0, 1]);
    works[1]?.end();
    await settled();
    expect(begun).toEqual([0, 1, 2]);
    for (const work of works) work.end();
    await Promise.all(all);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it("gives a place back after a failure, and none to who has gone", async () => {
    const gate = new Gate(1);
    await expect(gate.through(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const first = open();
    const begun: string[] = [];
    const running = gate.through(() => first.done);
    const stop = new AbortController();
    const gone = gate.through(async () => void begun.push("gone"), stop.signal);
    const next = gate.through(async () => void begun.push("next"));
    stop.abort(new Error("the engine went away"));
    await expect(gone).rejects.toThrow("the engine went away");
    first.end();
    await Promise.all([running, next]);
    expect(begun).toEqual(["next"]);
    await expect(gate.through(async () => {}, stop.signal)).rejects.toThrow("the engine went away");
    await gate.through(async () => void begun.push("last"));
    expect(begun).toEqual(["next", "last"]);
  });
});
