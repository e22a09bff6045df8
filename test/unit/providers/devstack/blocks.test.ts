import { describe, expect, it } from "vitest";
import {
  blockMark,
  readBlock,
  stackMarks,
  withBlock,
  withoutBlock,
  withoutBlocksOf,
} from "../../../../providers/devstack/blocks";

const MARK = "k3/dev/lab";

describe("lines of ours in files of others", () => {
  it("come at the end, are replaced where they stand, and go without a trace", () => {
    const first = withBlock("127.0.0.1 localhost\n", MARK, ["10.0.0.1 hv1"]);
    expect(first).toBe(
      `127.0.0.1 localhost\n# labplan begin ${MARK}: changes up to "end" are undone\n10.0.0.1 hv1\n# labplan end ${MARK}\n`,
    );
    expect(readBlock(first, MARK)).toEqual(["10.0.0.1 hv1"]);
    const second = withBlock(`${first}::1 six\n`, MARK, ["10.0.0.2 hv2", "10.0.0.3 hv3"]);
    expect(second.split("\n")[2]).toBe("10.0.0.2 hv2");
    expect(withoutBlock(second, MARK)).toBe("127.0.0.1 localhost\n::1 six\n");
    expect(withBlock(second, MARK, ["10.0.0.2 hv2", "10.0.0.3 hv3"])).toBe(second);
  });

  it("of another stack stay as they are, also in a text without a last line end", () => {
    const theirs = withBlock("", "k3/dev-a/lab", ["a"]);
    const both = withBlock(theirs, MARK, ["b"]);
    expect(withoutBlock(both, MARK)).toBe(theirs);
    expect(withoutBlocksOf(both, stackMarks({ lab: "k3", stack: "dev", name: "" }))).toBe(theirs);
    expect(withoutBlock("no end", MARK)).toBe("no end");
  });

  it("without their end reach to the next empty line: what follows may be anybody's", () => {
    const cut = `# labplan begin ${MARK}: x\nours\n\nmine\n`;
    expect(withoutBlock(cut, MARK)).toBe("\nmine\n");
  });

  it("are named by a mark that is one word", () => {
    expect(blockMark({ lab: "k3", stack: "de v", name: "a/b" })).toBe("k3/de%20v/a%2Fb");
  });
});
