import { describe, expect, it } from "vitest";
import { mergeLocalConf } from "../../../../../providers/devstack/local-conf/merge";
import { DEFAULT_SERVICES, type ReadBack, readLocalConf } from "./reader";
import { FILES } from "./stories/files";
import { PLUGINS } from "./stories/plugins";
import { SERVICES } from "./stories/services";
import { VARIABLES } from "./stories/variables";
import { WHOLE } from "./stories/whole";

const STORIES = [...VARIABLES, ...SERVICES, ...PLUGINS, ...FILES, ...WHOLE];

const UNTOUCHED: ReadBack = { localrc: {}, services: DEFAULT_SERVICES, barred: [], plugins: [], files: {} };

describe("trap openstack#20: local.conf is merged; what devstack reads is what was planned, and each line says whose it is", () => {
  it.each(STORIES)("$story", ({ input, means, lines }) => {
    const merged = mergeLocalConf(input);
    expect(merged.problems).toEqual([]);
    expect(readLocalConf(merged.text)).toEqual({ ...UNTOUCHED, ...means });
    if (means.files) expect(readLocalConf(merged.text, { existing: true }).files).toEqual(means.files);
    expect(
      merged.lines
        .filter(({ source }) => source !== "labplan")
        .map(({ text, source, overrides = [] }) => [text, source, ...overrides]),
    ).toEqual(lines);
  });

  it("has a source for every line of the text", () => {
    for (const { input } of STORIES) {
      const { text, lines } = mergeLocalConf(input);
      expect(lines.map((line) => `${line.text}\n`).join("")).toBe(text);
      expect(lines.every(({ source }) => source !== "")).toBe(true);
    }
  });

  it("names the secrets that the text waits for", () => {
    const { secrets } = mergeLocalConf({
      layers: [
        {
          source: "a",
          localrc: {
            A: { env: "PW" },
            B: { file: "/run/pw" },
            C: "x{{secret: one }}y",
            D: { secret: "two" },
          },
          conf: { "post-config": { $NOVA_CONF: { DEFAULT: { e: { secret: "three" } } } } },
        },
        { source: "b", localrc: { D: "no secret any more" } },
      ],
    });
    expect(secrets).toEqual({
      "env:PW": { env: "PW" },
      "file:/run/pw": { file: "/run/pw" },
      one: { secret: "one" },
      three: { secret: "three" },
    });
  });

  it("begins with whose file it is, however many lines that takes", () => {
    const { text } = mergeLocalConf({ head: ["lab abc\n[[local|localrc]]", ""], layers: [] });
    expect(text).toBe("# lab abc\n# [[local|localrc]]\n#\n[[local|localrc]]\n");
  });
});
