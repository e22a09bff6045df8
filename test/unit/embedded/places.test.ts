import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { homeOf, placesOf } from "../../../embedded/places";
import { makeStateFolder, stateFolderOf } from "../../../embedded/privileges";

describe("where the daemon keeps its things", () => {
  let folder = "";
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "lp-"));
    vi.stubEnv("TMPDIR", folder);
    vi.stubEnv("XDG_RUNTIME_DIR", "");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("is the project's own folder, unless the environment or the caller names another", () => {
    vi.stubEnv("LABPLAN_EMBEDDED_HOME", "");
    expect(homeOf()).toBe(path.resolve(__dirname, "../../../.labplan/embedded"));
    vi.stubEnv("LABPLAN_EMBEDDED_HOME", "/srv/lab");
    expect(homeOf()).toBe("/srv/lab");
    expect(homeOf("/other")).toBe("/other");
  });

  it("has sockets of its own for each home, in a closed folder", () => {
    const one = placesOf("/a");
    expect(placesOf("/a")).toEqual(one);
    expect(placesOf("/b").libvirtSocket).not.toBe(one.libvirtSocket);
    expect(fs.statSync(one.runFolder).mode & 0o777).toBe(0o700);
  });

  it("keeps socket names within 107 bytes, however long the temporary folder is named", () => {
    const long = path.join(folder, "x".repeat(120));
    fs.mkdirSync(long);
    vi.stubEnv("TMPDIR", long);
    expect(Buffer.byteLength(placesOf("/a").libvirtSocket)).toBeLessThanOrEqual(107);
  });

  it("refuses a socket folder that others can enter", () => {
    const { runFolder } = placesOf("/a");
    fs.chmodSync(runFolder, 0o755);
    expect(() => placesOf("/a")).toThrow(/open to others/);
  });

  it("uses the user's runtime folder where there is one", () => {
    const runtime = path.join(folder, "run");
    fs.mkdirSync(runtime, { mode: 0o700 });
    vi.stubEnv("XDG_RUNTIME_DIR", runtime);
    expect(placesOf("/a").runFolder).toBe(path.join(runtime, "labplan"));
  });

  it("keeps the state in the home, or where another account can reach it", () => {
    const account = { uid: 65534, gid: 65534 };
    const open = path.join(folder, "open");
    fs.mkdirSync(open);
    fs.chmodSync(folder, 0o755);
    expect(stateFolderOf(path.join(open, "home"), undefined)).toBe(path.join(open, "home"));
    expect(stateFolderOf(path.join(open, "home"), account)).toBe(path.join(open, "home"));
    fs.chmodSync(open, 0o700);
    expect(stateFolderOf(path.join(open, "home"), account)).toMatch(
      /^\/var\/tmp\/labplan-embedded-[0-9a-f]{16}$/,
    );
  });

  it.runIf(process.getuid?.() === 0)("does not take a state folder that somebody else made", () => {
    const theirs = path.join(folder, "theirs");
    fs.mkdirSync(theirs);
    fs.chownSync(theirs, 12345, 12345);
    expect(() => makeStateFolder(theirs, { uid: 65534, gid: 65534 })).toThrow(/belongs to user 12345/);
  });
});
