import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it, test } from "vitest";
import { lint } from "../../kickstart/lint";
import { renderKickstart } from "../../kickstart/render";
import { validate } from "../../kickstart/validate";
import { available } from "../systems/kickstart/start";
import { DISTRIBUTIONS, KEY, title, variablesOf } from "../unit/kickstart/fixtures";

const reason = available();
const BAD = "test/fixtures/kickstart/bad";
const read = (name: string): string =>
  fs.readFileSync(
    path.join(BAD, fs.readdirSync(BAD).find((file) => file.replace(/^\d+-/, "") === name) ?? name),
    "utf8",
  );
const official = async (text: string, release = "9") =>
  (await validate("kickstart", text, { release })).findings.filter(({ rule }) => rule === "ksvalidator");

const full = {
  sshKeys: [KEY],
  rootPassword: { secret: "rootHash" },
  openPorts: [9999],
  packages: ["git"],
  commands: ["echo 'it is' >/etc/motd"],
};
const machine = {
  purpose: "machine" as const,
  nics: [
    { mac: "08:00:27:aa:bb:01" },
    { mac: "08:00:27:aa:bb:02", ip: "192.0.2.11", prefix: 24, gateway: "192.0.2.1" },
  ],
};

describe.skipIf(reason)(`the installers' own validators${reason ? ` (${reason})` : ""}`, () => {
  describe("accept what we render", () => {
    test.each(DISTRIBUTIONS.map((install) => ({ name: title(install), install })))(
      "$name",
      async ({ install }) => {
        for (const [config, facts] of [
          [{}, {}],
          [full, {}],
          [full, machine],
        ] as const) {
          const { installer, text } = renderKickstart(variablesOf({ ...install, ...config }, facts));
          // Enterprise Linux 9 and 10 read the same file.
          const releases = installer === "kickstart" ? ["9", "10"] : [install.release];
          for (const release of releases)
            expect(await validate(installer, text, { release })).toEqual({ findings: [], absent: [] });
        }
      },
    );
  });

  describe("do not see what our own checks do", () => {
    test.each([
      ["trap kickstart-pxe#3: an unrendered variable", "variable-without-blanks.ks"],
      ["trap kickstart-pxe#4: a root password in clear", "plain-root-password.ks"],
      ["trap kickstart-pxe#4: an md5 hash", "md5-root-password.ks"],
      ["trap kickstart-pxe#5: a shell error in %post", "shell-error-in-post.ks"],
      ["trap kickstart-pxe#6: 999.1.1.1", "bad-address.ks"],
      ["trap kickstart-pxe#6: a bad MAC", "bad-mac.ks"],
      ["trap kickstart-pxe#6: a host name with a space", "host-name-with-a-space.ks"],
      ["trap kickstart-pxe#6: a bad time zone", "bad-time-zone.ks"],
      ["trap kickstart-pxe#7: a malformed key", "malformed-key.ks"],
      ["trap kickstart-pxe#8: a volume in an unknown group", "unknown-volume-group.ks"],
      ["trap kickstart-pxe#9: reboot and poweroff", "reboot-and-poweroff.ks"],
      ["trap kickstart-pxe#10: an unknown package group", "unknown-group.ks"],
      ["trap kickstart-pxe#11: a private key", "private-key.ks"],
    ])("%s", async (_, file) => {
      const text = read(file);
      expect(await official(text)).toEqual([]);
      const ours = [...lint("kickstart", text), ...(await validate("kickstart", text)).findings];
      expect(ours).toHaveLength(1);
    });

    test("trap kickstart-pxe#12: debconf-set-selections only warns of an unknown type", async () => {
      const text = read("mistyped-type.preseed");
      expect((await validate("preseed", text)).findings).toMatchObject([{ line: 3, severity: "warning" }]);
      expect(lint("preseed", text)).toMatchObject([{ line: 3, severity: "error" }]);
    });
  });

  describe("see what they see at the same line", () => {
    test.each([
      ["install-command.ks", 1],
      ["unknown-command.ks", 14],
      ["missing-end.ks", undefined],
      ["variable-with-blanks.ks", 5],
    ])("%s", async (file, line) => {
      const found = await official(read(file));
      expect(found.length).toBeGreaterThan(0);
      if (line) expect(found[0]?.line).toBe(line);
    });

    it("and a preseed that cannot be read, at its line", async () => {
      expect((await validate("preseed", read("no-type.preseed"))).findings).toMatchObject([
        { line: 3, severity: "error", rule: "debconf-set-selections" },
      ]);
    });
  });

  test("trap kickstart-pxe#1: a release is always named: what is fine in 10 is none in 8", async () => {
    const text = renderKickstart(variablesOf()).text;
    expect(await official(text, "10")).toEqual([]);
    expect((await official(text, "8")).map(({ message }) => message)).toEqual([
      expect.stringContaining("timesource"),
      expect.stringContaining("--exclude-weakdeps"),
    ]);
  });

  test("trap kickstart-pxe#2: a deprecation ends with an error code as well, and is a warning here", async () => {
    const text = read("good.ks").replace("eula --agreed", "logging --level=debug");
    expect(await official(text)).toMatchObject([{ line: 2, severity: "warning" }]);
  });
});
