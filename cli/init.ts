import { randomBytes, randomInt } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { parseDocument } from "yaml";
import { makeHostKey } from "../providers/seed/host-key";
import { pulumi } from "./pulumi";
import { ensureWorkspace, HOME } from "./workspace";

const EXAMPLES = path.join("stacks", "examples");
/** No digits: "2e345678" is a number to YAML, and "config set" would rewrite it. */
const LAB_ID_LETTERS = "abcdefghijkmnpqrstuvwxyz";

/** `npm run lab -- init <stack> [--from <example>]` */
export async function init(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { from: { type: "string" }, quiet: { type: "boolean", default: false } },
  });
  const [stack] = positionals;
  if (!stack || positionals.length > 1 || !/^[a-z0-9][a-z0-9-]{0,30}$/.test(stack))
    throw new Error('say the stack\'s name: "npm run lab -- init mylab" (small letters, digits and dashes)');
  const made = ensureWorkspace();
  const file = path.join("stacks", `Pulumi.${stack}.yaml`);
  if (!fs.existsSync(file)) {
    fs.writeFileSync(file, exampleText(values.from ?? "workstation", stack));
    made.push(`${file} (the lab, with its random id; commit it)`);
  } else if (values.from) throw new Error(`${file} exists; remove it first, or leave out --from`);
  else if (addLabId(file)) made.push(`labplan:lab in ${file} (the lab's random id; commit it)`);
  const code = await ensureStack(stack);
  if (code !== 0 || values.quiet) return code;
  for (const line of made) console.log(`made ${line}`);
  console.log(`\nNext: edit ${file}, then\n  npm run lab -- preview\n  npm run lab -- up`);
  return 0;
}

async function ensureStack(stack: string): Promise<number> {
  const select = ["stack", "select", stack, "--create", "--color", "never"];
  return pulumi(select);
}

/** An example with this lab's own id and key in it. */
function exampleText(name: string, stack: string): string {
  const file = path.join(EXAMPLES, `${name}.yaml`);
  if (!fs.existsSync(file)) {
    const known = fs.readdirSync(EXAMPLES).map((entry) => path.basename(entry, ".yaml"));
    throw new Error(`there is no example "${name}"; there are: ${known.join(", ")}`);
  }
  return fs
    .readFileSync(file, "utf8")
    .replaceAll("LAB_ID", labId())
    .replaceAll("STACK", stack)
    .replaceAll("SSH_KEY", publicKey());
}

/** Gives a file its lab id where it has none. Comments and layout stay. */
function addLabId(file: string): boolean {
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  if (document.hasIn(["config", "labplan:lab"])) return false;
  document.setIn(["config", "labplan:lab"], labId());
  fs.writeFileSync(file, document.toString());
  return true;
}

const labId = (): string =>
  Array.from({ length: 8 }, () => LAB_ID_LETTERS[randomInt(LAB_ID_LETTERS.length)]).join("");

/** The user's own public key; where there is none, a key pair of the lab in its folder. */
function publicKey(): string {
  const ssh = path.join(os.homedir(), ".ssh");
  for (const name of ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"]) {
    const file = path.join(ssh, name);
    if (fs.existsSync(file)) return fs.readFileSync(file, "utf8").trim();
  }
  const file = path.join(HOME, "id_ed25519");
  if (!fs.existsSync(file)) {
    const pair = makeHostKey(randomBytes, "labplan");
    fs.writeFileSync(file, pair.privateKey, { mode: 0o600 });
    fs.writeFileSync(`${file}.pub`, `${pair.publicKey}\n`);
  }
  return fs.readFileSync(`${file}.pub`, "utf8").trim();
}
