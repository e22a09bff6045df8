import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lint } from "../../../../kickstart/lint";
import { findProgram } from "../../../../kickstart/programs";
import { renderKickstart } from "../../../../kickstart/render";
import { validate } from "../../../../kickstart/validate";
import { DISTRIBUTIONS, KEY, variablesOf } from "../fixtures";

const octet = fc.integer({ min: 1, max: 254 });
const hex = fc.integer({ min: 0, max: 255 }).map((byte) => byte.toString(16).padStart(2, "0"));
const mac = fc.array(hex, { minLength: 5, maxLength: 5 }).map((bytes) => `08:${bytes.join(":")}`);
const nic = fc.oneof(
  fc.record({ mac }),
  fc.tuple(mac, octet, fc.boolean()).map(([mac, last, routed]) => ({
    mac,
    ip: `192.0.2.${last === 1 ? 2 : last}`,
    prefix: 24,
    ...(routed ? { gateway: "192.0.2.1", nameservers: ["192.0.2.1", "9.9.9.9"] } : {}),
  })),
);
const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}[a-z0-9]$/);
/** Shell commands with all that is hard to carry. */
const command = fc
  .array(
    fc.constantFrom(
      "'",
      '"',
      "\\",
      "$x",
      "`id`",
      "#",
      "|",
      "%",
      ";",
      "&",
      "é",
      "{",
      "}",
      " ",
      "<<",
      "~",
      "*",
      "\t",
    ),
    {
      maxLength: 12,
    },
  )
  // `{{` in a command is taken for a rest of a template, and told.
  .filter((parts) => !/\{\{|\{%/.test(parts.join("")))
  .map((parts) => `printf %s ${quoted(parts.join(""))}\n\n  true # done`);
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const install = fc
  .record({
    distribution: fc.constantFrom(...DISTRIBUTIONS),
    user: word.filter((name) => name.length < 31),
    sshKeys: fc.subarray([KEY, KEY.replace("ann@desk", "ann's desk".replace("'", ""))]),
    rootPassword: fc.option(
      word.map((secret) => ({ secret })),
      { nil: undefined },
    ),
    keyboard: fc.constantFrom("us", "de", "fr"),
    language: fc.constantFrom("en_US.UTF-8", "de_DE.UTF-8", "sr_RS@latin"),
    timezone: fc.constantFrom("UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT-2"),
    timeServers: fc.array(fc.oneof(word, fc.constant("192.0.2.1"), fc.constant("0.pool.ntp.org")), {
      maxLength: 3,
    }),
    packages: fc.uniqueArray(word, { maxLength: 4 }),
    openPorts: fc.uniqueArray(fc.integer({ min: 1, max: 65535 }), { maxLength: 4 }),
    commands: fc.array(command, { maxLength: 3 }),
  })
  .map(({ distribution, rootPassword, ...rest }) => ({
    ...distribution,
    ...rest,
    ...(rootPassword ? { rootPassword } : {}),
  }));
const facts = fc.record({
  name: fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,20}$/),
  purpose: fc.constantFrom("image" as const, "machine" as const),
  disk: fc.constantFrom("sda", "vda", "nvme0n1"),
  nics: fc.array(nic, { minLength: 1, maxLength: 4 }),
});

/** Seed and runs are fixed, so that a red test is red again. */
const RUNS = { seed: 20261121, numRuns: 150 };

describe("whatever sane variables are given", () => {
  test("each file renders and lints clean", () => {
    fc.assert(
      fc.property(install, facts, (install, facts) => {
        const variables = variablesOf(install, facts);
        const { installer, text, problems } = renderKickstart(variables);
        expect(problems).toEqual([]);
        expect(lint(installer, text, { release: install.release, purpose: facts.purpose })).toEqual([]);
      }),
      RUNS,
    );
  }, 60_000);

  test("each script in it is one that a shell can read", async () => {
    const shells: typeof findProgram = (name) =>
      ["bash", "sh"].includes(name) ? findProgram(name) : undefined;
    await fc.assert(
      fc.asyncProperty(install, facts, async (install, facts) => {
        const { installer, text } = renderKickstart(variablesOf(install, facts));
        const { findings } = await validate(installer, text, { release: install.release, find: shells });
        expect(findings).toEqual([]);
      }),
      { ...RUNS, numRuns: 25 },
    );
  }, 60_000);
});
