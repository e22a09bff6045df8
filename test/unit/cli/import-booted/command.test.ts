import * as fs from "node:fs";
import { expect, test } from "vitest";
import type { CommandIo } from "../../../../cli/import/command";
import { importBootedCommand } from "../../../../cli/import-booted/command";

const FIXTURE = "test/fixtures/booted";

function world(existing: Record<string, string> = {}) {
  const files: Record<string, string> = { ...existing };
  const printed = { out: "", err: "" };
  const io: CommandIo = {
    readDir: (dir) => fs.readdirSync(dir),
    readFile: (file) => fs.readFileSync(file, "utf8"),
    exists: (file) => file in files || (file.startsWith(FIXTURE) && fs.existsSync(file)),
    writeNew: (file, text) => {
      files[file] = text;
    },
    out: (text) => {
      printed.out += `${text}\n`;
    },
    err: (text) => {
      printed.err += `${text}\n`;
    },
    labId: () => "abcdefgh",
  };
  return { io, files, printed };
}

test("prints the config, and beside it what was changed and why", async () => {
  const { io, files, printed } = world();
  expect(await importBootedCommand([`${FIXTURE}/`], io)).toBe(0);
  expect(printed.out).toContain("labplan:lab: abcdefgh\n");
  expect(printed.err).toMatch(/rootpw: the fixed root password is not carried over/);
  expect(printed.err).toContain("templates/centos.ks.j2: needed by the config; --out writes it");
  expect(files).toEqual({});
});

test("--out writes the stack's file and the template", async () => {
  const { io, files, printed } = world();
  await importBootedCommand([FIXTURE, "--out", "stacks/Pulumi.desk.yaml"], io);
  expect(Object.keys(files)).toEqual(["stacks/Pulumi.desk.yaml", "templates/centos.ks.j2"]);
  expect(printed.err).toContain("npm run lab -- init desk");
});

test("never writes over a file", async () => {
  const { io } = world({ "templates/centos.ks.j2": "mine" });
  await expect(importBootedCommand([FIXTURE, "--out", "x.yaml"], io)).rejects.toThrow(
    "templates/centos.ks.j2 exists",
  );
});

test("says what is missing", async () => {
  await expect(importBootedCommand([], world().io)).rejects.toThrow("npm run lab -- import-booted <dir>");
  await expect(importBootedCommand(["nowhere"], world().io)).rejects.toThrow("there is no folder nowhere");
});
