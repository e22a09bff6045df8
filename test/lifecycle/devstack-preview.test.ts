import { afterEach, describe, expect, test } from "vitest";
import { UNKNOWN } from "../../providers/core/change";
import { layoutConfig, SECRETS } from "./devstack-layout.config";
import { type PreviewStep, TestLab } from "./harness";

/** Outputs that only the world can tell: reviewed, and not to grow without a reason. */
const UNKNOWN_OUTPUTS = {
  // where the sandbox answers, the way in made of that, and the host key that is made with the seed
  machines: ["address", "login", "sshHostKey", "sshPort"],
  // the controller's address as a sandbox's is, and what was measured
  devstack: ["horizon", "hypervisors", "keystone", "matrix", "verifiedAt"],
};

/** What no plan can know of a machine that is to be made: where it is reached. It is no fact of the lab's. */
const WHERE = ["__on.address", "__on.sshHostKey", "__on.sshPort"];
const WHERE_PEERS = ["__peers.*.address", "__peers.*.sshHostKey", "__peers.*.sshPort"];

/** Places of unknown values, with `*` for the names of peers. */
function unknownIn(value: unknown, path = ""): string[] {
  if (value === UNKNOWN) return [path.replace(/^(__peers\.)[^.]+/, "$1*")];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    unknownIn(inner, path === "" ? key : `${path}.${key}`),
  );
}

describe("a new devstack is previewed as a whole", () => {
  let lab: TestLab;
  afterEach(() => lab?.close());

  test.each([2, 20, 100])("trap pulumi-dynamic#8: of %i nodes, with every input known", async (nodes) => {
    lab = await TestLab.create(layoutConfig(nodes), { secrets: SECRETS });
    const printed = await lab.mustSucceed(["preview", "--json"]);
    const { steps } = JSON.parse(printed.slice(printed.indexOf("{"))) as { steps: PreviewStep[] };
    const ours = steps.flatMap(({ op, urn, newState }) => {
      const [, kind = ""] = /dynamic\/([^:]+:[^:]+)::/.exec(urn) ?? [];
      return kind === "" ? [] : [{ op, kind, inputs: newState?.inputs ?? {} }];
    });
    expect([...new Set(ours.map(({ op }) => op))]).toEqual(["create"]);
    const count = (wanted: string) => ours.filter(({ kind }) => kind === wanted).length;
    expect({
      hosts: count("devstack:Host"),
      endpoints: count("overlay:Endpoint"),
      stacked: count("devstack:Node"),
      joined: count("devstack:Join"),
      meshes: count("devstack:Mesh"),
      verified: count("devstack:Verify"),
    }).toEqual({ hosts: nodes, endpoints: nodes, stacked: nodes, joined: nodes - 1, meshes: 1, verified: 1 });

    const unknown = new Set(ours.flatMap(({ inputs }) => unknownIn(inputs)));
    expect([...unknown].sort()).toEqual([...WHERE, ...WHERE_PEERS]);
    expect(printed).not.toContain(SECRETS.devstackPassword);
  });

  test("whose unknown outputs are the reviewed ones", async () => {
    lab = await TestLab.create(layoutConfig(2), { secrets: SECRETS });
    const shown = await lab.mustSucceed(["preview"]);
    const unknown = [...shown.matchAll(/^\s+(\w+)\s*: \[unknown\]/gm)].map(([, name]) => name);
    expect([...new Set(unknown)].sort()).toEqual(Object.values(UNKNOWN_OUTPUTS).flat().sort());
  });
});
