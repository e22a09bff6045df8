import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillLocalConf, LocalConfSecretError } from "../../../../../providers/devstack/local-conf/fill";
import { mergeLocalConf } from "../../../../../providers/devstack/local-conf/merge";
import { readLocalConf } from "./reader";

// Signs that some reader on the way takes for its own, more often than chance would have them.
const sign = fc.constantFrom(
  ..."'\"\\$`&!#~=;|*?[](){}<>^%/ \t",
  "\\1",
  "\\n",
  "$(",
  "${",
  "}}",
  "{{",
  "[[",
  "]]",
  "$FOO",
  "'\\''",
);
const character = fc.string({ unit: "binary", minLength: 1, maxLength: 1 });
const text = fc.array(fc.oneof(sign, sign, character), { maxLength: 12 }).map((pieces) => pieces.join(""));
// What a field cannot hold is refused, and tested with the other problems.
const forShell = text.map((value) => value.replaceAll("\0", ""));
const forFile = text.map((value) => value.replace(/[^\P{Cc}\t]/gu, "").replace(/^[ \t]+|[ \t]+$/g, ""));
const named = <T>(values: T[], prefix: string) =>
  Object.fromEntries(values.map((value, index) => [`${prefix}${index}`, value]));

describe("any value comes back exactly", { timeout: 60_000 }, () => {
  it("from localrc, through bash", () => {
    fc.assert(
      fc.property(fc.array(forShell, { minLength: 20, maxLength: 40 }), (values) => {
        const localrc = named(values, "V_");
        const { text, problems } = mergeLocalConf({ layers: [{ source: "a", localrc }] });
        expect(problems).toEqual([]);
        expect(readLocalConf(text).localrc).toEqual(localrc);
      }),
      { numRuns: 25 },
    );
  });

  it.each([false, true])(
    "from a file, through read, eval and sed; the option there already: %s",
    (existing) => {
      fc.assert(
        fc.property(fc.array(forFile, { minLength: 10, maxLength: 20 }), (values) => {
          const options = named(values, "o");
          const conf = { "post-config": { $NOVA_CONF: { DEFAULT: options } } };
          const { text, problems } = mergeLocalConf({ layers: [{ source: "a", conf }] });
          expect(problems).toEqual([]);
          expect(readLocalConf(text, { existing }).files).toEqual({
            "post-config": { "/etc/nova/nova.conf": { DEFAULT: options } },
          });
        }),
        { numRuns: 6 },
      );
    },
  );

  it("with a variable and a secret between any texts, in both places", () => {
    fc.assert(
      fc.property(forFile, forFile, forFile, forFile, (before, between, after, secret) => {
        // `$` before a brace or `{{` before the placeholder would be other signs than those meant.
        const plain = (part: string) => part.replace(/[${}]/g, "");
        const value = `a${plain(before)}\${HOST_IP}${plain(between)}{{secret:pw}}${plain(after)}z`;
        const whole = `a${plain(before)}10.0.0.2${plain(between)}${secret}${plain(after)}z`;
        const { text, problems } = mergeLocalConf({
          layers: [
            {
              source: "a",
              localrc: { HOST_IP: "10.0.0.2", V: value },
              conf: { "post-config": { $NOVA_CONF: { DEFAULT: { o: value } } } },
            },
          ],
        });
        expect(problems).toEqual([]);
        const read = readLocalConf(fillLocalConf(text, () => secret));
        expect(read.localrc.V).toBe(whole);
        expect(read.files["post-config"]?.["/etc/nova/nova.conf"]?.DEFAULT?.o).toBe(whole);
      }),
      { numRuns: 40 },
    );
  });
});

describe("fillLocalConf", () => {
  const conf = { "post-config": { $NOVA_CONF: { DEFAULT: { a: { secret: "pw" } } } } };

  it("quotes a secret for the place where it stands", () => {
    const secret = `it's $HOST_IP \`id\` \\ "&" [[post-config|/etc/passwd]]`;
    const { text } = mergeLocalConf({
      layers: [{ source: "a", localrc: { ADMIN_PASSWORD: { secret: "pw" } }, conf }],
    });
    const read = readLocalConf(fillLocalConf(text, () => secret));
    expect(read.localrc).toEqual({ ADMIN_PASSWORD: secret });
    expect(read.files).toEqual({ "post-config": { "/etc/nova/nova.conf": { DEFAULT: { a: secret } } } });
  });

  it("puts a secret of several lines into localrc", () => {
    const { text } = mergeLocalConf({ layers: [{ source: "a", localrc: { KEY: { secret: "pw" } } }] });
    const filled = fillLocalConf(text, () => "one\n[[local|localrc]]\nEVIL=1");
    expect(readLocalConf(filled).localrc).toEqual({ KEY: "one\n[[local|localrc]]\nEVIL=1" });
  });

  it.each([
    ["of several lines", "one\ntwo", "line break"],
    ["with a blank at its end", "one ", "blanks"],
    ["with a control character", "on\u0007e", "control character"],
  ])("refuses a secret %s where a file's setting wants it, and keeps it to itself", (_, secret, why) => {
    const { text } = mergeLocalConf({ layers: [{ source: "a", conf }] });
    const failed = () => fillLocalConf(text, () => secret);
    expect(failed).toThrow(LocalConfSecretError);
    expect(failed).toThrow(new RegExp(`secret "pw" cannot stand in line 5 of local.conf: .*${why}`));
    expect(failed).not.toThrow(/one/);
  });

  it("allows a blank at the end of a secret that more text follows", () => {
    const { text } = mergeLocalConf({
      layers: [
        { source: "a", conf: { "post-config": { $NOVA_CONF: { DEFAULT: { a: "<{{secret:pw}}>" } } } } },
      ],
    });
    expect(
      readLocalConf(fillLocalConf(text, () => " x ")).files["post-config"]?.["/etc/nova/nova.conf"],
    ).toEqual({
      DEFAULT: { a: "< x >" },
    });
  });

  it("keeps a secret that begins with a letter out of the name of the variable before it", () => {
    const value = "$HOST_IP{{secret:pw}}";
    const { text } = mergeLocalConf({
      layers: [
        {
          source: "a",
          localrc: { HOST_IP: "10.0.0.2", V: value },
          conf: { "post-config": { $NOVA_CONF: { DEFAULT: { o: value } } } },
        },
      ],
    });
    const read = readLocalConf(fillLocalConf(text, () => "_x"));
    expect(read.localrc.V).toBe("10.0.0.2_x");
    expect(read.files["post-config"]?.["/etc/nova/nova.conf"]?.DEFAULT).toEqual({ o: "10.0.0.2_x" });
  });

  it("leaves a text without secrets as it is", () => {
    expect(fillLocalConf("# a\n[[local|localrc]]\nA='{{b}}'\n", () => "x")).toBe(
      "# a\n[[local|localrc]]\nA='{{b}}'\n",
    );
  });
});
