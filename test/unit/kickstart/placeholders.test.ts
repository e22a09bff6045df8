import { describe, expect, it } from "vitest";
import { fillPlaceholders, secretsIn } from "../../../kickstart/placeholders";

const boot = { url: "http://10.0.2.2:8069", token: "0123456789abcdef0123456789abcdef" };
const secret = (ref: object) => `$6$${Object.entries(ref).join()}`;

describe("placeholders", () => {
  it("are filled in when the file is served", () => {
    const text =
      "A {{boot:url}}/events {{ boot:token }}\nrootpw --iscrypted {{secret:root-hash}}\n{{env:X}}\n{{file:/a/b}}";
    expect(fillPlaceholders(text, { boot, secret })).toBe(
      [
        `A ${boot.url}/events ${boot.token}`,
        "rootpw --iscrypted $6$secret,root-hash",
        "$6$env,X",
        "$6$file,/a/b",
      ].join("\n"),
    );
  });

  it("are put in as they are: a $& of a password means nothing", () => {
    expect(fillPlaceholders("{{secret:a}}", { boot, secret: () => "$6$a$&$1$$" })).toBe("$6$a$&$1$$");
  });

  it("are named once each", () => {
    expect(secretsIn("{{secret:a}} {{ secret:a }} {{env:B}} {{boot:token}} {{name}}")).toEqual([
      { secret: "a" },
      { env: "B" },
    ]);
  });

  it("write no lines of their own, and no error repeats a value", () => {
    const hostile = () => "x\nrootpw hunter2";
    expect(() => fillPlaceholders("{{secret:a}}", { boot, secret: hostile })).toThrow(
      /^\{\{secret:a\}\}: its value holds a line end/,
    );
    expect(() => fillPlaceholders("{{secret:a}}", { boot, secret: hostile })).not.toThrow(/hunter2/);
  });

  it("without a value are no empty text", () => {
    expect(() => fillPlaceholders("{{boot:config}}", { boot, secret })).toThrow(/has no value here/);
  });
});
