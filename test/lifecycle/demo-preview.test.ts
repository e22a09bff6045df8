import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { afterAll, expect, test } from "vitest";
import { UNKNOWN } from "../../providers/core/change";
import { type PreviewStep, TestLab } from "./harness";
import { KEY } from "./lab-config";

const ROOT = path.resolve(__dirname, "../..");
let lab: TestLab;
afterAll(() => lab?.close());

/** Outputs that only the world can tell: reviewed, and not to grow without a reason. */
const UNKNOWN_OUTPUTS = {
  // where the sandbox answers, the way in made of that, and the host key that is made with the seed
  machines: ["address", "login", "sshHostKey", "sshPort"],
  // the entry's name as the directory has it, and a generated password
  vpnUsers: ["dn", "password"],
};

// To write it anew: npx vitest run --project lifecycle test/lifecycle/demo-preview.test.ts -u
test("trap pulumi-dynamic#8: the demo's preview knows every input, and its unknown outputs are the reviewed ones", async () => {
  const text = fs
    .readFileSync(path.join(ROOT, "stacks/examples/demo.yaml"), "utf8")
    .replaceAll("SSH_KEY", KEY);
  const { config } = load(text.replaceAll("LAB_ID", "demolabx")) as { config: Record<string, unknown> };
  const sections = Object.entries(config).map(([key, value]) => [key.replace("labplan:", ""), value]);
  lab = await TestLab.create(Object.fromEntries(sections));

  const printed = await lab.mustSucceed(["preview", "--json"]);
  const { steps } = JSON.parse(printed.slice(printed.indexOf("{"))) as { steps: PreviewStep[] };
  const inputs = Object.fromEntries(
    steps
      .filter(({ urn }) => urn.includes("dynamic/"))
      .map(({ urn, newState }) => [urn.split("dynamic/")[1], newState?.inputs])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
  expect(JSON.stringify(inputs)).not.toContain(UNKNOWN);
  await expect(`${JSON.stringify(inputs, undefined, 2)}\n`).toMatchFileSnapshot(
    "../fixtures/golden/demo-preview.json",
  );

  const shown = await lab.mustSucceed(["preview"]);
  const unknown = [...shown.matchAll(/^\s+(\w+)\s*: \[unknown\]/gm)].map(([, name]) => name);
  expect([...new Set(unknown)].sort()).toEqual(Object.values(UNKNOWN_OUTPUTS).flat().sort());
});
