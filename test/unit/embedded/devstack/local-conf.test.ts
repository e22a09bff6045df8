import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fillLocalConf } from "../../../../providers/devstack/local-conf/fill";
import { mergeLocalConf } from "../../../../providers/devstack/local-conf/merge";
import { readLocalConf } from "../../providers/devstack/local-conf/reader";

const ODD = [
  "it's",
  '"a" b',
  "a\\nb\\",
  "&<>|;",
  "$FOO $(id) `id`",
  "[[post-config|x]]",
  "# no comment",
  "=",
  "é",
];
const named = (prefix: string) => Object.fromEntries(ODD.map((value, at) => [`${prefix}${at}`, value]));

const { text, problems } = mergeLocalConf({
  layers: [
    {
      source: "a",
      localrc: {
        HOST_IP: "10.0.0.2",
        ...named("ODD_"),
        URL: "http://{{secret:pw}}@$HOST_IP/x",
        LINES: "one\ntwo",
      },
      services: { "s-proxy": true, horizon: false },
      conf: {
        "post-config": { $NOVA_CONF: { DEFAULT: { ...named("odd"), empty: "", pw: { secret: "pw" } } } },
      },
    },
  ],
});
const filled = fillLocalConf(text, () => `it's "$HOST_IP" \\ &`);

/** As the stand-in's stack.sh begins, and its phase post-config ends. */
const SCRIPT = `
cd "$1" && TOP_DIR=$1 && source functions
extract_localrc_section "$1/local.conf" "$1/localrc" "$1/.localrc.auto"
source stackrc
merge_config_group "$1/local.conf" post-config
shift; for name; do printf '%s\\0%s\\0' "$name" "\${!name}"; done
`;

describe("the stand-in devstack reads local.conf as devstack does", () => {
  let folder: string;
  let variables: Record<string, string>;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "labplan-stand-in-"));
    cpSync(join(__dirname, "../../../../embedded/devstack/repository"), folder, { recursive: true });
    writeFileSync(join(folder, "local.conf"), filled);
    const names = [...Object.keys(readLocalConf(filled).localrc), "ENABLED_SERVICES", "DISABLED_SERVICES"];
    const out = execFileSync("bash", ["--norc", "-c", SCRIPT, "bash", folder, ...names], {
      env: { PATH: process.env.PATH, STAND_IN_ETC: join(folder, "etc") },
      encoding: "utf8",
    }).split("\0");
    variables = Object.fromEntries(names.map((name, at) => [name, out[at * 2 + 1] ?? ""]));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("finds the same variables in it", () => {
    expect(problems).toEqual([]);
    expect(variables).toMatchObject(readLocalConf(filled).localrc);
  });

  it("turns the same services on and off", () => {
    const services = variables.ENABLED_SERVICES?.split(",");
    expect(services).toContain("s-proxy");
    expect(services).not.toContain("horizon");
    expect(variables.DISABLED_SERVICES).toBe("horizon");
  });

  it("puts the same settings into files", () => {
    const settings = readFileSync(join(folder, "etc/nova/nova.conf"), "utf8")
      .split("\n")
      .flatMap((line) =>
        line.includes("=") ? [[line.split("=")[0]?.trim(), line.replace(/^[^=]*= ?/, "")]] : [],
      );
    expect(Object.fromEntries(settings)).toEqual(
      readLocalConf(filled).files["post-config"]?.["/etc/nova/nova.conf"]?.DEFAULT,
    );
  });
});
