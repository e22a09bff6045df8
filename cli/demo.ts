import * as fs from "node:fs";
import * as path from "node:path";
import { stopEmbedded } from "../embedded/start";
import { init } from "./init";
import { destroy, preview, up } from "./operations";
import { pulumi, pulumiOutput } from "./pulumi";
import { table } from "./table";
import { HOME } from "./workspace";

const STACK = "demo";
const CONFIG = "stacks/Pulumi.demo.yaml";
const COLOR = process.stdout.isTTY ? "auto" : "never";
const common = ["--stack", STACK, "--color", COLOR, "--non-interactive"];

/** The main job on the embedded lab: preview, up, what exists now, and a second preview that says "unchanged". */
export async function demo(args: string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(
      "npm run demo        preview and make a small lab on this machine; needs no root and no hypervisor",
    );
    console.log("npm run demo:down   take it away again");
    return 0;
  }
  heading(`The lab is described in ${CONFIG}`);
  process.env.LABPLAN_OFFLINE ??= "0"; // the embedded lab is nobody else's, in a pull request's job too
  if (!fs.existsSync(path.join(HOME, "passphrase"))) removeFiles(); // of a lab whose state is gone
  const code = await init([STACK, "--quiet", ...(fs.existsSync(CONFIG) ? [] : ["--from", "demo"])]);
  if (code !== 0) return code;
  console.log(fs.readFileSync(CONFIG, "utf8").trim());
  heading("What would change (pulumi preview)");
  const refused = await preview(common);
  if (refused) return refused;
  heading("Make it so (pulumi up)");
  const failed = await up(["--yes", "--skip-preview", "--suppress-outputs", ...common]);
  if (failed) return failed;
  heading("What exists now");
  await printLab();
  heading("A second preview: nothing to do");
  const changed = await pulumi(["preview", "--expect-no-changes", "--suppress-outputs", ...common]);
  if (changed) return changed;
  console.log(`\nLog in:  ${await loginCommand()}`);
  console.log(
    `Edit ${CONFIG}, then "npm run lab -- preview --stack ${STACK}" and "npm run lab -- up --stack ${STACK}".`,
  );
  console.log('Take it away:  "npm run demo:down".');
  return 0;
}

export async function demoDown(): Promise<number> {
  if (!fs.existsSync(CONFIG)) {
    console.log("There is no demo lab here.");
    return 0;
  }
  process.env.LABPLAN_OFFLINE ??= "0";
  const code = await destroy(["--yes", ...common]);
  if (code !== 0) return code;
  const removed = await pulumi(["stack", "rm", "--yes", "--preserve-config", STACK]);
  if (removed !== 0) return removed;
  removeFiles();
  await stopEmbedded();
  return 0;
}

function removeFiles(): void {
  for (const file of [CONFIG, "stacks/demo.lock.yaml"]) fs.rmSync(file, { force: true });
}

interface Outputs {
  machines: Record<string, { address?: string; sshPort?: number; sshHostKey?: string }>;
  vpnUsers: Record<string, { dn: string }>;
}

async function outputs(): Promise<Outputs> {
  const { stdout } = await pulumiOutput(["stack", "output", "--json", "--stack", STACK]);
  return JSON.parse(stdout) as Outputs;
}

/** Pins the machines' host keys in a file of the lab's own, and says how to use it. */
async function loginCommand(): Promise<string> {
  const machines = Object.values((await outputs()).machines);
  const known = machines.map(({ address, sshPort, sshHostKey }) => `[${address}]:${sshPort} ${sshHostKey}\n`);
  const file = path.join(HOME, "known_hosts");
  fs.writeFileSync(file, known.join(""));
  const own = path.join(HOME, "id_ed25519");
  const identity = fs.existsSync(own) ? `-i ${own} ` : "";
  const [first] = machines;
  return `ssh ${identity}-o UserKnownHostsFile=${file} -p ${first?.sshPort} labplan@${first?.address}`;
}

async function printLab(): Promise<void> {
  const { machines, vpnUsers } = await outputs();
  const machineRows = Object.entries(machines).map(([name, m]) => [
    name,
    m.address ?? "",
    String(m.sshPort ?? 22),
    m.sshHostKey ?? "",
  ]);
  console.log(table(["machine", "address", "port", "ssh host key"], machineRows));
  const users = Object.entries(vpnUsers).map(([name, { dn }]) => [
    name,
    dn,
    "pulumi stack output vpnUsers --show-secrets",
  ]);
  console.log(`\n${table(["VPN user", "entry", "password"], users)}`);
}

const heading = (text: string) => console.log(`\n== ${text}\n`);
