import * as fs from "node:fs";
import { describe, expect, it, test } from "vitest";
import { lint } from "../../../../kickstart/lint";

const GOOD = fs.readFileSync("test/fixtures/kickstart/bad/good.preseed", "utf8");

function edited(from: string, to: string) {
  expect(GOOD).toContain(from);
  return lint(
    "preseed",
    GOOD.replace(from, () => to),
  );
}
const rulesOf = (...args: Parameters<typeof edited>) => edited(...args).map(({ rule }) => rule);

describe("a preseed", () => {
  test("trap kickstart-pxe#12: a mistyped type is an error here", () => {
    expect(edited("passwd/root-login boolean false", "passwd/root-login bolean false")).toMatchObject([
      { line: 8, rule: "unknown-type", severity: "error" },
    ]);
    expect(rulesOf("passwd/root-login boolean false", "passwd/root-login boolean no")).toEqual([
      "bad-boolean",
    ]);
  });

  it("holds no password in clear, and no weak one", () => {
    const line = "d-i passwd/root-login boolean false";
    for (const clear of [
      "root-password password x",
      "root-password-again password x",
      "user-password password x",
    ])
      expect(rulesOf(line, `${line}\nd-i passwd/${clear}`), clear).toEqual(["password-in-clear"]);
    expect(rulesOf(line, "d-i passwd/root-password-crypted password {{secret:root}}")).toEqual([]);
    expect(rulesOf(line, "d-i passwd/root-password-crypted password $1$a$b")).toEqual(["weak-password"]);
    expect(rulesOf(line, `${line}\nd-i partman-crypto/passphrase password x`)).toEqual(["password-in-clear"]);
  });

  it("answers all that the installer would stop at", () => {
    const asked = ["passwd/root-login", "partman/confirm ", "grub-installer/bootdev", "partman-auto/method"];
    for (const [questions, told] of [
      [asked, { line: 1, rule: "would-ask", severity: "error" }],
      [["time/zone", "mirror/http/hostname"], { line: 1, rule: "default-taken", severity: "warning" }],
    ] as const)
      for (const question of questions) {
        const line = GOOD.split("\n").find((text) => text.includes(question)) ?? "";
        expect(edited(`${line}\n`, ""), question).toMatchObject([told]);
      }
    expect(rulesOf("d-i debian-installer/locale string en_US.UTF-8\n", "")).toEqual([]);
  });

  it("names addresses, host names, cards and packages that are some", () => {
    const line = "d-i time/zone string America/Vancouver";
    for (const [other, rule] of [
      ["d-i netcfg/get_ipaddress string 10.0.0.300", "bad-address"],
      ["d-i netcfg/get_nameservers string 10.0.0.1 dns", "bad-address"],
      ["d-i netcfg/get_netmask string 255.0.255.0", "bad-address"],
      ["d-i netcfg/hostname string my_host", "bad-host-name"],
      ["d-i netcfg/choose_interface select eth0", "device-by-name"],
      ["d-i pkgsel/include string Vim", "bad-package"],
    ] as const)
      expect(edited(line, `${line}\n${other}`), other).toMatchObject([{ line: 8, rule }]);
  });

  it("is told at the physical line of a long command", () => {
    expect(
      edited("  in-target systemctl enable ssh; \\", "  true; \\\n  apt-get install x; \\"),
    ).toMatchObject([{ line: 26, rule: "not-in-target" }]);
  });

  it("is told at its line behind a comment too, which the installer drops", () => {
    expect(
      edited("  in-target systemctl", "# why\n  apt-get install x; \\\n  in-target systemctl"),
    ).toMatchObject([
      { line: 25, rule: "comment-in-command" },
      { line: 26, rule: "not-in-target" },
    ]);
  });

  it("may go on with one command over several lines", () => {
    expect(rulesOf("in-target systemctl", "in-target \\\n  systemctl")).toEqual([]);
    expect(rulesOf("in-target systemctl", "true && \\\n  systemctl")).toEqual(["not-in-target"]);
  });

  it("ends with its last line", () => {
    expect(lint("preseed", `${GOOD.trimEnd()} \\\n`).map(({ rule }) => rule)).toContain("open-value");
  });
});
