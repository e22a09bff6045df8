import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Faults } from "../../../embedded/faults";

describe("scripted faults", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-faults-"));
    file = path.join(folder, "faults.json");
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
  const script = (rules: object[]) => fs.writeFileSync(file, JSON.stringify(rules));

  it("are none without a script", () => {
    expect(new Faults(file, undefined).next("domainCreate")).toBeUndefined();
  });

  it("hit the k-th call of their procedure, and no other", () => {
    script([{ procedure: "volumeUpload", nth: 2, do: "error" }]);
    const faults = new Faults(file, undefined);
    const hits = [1, 2, 3].map(() => faults.next("volumeUpload")?.do);
    expect(hits).toEqual([undefined, "error", undefined]);
    expect(faults.next("volumeDelete")).toBeUndefined();
  });

  it("hit each call without a number, and any procedure with *", () => {
    script([{ procedure: "*", do: "slow", ms: 1 }]);
    const faults = new Faults(file, undefined);
    expect(faults.next("a")?.do).toBe("slow");
    expect(faults.next("b")?.do).toBe("slow");
  });

  it("are read again when the script changes, and counted anew", () => {
    script([{ procedure: "a", nth: 1, do: "close" }]);
    const faults = new Faults(file, undefined);
    expect(faults.next("a")?.do).toBe("close");
    expect(faults.next("a")).toBeUndefined();
    script([
      { procedure: "a", nth: 1, do: "hang" },
      { procedure: "b", do: "lie" },
    ]);
    expect(faults.next("a")?.do).toBe("hang");
    fs.rmSync(file);
    expect(faults.next("b")).toBeUndefined();
  });

  it("come from the environment as well, with or without a file", () => {
    const faults = new Faults(file, '[{"procedure":"a","do":"hang"}]');
    expect(faults.next("a")?.do).toBe("hang");
  });

  it("are left out, with a word in the log, when the script is no JSON", () => {
    fs.writeFileSync(file, "[{");
    const lines: string[] = [];
    expect(new Faults(file, undefined, (line) => lines.push(line)).next("a")).toBeUndefined();
    expect(lines.join()).toContain("no JSON");
  });
});
