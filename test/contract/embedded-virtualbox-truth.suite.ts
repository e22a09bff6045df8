import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeIso } from "../../providers/seed/iso9660";

export interface TruthSystem {
  run(argv: string[]): Promise<Answer>;
  /** Empty; VBoxManage may write there. */
  folder: string;
  /** Let VBoxManage have what a test wrote. */
  give?(file: string): void;
  stop(): Promise<void>;
}

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Commands and what VBoxManage 7.2.22 said to each. `LABPLAN_RECORD_TRUTH=1` on the real one writes it anew. */
export const TRUTH = path.join(__dirname, "../fixtures/embedded/virtualbox-truth.txt");

/** `{F}` is the folder; a word with blanks or quotes is a JSON string. */
const wordsOf = (line: string, folder: string): string[] =>
  (line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []).map((word) =>
    (word.startsWith('"') ? (JSON.parse(word) as string) : word).replaceAll("{F}", folder),
  );

interface Section {
  title: string;
  commands: { line: string; answer: string[] }[];
}

function readTruth(): Section[] {
  const sections: Section[] = [];
  for (const line of fs.readFileSync(TRUTH, "utf8").split("\n")) {
    if (line.startsWith("# ")) sections.push({ title: line.slice(2), commands: [] });
    else if (line.startsWith("$ ")) sections.at(-1)?.commands.push({ line: line.slice(2), answer: [] });
    else if (line !== "") sections.at(-1)?.commands.at(-1)?.answer.push(line);
  }
  return sections;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** What differs from run to run gets a name: UUIDs by their order, times, made-up MACs, the folder. */
function normaliser(folder: string): (answer: Answer) => string[] {
  const known = new Map<string, string>();
  const name = (uuid: string): string => {
    if (uuid.startsWith("6ad1ee2b-")) return uuid;
    const there = known.get(uuid) ?? `{U${known.size + 1}}`;
    known.set(uuid, there);
    return there;
  };
  const lines = (text: string, mark: string): string[] =>
    withoutUsage(text.replace(/\n$/, "").split("\n"))
      .filter((line) => text !== "" || line !== "")
      .map((line) => `${mark}${line}`);
  return ({ code, stdout, stderr }) =>
    [`= ${code}`, ...lines(stdout, "> "), ...lines(stderr, "! ")].map((line) =>
      line
        .replaceAll(folder, "{F}")
        .replace(UUID, name)
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?/g, "{T}")
        .replace(/\b080027(?!00)[0-9A-F]{6}\b/g, "{MAC}")
        .trimEnd(),
    );
}

/** The usage is VirtualBox's own text, and nobody acts on it. */
function withoutUsage(lines: string[]): string[] {
  let skipping = false;
  return lines.filter((line) => {
    if (/^Usage\b/.test(line)) skipping = true;
    else if (line.startsWith("VBoxManage: error:")) skipping = false;
    return !skipping;
  });
}

/**
 * A card that was never told otherwise may reach the host's loopback or not: VirtualBox turns it on when it reads its
 * own settings file again.
 */
const REACHABLE = /(localhostreachable)(="|: )[01]/gi;

/** Lines that hold the real machine's own facts. */
const isOfTheHost = (line: string): boolean => /^> (Default machine folder|User language):/.test(line);

export function virtualBoxTruth(name: string, start: () => Promise<TruthSystem>, record = false): void {
  describe(`what ${name} answers`, () => {
    let system: TruthSystem;
    let normalise: (answer: Answer) => string[];
    const recorded: string[] = [];
    beforeAll(async () => {
      system = await start();
      normalise = normaliser(system.folder);
      const put = (file: string, content: Buffer): void => {
        const at = path.join(system.folder, file);
        fs.writeFileSync(at, content);
        system.give?.(at);
      };
      put("seed.iso", writeIso("cidata", [{ name: "user-data", data: Buffer.from("#cloud-config\n") }]));
      put("raw.img", Buffer.alloc(3 * 1024 * 1024, 7));
    });
    afterAll(async () => {
      await system?.stop();
      if (record) fs.writeFileSync(TRUTH, `${recorded.join("\n").trimEnd()}\n`);
    });

    const sections = readTruth();
    for (const { title, commands } of sections) {
      it(title, { timeout: 240_000 }, async () => {
        const got: [string, string[]][] = [];
        recorded.push(`# ${title}`);
        for (const { line } of commands) {
          const answer = normalise(await system.run(wordsOf(line, system.folder)));
          got.push([line, answer]);
          recorded.push(`$ ${line}`, ...answer);
        }
        if (!record) {
          const isNew = title === "a machine";
          const strip = (answer: string[]): string[] =>
            answer
              .filter((one) => !isOfTheHost(one))
              .map((one) => (isNew ? one.replace(REACHABLE, "$1$2?") : one));
          expect(got.map(([line, answer]) => [line, strip(answer)])).toEqual(
            commands.map(({ line, answer }) => [line, strip(answer)]),
          );
        }
        recorded.push("");
      });
    }
  });
}

/** Run a program that is or acts as VBoxManage. */
export function runProgram(program: string, before: string[]): TruthSystem["run"] {
  return (argv) =>
    new Promise((resolve) => {
      const env = { ...process.env, LANG: "C", LC_ALL: "C" };
      execFile(
        program,
        [...before, ...argv],
        { env, maxBuffer: 64 * 1024 * 1024, timeout: 60_000 },
        (error, stdout, stderr) => {
          const { code } = (error ?? { code: 0 }) as { code?: number };
          resolve({ code: typeof code === "number" ? code : -1, stdout, stderr });
        },
      );
    });
}
