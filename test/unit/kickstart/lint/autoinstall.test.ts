import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { lint } from "../../../../kickstart/lint";
import { KEY } from "../fixtures";

const GOOD = fs.readFileSync("test/fixtures/kickstart/bad/good.autoinstall.yaml", "utf8");

function edited(from: string, to: string) {
  expect(GOOD).toContain(from);
  return lint(
    "autoinstall",
    GOOD.replace(from, () => to),
  );
}
const rulesOf = (...args: Parameters<typeof edited>) => edited(...args).map(({ rule }) => rule);

describe("an autoinstall", () => {
  it("is YAML: where it is none, the line is told and not its text", () => {
    expect(edited('    password: "!"', '    password: "hunter2')).toMatchObject([{ rule: "yaml" }]);
    expect(JSON.stringify(edited('    password: "!"', '    password: "hunter2'))).not.toContain("hunter2");
    expect(edited("  version: 1", "  version: 1\n  version: 1")).toMatchObject([{ line: 4, rule: "yaml" }]);
  });

  it("has the keys that the installer knows, in their shapes", () => {
    expect(edited("  packages: [curl]", "  pakages: [curl]")).toMatchObject([
      { line: 24, message: expect.stringContaining('Did you mean "packages"?') },
    ]);
    expect(rulesOf("  version: 1", "  version: 2")).toEqual(["version"]);
    expect(rulesOf("  timezone: America/Vancouver", "  timezone: [x]")).toEqual(["wrong-shape"]);
    expect(rulesOf("autoinstall:", "autoinstal:")).toContain("no-autoinstall");
  });

  it("holds no password in clear, in any of its places", () => {
    const user = (line: string) =>
      `  user-data:\n    users:\n      - name: ann\n        ${line}\n  packages: [curl]`;
    expect(rulesOf("  packages: [curl]", user("plain_text_passwd: x"))).toEqual(["password-in-clear"]);
    expect(rulesOf("  packages: [curl]", user("passwd: x"))).toEqual(["password-in-clear"]);
    expect(rulesOf("  packages: [curl]", user("passwd: $1$a$b"))).toEqual(["weak-password"]);
    expect(rulesOf("  packages: [curl]", user("passwd: '{{secret:ann}}'"))).toEqual([]);
    expect(rulesOf("  packages: [curl]", "  user-data: { password: x }")).toEqual(["password-in-clear"]);
    expect(rulesOf("  packages: [curl]", "  user-data: { chpasswd: { list: 'ann:x' } }")).toEqual([
      "password-in-clear",
    ]);
    expect(rulesOf("name: lvm", "name: lvm, password: x")).toEqual(["password-in-clear"]);
    expect(rulesOf("allow-pw: false", "allow-pw: true")).toEqual(["password-login"]);
  });

  it("has somebody who can log in, and everything that identity needs", () => {
    expect(rulesOf("    username: ann\n", "")).toEqual(["would-ask"]);
    expect(edited(KEY, `${KEY.slice(0, 40)} x`)).toMatchObject([{ line: 23, rule: "bad-ssh-key" }]);
    expect(rulesOf("hostname: fabric1", "hostname: fabric_1")).toEqual(["bad-host-name"]);
  });

  it("knows cards by MAC, and addresses with their prefix", () => {
    const dhcp = "        dhcp4: true";
    expect(rulesOf(dhcp, "        addresses: [192.0.2.11]")).toEqual(["bad-address"]);
    expect(rulesOf(dhcp, "        routes: [{ to: default, via: 192.0.2.300 }]")).toEqual(["bad-address"]);
    expect(rulesOf(dhcp, "        nameservers: { addresses: [dns] }")).toEqual(["bad-address"]);
    expect(rulesOf("    version: 2", "    version: 1")).toEqual(["version"]);
  });

  it("asks nothing, and switches off", () => {
    expect(rulesOf("  version: 1", "  version: 1\n  interactive-sections: [network]")).toEqual(["would-ask"]);
    expect(rulesOf("  shutdown: poweroff\n", "")).toEqual(["must-power-off"]);
    expect(
      rulesOf("  error-commands:\n    - curl -fsS -H @/tmp/header -X POST {{boot:url}}/events/failed\n", ""),
    ).toEqual(["failure-unreported"]);
    expect(rulesOf("/events/installed", "/events/done")).toEqual(["installed-unreported"]);
  });

  it("is told at the line of a script in a block", () => {
    const block = "    - |\n      set -e\n      echo root:x | chpasswd\n    - curtin in-target";
    expect(edited("    - curtin in-target", block)).toMatchObject([
      { line: 30, rule: "not-in-target" },
      { line: 30, rule: "password-in-clear" },
    ]);
  });
});
