import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Journal, writeFileAtomically } from "../../../embedded/journal";

describe("the journal", () => {
  let folder = "";
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-journal-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
  const journalFile = () =>
    path.join(folder, fs.readdirSync(folder).find((name) => name.startsWith("journal.")) ?? "");

  it("gives back what was set, by prefix, and not what was deleted", () => {
    const journal = new Journal(folder);
    journal.set("domain/1", { name: "a" });
    journal.set("network/1", { name: "n" });
    journal.set("domain/2", { name: "b" });
    journal.delete("domain/1");
    expect(journal.all("domain/")).toEqual([{ name: "b" }]);
    journal.close();
    expect(new Journal(folder).all("domain/")).toEqual([{ name: "b" }]);
  });

  it("has everything on disk at once, without a close: as when the process is killed", () => {
    const journal = new Journal(folder);
    journal.set("domain/1", { name: "a" });
    journal.set("domain/1", { name: "changed" });
    const found = new Journal(folder).all("domain/");
    expect(found).toEqual([{ name: "changed" }]);
  });

  it("drops a line that was cut in the middle, and keeps all before it", () => {
    const journal = new Journal(folder);
    journal.set("domain/1", { name: "a" });
    journal.set("domain/2", { name: "b" });
    const text = fs.readFileSync(journalFile(), "utf8");
    fs.writeFileSync(journalFile(), text.slice(0, -8));
    const again = new Journal(folder);
    expect(again.all("domain/")).toEqual([{ name: "a" }]);
    // And goes on behind it.
    again.set("domain/3", { name: "c" });
    expect(new Journal(folder).all("domain/")).toEqual([{ name: "a" }, { name: "c" }]);
  });

  it("folds itself into a snapshot, so that it does not grow for ever", () => {
    const journal = new Journal(folder);
    const large = "x".repeat(1024 * 1024);
    for (let round = 0; round < 20; round++) journal.set("domain/1", { large, round });
    expect(fs.statSync(journalFile()).size).toBeLessThan(17 * 1024 * 1024);
    expect(new Journal(folder).all<{ round: number }>("domain/")[0]?.round).toBe(19);
  });

  it("does not write what did not change", () => {
    const journal = new Journal(folder);
    journal.set("domain/1", { name: "a" });
    const size = fs.statSync(journalFile()).size;
    journal.set("domain/1", { name: "a" });
    expect(fs.statSync(journalFile()).size).toBe(size);
    journal.close();
  });

  it("is for its owner alone", () => {
    const journal = new Journal(folder);
    journal.set("domain/1", { name: "a" });
    for (const name of fs.readdirSync(folder)) {
      expect(fs.statSync(path.join(folder, name)).mode & 0o077, name).toBe(0);
    }
    journal.close();
  });

  it("leaves no half file where a whole one was", () => {
    const file = path.join(folder, "file");
    writeFileAtomically(file, "one");
    writeFileAtomically(file, "two");
    expect(fs.readdirSync(folder)).toEqual(["file"]);
    expect(fs.readFileSync(file, "utf8")).toBe("two");
  });
});
