import { describe, expect, it } from "vitest";
import {
  isOfStack,
  newMark,
  ownership,
  readMark,
  sameFogName,
  withMark,
} from "../../../../providers/fog/marks";

const MARK = { lab: "k3v9q2x7", stack: "dev", name: "pod1-node1" };

describe("the mark in a record's description", () => {
  it("stands at its end, and the user's own words stay before it", () => {
    const marked = withMark("rack 3, slot 12", newMark(MARK, false));
    expect(marked).toBe("rack 3, slot 12 [labplan k3v9q2x7/dev/pod1-node1]");
    expect(readMark(marked)).toEqual({ text: "k3v9q2x7/dev/pod1-node1", adopted: false });
    expect(withMark(marked, undefined)).toBe("rack 3, slot 12");
    expect(withMark("", newMark(MARK, false))).toBe("[labplan k3v9q2x7/dev/pod1-node1]");
  });

  it("tells an adopted record and the task that is under way, and takes the place of an older one", () => {
    const adopted = withMark("x", newMark(MARK, true));
    const busy = withMark(adopted, { ...newMark(MARK, true), task: 17 });
    expect(busy).toBe("x [labplan k3v9q2x7/dev/pod1-node1 adopted task 17]");
    expect(readMark(busy)).toEqual({ text: "k3v9q2x7/dev/pod1-node1", adopted: true, task: 17 });
    expect(withMark(busy, newMark(MARK, true))).toBe(adopted);
    const captured = withMark("", { ...newMark(MARK, false), capture: 18, image: 3 });
    expect(captured).toBe("[labplan k3v9q2x7/dev/pod1-node1 capture 18 image 3]");
    expect(readMark(captured)).toEqual({
      text: "k3v9q2x7/dev/pod1-node1",
      adopted: false,
      capture: 18,
      image: 3,
    });
  });

  it("is none where something else stands after it, or looks like it", () => {
    expect(readMark("[labplan a/b/c] was here")).toBeUndefined();
    expect(readMark("labplan a/b/c")).toBeUndefined();
    expect(readMark("[labplan]")).toBeUndefined();
  });

  it("lets nobody take what has another's mark, whatever the config says", () => {
    const theirs = { text: "k3v9q2x7/prod/pod1-node1", adopted: false };
    expect(ownership(theirs, MARK, true)).toBe("foreign");
    expect(ownership(undefined, MARK, true)).toBe("adoptable");
    expect(ownership(undefined, MARK, undefined)).toBe("foreign");
    expect(ownership(newMark(MARK, true), MARK, undefined)).toBe("ours");
    expect(isOfStack(theirs, MARK)).toBe(false);
    expect(isOfStack({ text: "k3v9q2x7/dev-a/x", adopted: false }, MARK)).toBe(false);
  });

  it("trap fog#11: names are the same in any case of letters, and white space is squeezed", () => {
    expect(sameFogName("Pod1-Node1", "pod1-node1")).toBe(true);
    expect(sameFogName("clean  image ", "Clean image")).toBe(true);
    expect(sameFogName("a b", "ab")).toBe(false);
  });
});
