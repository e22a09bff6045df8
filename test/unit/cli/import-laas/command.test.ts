import { expect, test } from "vitest";
import { type CommandIo, importLaasCommand } from "../../../../cli/import-laas/command";

const FOLDER: Record<string, string> = {
  "laas/networks.yaml": "jinja-template: net.xml\nnetworks: [{ name: admin, cidr: 10.20.0.0/24 }]\n",
  "laas/net.xml": "<network/>",
};

function world(existing: Record<string, string> = {}) {
  const files: Record<string, string> = { ...FOLDER, ...existing };
  const printed = { out: "", err: "" };
  const io: CommandIo = {
    readDir: () => ["networks.yaml", "net.xml"],
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(path);
      return text;
    },
    exists: (path) => path === "laas" || path in files,
    writeNew: (path, text) => {
      files[path] = text;
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

test("prints the config, and the notes beside it", async () => {
  const { io, files, printed } = world();
  expect(await importLaasCommand(["laas/"], io)).toBe(0);
  expect(printed.out).toContain("labplan:lab: abcdefgh\n");
  expect(printed.out).not.toContain("LaaS took the host");
  expect(printed.err).toContain("LaaS took the host");
  expect(Object.keys(files)).toEqual(Object.keys(FOLDER));
});

test("--out writes the stack's file and its templates, and says what comes next", async () => {
  const { io, files, printed } = world();
  await importLaasCommand(["laas", "--out", "stacks/Pulumi.old.yaml"], io);
  expect(files["stacks/Pulumi.old.yaml"]).toContain("template: templates/net.xml");
  expect(files["templates/net.xml"]).toBe("<network/>");
  expect(printed.out).toBe("");
  expect(printed.err).toContain("npm run lab -- init old");
});

test.each(["stacks/Pulumi.old.yaml", "templates/net.xml"])("never writes over %s", async (path) => {
  const { io, files } = world({ [path]: "mine" });
  await expect(importLaasCommand(["laas", "--out", "stacks/Pulumi.old.yaml"], io)).rejects.toThrow(
    `${path} exists`,
  );
  expect(Object.keys(files).toSorted()).toEqual([...Object.keys(FOLDER), path].toSorted());
});

test("says what is missing", async () => {
  await expect(importLaasCommand([], world().io)).rejects.toThrow("say the folder");
  await expect(importLaasCommand(["nowhere"], world().io)).rejects.toThrow("there is no folder nowhere");
});
