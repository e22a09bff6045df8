import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stopEmbedded } from "../../embedded/start";

const ROOT = path.resolve(__dirname, "../..");
/** Everything a user's clone has, but for its stacks. */
const LINKED = [
  "providers",
  "schemas",
  "embedded",
  "kickstart",
  "bench",
  "engine",
  "node_modules",
  "tsconfig.json",
  "Pulumi.yaml",
];

/** The engine itself: killing the npm launcher of the same name in node_modules would leave it running. */
export const PULUMI =
  (process.env.PATH ?? "")
    .split(path.delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .map((folder) => path.join(folder, "pulumi"))
    .find((file) => fs.existsSync(file)) ?? "pulumi";

export interface Outcome {
  code: number;
  /** What the user sees, stdout and stderr in order. */
  text: string;
}

export interface PreviewStep {
  op: string;
  urn: string;
  newState?: { type: string; inputs?: Record<string, unknown> };
}

/** A folder that is to Pulumi what a user's clone is, with its own state, config and embedded lab. */
export class TestLab {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "lp-lab-"));
  readonly stack = "t";
  readonly embeddedHome = path.join(this.folder, "embedded-home");
  private readonly children = new Set<ChildProcess>();
  env: Record<string, string> = {};
  private enter: string[] = [];

  /** `program` replaces the project's own main; `enter` is put before every command, as nsenter is. */
  static async create(
    config: object,
    options: { secrets?: Record<string, string>; program?: string; enter?: string[] } = {},
  ): Promise<TestLab> {
    const lab = new TestLab();
    lab.enter = options.enter ?? [];
    const stacks = path.join(lab.folder, "stacks");
    fs.mkdirSync(path.join(lab.folder, "state"));
    fs.mkdirSync(stacks);
    // Other users than root run the embedded lab of a root user's test.
    fs.chmodSync(lab.folder, 0o755);
    for (const name of LINKED) fs.symlinkSync(path.join(ROOT, name), path.join(lab.folder, name));
    for (const name of fs.readdirSync(path.join(ROOT, "stacks")).filter((entry) => !entry.endsWith(".yaml")))
      fs.symlinkSync(path.join(ROOT, "stacks", name), path.join(stacks, name));
    const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
    const main = options.program ?? manifest.main;
    fs.writeFileSync(path.join(lab.folder, "package.json"), JSON.stringify({ ...manifest, main }));
    lab.write({});
    await lab.mustSucceed(["stack", "init", lab.stack]);
    for (const [key, value] of Object.entries(options.secrets ?? {}))
      await lab.mustSucceed(["config", "set", "--secret", key, value]);
    lab.write(config);
    return lab;
  }

  /** Replace the lab's sections; what Pulumi itself wrote stays. JSON is YAML. */
  write(sections: object): void {
    const file = path.join(this.folder, "stacks", `Pulumi.${this.stack}.yaml`);
    const kept = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    const salt = /^encryptionsalt:.*$/m.exec(kept)?.[0];
    const secrets = [...kept.matchAll(/^ {2}labplan:\S+:\n {4}secure: .*$/gm)].map(([text]) => text);
    const own = Object.entries({ lab: "testlab1", ...sections }).map(
      ([k, v]) => `  labplan:${k}: ${JSON.stringify(v)}`,
    );
    fs.writeFileSync(file, [...(salt ? [salt] : []), "config:", ...secrets, ...own, ""].join("\n"));
  }

  get lockText(): string {
    const file = path.join(this.folder, "stacks", `${this.stack}.lock.yaml`);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  }

  start(args: string[], env: Record<string, string> = {}): { child: ChildProcess; done: Promise<Outcome> } {
    const [command = PULUMI, ...first] =
      this.enter.length > 0 ? [...this.enter, "env", `--chdir=${this.folder}`, PULUMI] : [PULUMI];
    const child = spawn(command, [...first, ...args, "--non-interactive", "--color", "never"], {
      cwd: this.folder,
      env: { ...process.env, ...this.environment(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.children.add(child);
    let text = "";
    const collect = (data: Buffer) => {
      text += data;
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const done = new Promise<Outcome>((resolve) =>
      child.on("close", (code) => {
        this.children.delete(child);
        resolve({ code: code ?? -1, text });
      }),
    );
    return { child, done };
  }

  run(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
    return this.start(args, env).done;
  }

  async mustSucceed(args: string[], env: Record<string, string> = {}): Promise<string> {
    const { code, text } = await this.run(args, env);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} failed (${code}):\n${text}`);
    return text;
  }

  up(env: Record<string, string> = {}): Promise<string> {
    return this.mustSucceed(["up", "--yes", "--skip-preview", "--suppress-outputs"], env);
  }

  destroy(): Promise<string> {
    return this.mustSucceed(["destroy", "--yes", "--skip-preview"]);
  }

  /** What would be done, by `kind name` (nothing for what is unchanged), and the lines that the preview says. */
  async preview(env: Record<string, string> = {}): Promise<{ ops: Record<string, string>; text: string }> {
    const ops: Record<string, string> = {};
    const { code, text } = await this.run(["preview", "--json"], env);
    if (code !== 0) throw new Error(`preview failed (${code}):\n${text}`);
    const { steps = [], diagnostics = [] } = JSON.parse(text.slice(text.indexOf("{"))) as {
      steps?: PreviewStep[];
      diagnostics?: { message: string }[];
    };
    for (const { op, urn } of steps) {
      const [, kind, name] = /dynamic\/([^:]+:[^:]+)::(.+)$/.exec(urn) ?? [];
      if (kind && op !== "refresh") ops[`${kind} ${name}`] = op;
    }
    return { ops, text: diagnostics.map(({ message }) => message).join("\n") };
  }

  async state(): Promise<string> {
    return this.mustSucceed(["stack", "export"]);
  }

  async outputs<T>(): Promise<T> {
    return JSON.parse(await this.mustSucceed(["stack", "output", "--json", "--show-secrets"])) as T;
  }

  /** Ends what still runs and removes the folder; the test itself destroys the lab. */
  async close(): Promise<void> {
    for (const child of this.children) child.kill("SIGKILL");
    await stopEmbedded({ home: this.embeddedHome });
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** What every process of this lab runs with. */
  environment(): Record<string, string> {
    return {
      PULUMI_BACKEND_URL: `file://${path.join(this.folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "lifecycle-passphrase-canary",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      LABPLAN_EMBEDDED_HOME: this.embeddedHome,
      LABPLAN_OFFLINE: "0",
      ...this.env,
    };
  }
}
