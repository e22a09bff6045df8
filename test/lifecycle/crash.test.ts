import { type ChildProcess, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, expect, test } from "vitest";
import { embeddedClient } from "./embedded-client";
import { PULUMI, TestLab } from "./harness";
import { smallLab } from "./lab-config";

const ROOT = path.resolve(__dirname, "../..");
let lab: TestLab;
afterEach(async () => {
  await lab.destroy();
  await lab.close();
});

/** One kind of each, at a step in the middle of its work. */
const STEPS = ["libvirt:Pool/2", "libvirt:Network/2", "libvirt:Volume/2", "libvirt:Domain/3", "ldap:User/2"];

const CHECK_MS = 20;

/** Wait until the hanging step shows on the row of a resource of its kind. */
async function untilStep(lab: TestLab, child: ChildProcess, step: string): Promise<void> {
  const [kind, number] = step.split("/");
  const row = new RegExp(`${kind} .*\\[${number}/\\d+ `);
  await new Promise<void>((resolve, reject) => {
    let text = "";
    const seen = (data: Buffer) => {
      text += String(data);
      if (row.test(text)) resolve();
    };
    child.stdout?.on("data", seen);
    child.once("close", () => reject(new Error(`ended before step ${step}`)));
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(providersOf(lab)).toHaveLength(1);
}

/** Pids of dynamic-provider processes at work for this lab. */
function providersOf(of: TestLab): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return (
          /cmd\/dynamic-provider/.test(command[1] ?? "") &&
          fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(of.folder)
        );
      } catch {
        return false;
      }
    });
}

async function until(condition: () => boolean, limitMs: number): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; ) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
  return condition();
}

async function cleanUp(): Promise<void> {
  await lab.run(["cancel", "--yes"]);
  await lab.up();
  const { ops } = await lab.preview();
  expect(ops).toEqual({});
}

test.each(STEPS)(
  "trap pulumi-dynamic#26, pulumi-dynamic#27: the CLI is killed at %s: the provider ends within a second, and up carries on",
  async (step) => {
    lab = await TestLab.create(smallLab());
    const { child, done } = lab.start(["up", "--yes", "--skip-preview"], { LABPLAN_FAULT: `${step}:hang` });
    await untilStep(lab, child, step);
    child.kill("SIGKILL");
    expect(await until(() => providersOf(lab).length === 0, 1_000)).toBe(true);
    await done;
    expect((await lab.run(["up", "--yes", "--skip-preview"])).text).toContain("currently locked");
    await cleanUp();
  },
);

test.each(STEPS)("the provider is killed at %s, and up carries on", async (step) => {
  lab = await TestLab.create(smallLab());
  const { child, done } = lab.start(["up", "--yes", "--skip-preview"], { LABPLAN_FAULT: `${step}:hang` });
  await untilStep(lab, child, step);
  for (const pid of providersOf(lab)) process.kill(pid, "SIGKILL");
  expect((await done).code).not.toBe(0);
  await cleanUp();
});

test.each([...STEPS, "libvirt:Domain/6"])(
  "trap pulumi-dynamic#22: %s fails: up ends with its message, and the next one carries on",
  async (step) => {
    lab = await TestLab.create(smallLab());
    const { code, text } = await lab.run(["up", "--yes", "--skip-preview"], {
      LABPLAN_FAULT: `${step}:throw`,
    });
    expect(code).not.toBe(0);
    expect(text).toContain("injected fault at");
    await cleanUp();
  },
);

test("trap pulumi-dynamic#29: Ctrl-C once lets the running step end, saves what exists, and up carries on", async () => {
  lab = await TestLab.create(smallLab());
  const { child, done } = lab.start(["up", "--yes", "--skip-preview"], {
    LABPLAN_FAULT: "libvirt:Network/2:slow",
  });
  await untilStep(lab, child, "libvirt:Network/2");
  child.kill("SIGINT");
  const { code } = await done;
  expect(code).not.toBe(0);
  const { deployment } = JSON.parse(await lab.state()) as { deployment: { resources: { urn: string }[] } };
  expect(deployment.resources.map(({ urn }) => urn).join()).toContain("libvirt:Network::admin");
  await cleanUp();
});

/** `npm run lab -- <verb>` in the lab's folder. */
function labCli(verb: string): string {
  const cli = ["--require", require.resolve("tsx/cjs"), path.join(ROOT, "cli/main.ts")];
  const args = [
    "lab",
    verb,
    "--stack",
    lab.stack,
    "--yes",
    "--skip-preview",
    "--non-interactive",
    "--color",
    "never",
  ];
  return execFileSync(process.execPath, [...cli, ...args], {
    cwd: lab.folder,
    env: {
      ...process.env,
      ...lab.environment(),
      PATH: `${path.dirname(PULUMI)}${path.delimiter}${process.env.PATH}`,
    },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

test('"lab destroy" after a kill removes also what the killed run was making', async () => {
  lab = await TestLab.create(smallLab());
  const { child, done } = lab.start(["up", "--yes", "--skip-preview"], {
    LABPLAN_FAULT: "libvirt:Domain/5:hang",
  });
  await untilStep(lab, child, "libvirt:Domain/5");
  const world = await embeddedClient(lab);
  expect(await world.domains()).toHaveLength(1);
  child.kill("SIGKILL");
  await done;
  await until(() => providersOf(lab).length === 0, 2_000);
  labCli("destroy");
  expect(await world.domains()).toEqual([]);
  expect(await world.networks()).toEqual([]);
  expect(await world.pools()).toEqual([]);
  await world.close();
});

test('trap pulumi-dynamic#28: "lab up" finds the dead run, takes its lock away and resumes by itself', async () => {
  lab = await TestLab.create(smallLab());
  const { child, done } = lab.start(["up", "--yes", "--skip-preview"], {
    LABPLAN_FAULT: "libvirt:Domain/3:hang",
  });
  await untilStep(lab, child, "libvirt:Domain/3");
  child.kill("SIGKILL");
  await done;
  const printed = labCli("up");
  expect(printed).toMatch(/created|updated/);
  expect(JSON.parse(await lab.state()).deployment.pending_operations ?? []).toEqual([]);
  const { ops } = await lab.preview();
  expect(ops).toEqual({});
});
