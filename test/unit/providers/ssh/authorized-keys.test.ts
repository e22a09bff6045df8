import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  describeKeysMark,
  keyProblem,
  keysMark,
  readKeys,
  strangers,
  withBlock,
  withoutBlock,
  withoutStrangers,
} from "../../../../providers/ssh/authorized-keys";
import { ECDSA, ED25519, ED25519_B, RSA } from "./keys";

const mark = keysMark({ lab: "k3v9q2x7", stack: "dev", name: "node 1/a" });
const other = keysMark({ lab: "k3v9q2x7", stack: "prod", name: "node1" });
const wanted = { mark, machine: "node 1", keys: [ED25519], exclusive: false };

describe("our lines of an authorized_keys file", () => {
  it("stand between two comments that say whose they are, whatever the names hold", () => {
    const text = withBlock("", wanted);
    expect(text).toBe(`# labplan begin k3v9q2x7/dev/node%201%2Fa on node%201: changes up to "end" are undone
${ED25519}
# labplan end k3v9q2x7/dev/node%201%2Fa
`);
    expect(readKeys(text)).toEqual({
      blocks: [{ mark, machine: "node 1", keys: [ED25519] }],
      others: [],
    });
    expect(describeKeysMark(mark)).toBe("k3v9q2x7/dev/node 1/a");
  });

  it("stay where they are when they change, and there is one block only", () => {
    const before = `${RSA}\n${withBlock("", wanted)}${ECDSA}\n${withBlock("", wanted)}`;
    const after = withBlock(before, { ...wanted, keys: [ED25519_B] });
    expect(after.split("\n").filter((line) => !line.startsWith("#"))).toEqual([RSA, ED25519_B, ECDSA, ""]);
    expect(after.match(/labplan begin/g)).toHaveLength(1);
  });

  it("leave what others wrote as it is: any text, put in and taken out again", () => {
    const line = fc.oneof(
      fc.constantFrom(RSA, ECDSA, "", "  # a comment", "#labplan", "# labplan end k3/x/y", "no key at all"),
      fc.string({ maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, " ")),
    );
    fc.assert(
      fc.property(fc.array(line), fc.boolean(), (lines, exclusive) => {
        const text = lines
          .filter((one) => !/^# labplan (begin|end)/.test(one))
          .map((one) => `${one}\n`)
          .join("");
        const written = withBlock(text, { ...wanted, exclusive });
        expect(withBlock(written, { ...wanted, exclusive })).toBe(written);
        expect(readKeys(written).blocks).toHaveLength(1);
        if (!exclusive) expect(withoutBlock(written, mark)).toBe(text);
      }),
    );
  });

  it("of another stack are never touched, exclusive or not; those that came with a copied image go when named", () => {
    const theirs = withBlock("", { ...wanted, mark: other, keys: [RSA] });
    const text = withBlock(theirs, { ...wanted, exclusive: true });
    expect(text.startsWith(theirs)).toBe(true);
    expect(withoutBlock(text, mark)).toBe(theirs);
    expect(withBlock(theirs, { ...wanted, stale: [other] })).toBe(withBlock("", wanted));
  });

  it("without their end hold only what may be ours", () => {
    const cut = withBlock("", { ...wanted, keys: [ED25519, ED25519_B] }).replace(/# labplan end.*\n/, "");
    const read = readKeys(`${cut}${RSA}\n`, [ED25519, ED25519_B]);
    expect(read.blocks[0]?.keys).toEqual([ED25519, ED25519_B]);
    expect(read.others).toEqual([RSA]);
    // The end of another block is none of this one.
    const theirs = withBlock("", { ...wanted, mark: other, keys: [RSA] });
    expect(readKeys(`${cut}${theirs}`, [ED25519, ED25519_B])).toMatchObject({
      blocks: [{ mark }, { mark: other, keys: [RSA] }],
      others: [],
    });
    // A file that ends there.
    expect(withoutBlock(cut, mark, [ED25519, ED25519_B])).toBe("");
  });

  it("take a mark of a name that begins alike for another", () => {
    const longer = `${mark}x`;
    const text = withBlock(withBlock("", wanted), { ...wanted, mark: longer });
    expect(readKeys(text).blocks.map((block) => block.mark)).toEqual([mark, longer]);
    expect(readKeys(withoutBlock(text, mark)).blocks.map((block) => block.mark)).toEqual([longer]);
  });
});

describe("an exclusive list", () => {
  const login = `${ED25519_B}`;
  const file = `# who\n\n${RSA} someone\nfrom="10.0.0.0/8",command="a b" ${login} me\ncert-authority ${ECDSA}\nodd\n`;

  it("takes every line away that might let somebody in, also of a form that we do not know", () => {
    expect(withoutStrangers(file, undefined)).toBe("# who\n\n");
    expect(strangers(readKeys(file), undefined)).toHaveLength(4);
  });

  it("keeps the key that we log in with, whatever stands before and behind it", () => {
    const kept = withoutStrangers(file, login);
    expect(kept).toBe(`# who\n\nfrom="10.0.0.0/8",command="a b" ${login} me\n`);
    expect(strangers(readKeys(kept), login)).toEqual([]);
    expect(withBlock(file, { ...wanted, exclusive: true, loginKey: login })).toContain(login);
  });

  it("keeps no comment for a key, and no key for one that only begins alike", () => {
    expect(withoutStrangers(`#${login}\n`, login)).toBe(`#${login}\n`);
    const longer = `${login}AAAA`;
    expect(withoutStrangers(`${longer}\n`, login)).toBe("");
  });
});

describe("what may be listed", () => {
  it("every type of key, with options and a comment", () => {
    for (const key of [ED25519, ECDSA, RSA, `${RSA} me@here`, `no-pty,from="a b" ${ED25519} x`])
      expect(keyProblem(key)).toBeUndefined();
  });

  it("nothing else, and the refusal never repeats it", () => {
    const secret = "hunter2";
    for (const [line, why] of [
      [`-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}`, /private key/],
      [`${ED25519}\n${ED25519_B}`, /more than one line/],
      [secret, /no public key/],
      ["", /empty or a comment/],
      [`# ${secret}`, /empty or a comment/],
      [ED25519.slice(0, 50), /cut off or damaged/],
      [ED25519.replace("ssh-ed25519 ", "ssh-rsa "), /cut off or damaged/],
    ] as const) {
      expect(keyProblem(line)).toMatch(why);
      expect(keyProblem(line)).not.toContain(secret);
    }
  });
});
