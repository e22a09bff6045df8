import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { available, type Slapd, startSlapd } from "../systems/ldap/start";
import { TestLab } from "./harness";
import { smallLab } from "./lab-config";

const reason = available();
/** Finds itself wherever it went. */
const CANARY = "Canary-4711-of-bob";

describe.skipIf(reason && !process.env.CI)(`secrets by name${reason ? ` (not run: ${reason})` : ""}`, () => {
  let slapd: Slapd;
  let lab: TestLab;

  beforeAll(async () => {
    slapd = await startSlapd();
    const config = smallLab();
    config.backends.people = {
      kind: "ldap",
      url: slapd.ldapsUrl,
      bindDn: slapd.adminDn,
      password: { secret: "directoryPassword" },
      ca: slapd.caFile,
    };
    config.vpn = {
      backend: "people",
      base: `ou=People,${slapd.base}`,
      users: { alice: { sn: "Ames" }, bob: { sn: "Brown", password: { secret: "bobPassword" } } },
    };
    lab = await TestLab.create(config, {
      secrets: { directoryPassword: slapd.adminPassword, bobPassword: CANARY },
    });
  });
  afterAll(async () => {
    await lab?.close();
    await slapd?.stop();
  });

  test("a config secret is used, and stands nowhere: not in state, output, logs, files or process lists", async () => {
    const { child, done } = lab.start(["up", "--yes", "--skip-preview", "--diff"]);
    const processes = new Set<string>();
    const look = setInterval(
      () => processes.add(execFileSync("ps", ["axww", "-o", "args="], { encoding: "utf8" })),
      100,
    );
    const { code, text } = await done;
    clearInterval(look);
    expect(child.exitCode).toBe(0);
    expect(code).toBe(0);
    const { vpnUsers } = await lab.outputs<{ vpnUsers: Record<string, { password?: string }> }>();
    const generated = vpnUsers.alice?.password ?? "";
    expect(generated.length).toBeGreaterThanOrEqual(20);

    const state = await lab.state();
    const places = {
      text,
      state,
      processes: [...processes].join("\n"),
      files: grep(lab.folder, [CANARY, generated]),
    };
    for (const [place, found] of Object.entries(places))
      for (const secret of [CANARY, generated, slapd.adminPassword])
        expect(found, place).not.toContain(secret);
    // The canary would be found: it is in force.
    expect(await lab.mustSucceed(["config", "get", "bobPassword"])).toContain(CANARY);
  });

  test("trap pulumi-dynamic#19: a generated password is a secret in the state and in the outputs", async () => {
    expect(await lab.mustSucceed(["stack", "output"])).toMatch(/password.*\[secret\]|\[secret\]/);
    const { deployment } = JSON.parse(await lab.state());
    const alice = deployment.resources.find((r: { urn: string }) => r.urn.endsWith("ldap:User::alice"));
    expect(alice.outputs.generatedPassword).toHaveProperty("ciphertext");
  });

  test("a rotated config secret is no diff", async () => {
    await lab.mustSucceed(["config", "set", "--secret", "bobPassword", `${CANARY}-2`]);
    expect((await lab.preview()).ops).toEqual({});
    await lab.mustSucceed(["config", "set", "--secret", "bobPassword", CANARY]);
  });

  test("a secret taken away while users need it is refused, by name", async () => {
    const file = `${lab.folder}/stacks/Pulumi.${lab.stack}.yaml`;
    const before = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, before.replace(/ {2}labplan:directoryPassword:\n {4}secure: .*\n/, ""));
    const { code, text } = await lab.run(["preview"]);
    expect(code).not.toBe(0);
    expect(text).toContain("directoryPassword");
    fs.writeFileSync(file, before);
  });

  test("destroy leaves no user", async () => {
    await lab.destroy();
    expect(JSON.parse(await lab.state()).deployment.resources ?? []).toEqual([]);
  });
});

/** Files under a folder that hold one of the texts, with the line. */
function grep(folder: string, texts: string[]): string {
  const patterns = texts.flatMap((text) => ["-e", text]);
  try {
    // The links into the project are not followed; Pulumi's own encrypted state is in there.
    return execFileSync("grep", ["-rIF", ...patterns, folder], { encoding: "utf8" });
  } catch {
    return ""; // grep found nothing
  }
}
