import fc from "fast-check";
import { expect, test } from "vitest";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";
import { SECTIONS } from "../../../../stacks/config/schema";

const readFile = () => "text";

/** Values in which real field names are likely, so that deep places are reached. */
const words = [
  "backend",
  "rack",
  "networks",
  "disk",
  "disks",
  "image",
  "kind",
  "libvirt",
  "users",
  "wait",
  "dhcp",
  "name",
  "cloudInit",
  "password",
  "secret",
  "secure",
  "8 GiB",
  "until",
  "__proto__",
  "constructor",
  "1.10",
  "<<",
];
const anything = fc.jsonValue({ maxDepth: 1 });
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(...words, null, 8, true, ""),
    anything,
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...words), tie("tree"), { maxKeys: 4 }),
  ),
}));
const labs = fc.dictionary(fc.constantFrom(...SECTIONS), tree, { maxKeys: 7 });

test("whatever the engine gives, there is a config or a list of messages", () => {
  fc.assert(
    fc.property(labs, (values) => {
      const loaded = loadConfig({ values, stack: "dev", readFile });
      if (loaded.config) return;
      expect(loaded.problems.length).toBeGreaterThan(0);
      for (const problem of loaded.problems) expect(formatProblem(problem)).toMatch(/\S+: \S+/);
    }),
    { numRuns: 500 },
  );
});

test("whatever the file holds, each problem has a place in it", () => {
  const files = fc.oneof(
    fc.string(),
    labs.map((values) =>
      JSON.stringify({
        config: Object.fromEntries(Object.entries(values).map(([name, value]) => [`labplan:${name}`, value])),
      }),
    ),
    fc
      .array(
        fc.constantFrom(
          "config:",
          "\n",
          "  ",
          "labplan:machines:",
          "a: ",
          "&x ",
          "*x",
          "<<: ",
          "{",
          "}",
          "[",
          "- ",
          "1.10",
          "'",
        ),
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(files, (text) => {
      const loaded = loadConfig({ stack: "dev", file: { path: "f", text }, readFile });
      const lines = text.split("\n").length;
      for (const { line, column, message } of loaded.problems) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 500 },
  );
});
