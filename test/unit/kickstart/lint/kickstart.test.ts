import * as fs from "node:fs";
import { describe, expect, it, test } from "vitest";
import { lint } from "../../../../kickstart/lint";
import { KEY } from "../fixtures";

const GOOD = fs.readFileSync("test/fixtures/kickstart/bad/good.ks", "utf8");

/** What is told of the good file with one line of it another. */
function edited(from: string, to: string, release = "9") {
  expect(GOOD).toContain(from);
  return lint(
    "kickstart",
    GOOD.replace(from, () => to),
    { release },
  );
}
const rulesOf = (...args: Parameters<typeof edited>) => edited(...args).map(({ rule }) => rule);

describe("what passes ksvalidator and must not pass here", () => {
  test("trap kickstart-pxe#3: {{x}} without blanks, and every other rest of a template", () => {
    for (const rest of [
      "{{x}}",
      "{{ x }}",
      "{{ x",
      "{% if x %}",
      "<%= x %>",
      "{{boot:uri}}",
      "{{secrets:a}}",
    ])
      expect(rulesOf("lang en_US.UTF-8", `lang ${rest}`), rest).toEqual(["unrendered"]);
    for (const ours of [
      "{{boot:url}}",
      "{{ boot:token }}",
      "{{boot:config}}",
      "{{secret:a.b-c}}",
      "{{env:X}}",
      "{{file:/a}}",
    ])
      expect(rulesOf("eula --agreed", `# ${ours}`), ours).toEqual([]);
    // Another tool's format.
    expect(rulesOf("report pre", "podman ps --format '{{.Names}}'")).toEqual([]);
  });

  test("trap kickstart-pxe#4: a root password in clear, of md5, or of no strong kind", () => {
    const crypted = "x".repeat(86);
    const yescrypt = `$y$j9T$${"a".repeat(22)}$${"b".repeat(43)}`;
    for (const good of [
      "--lock",
      "--iscrypted {{secret:root}}",
      `--iscrypted $6$salt$${crypted}`,
      `--iscrypted ${yescrypt}`,
    ])
      expect(rulesOf("rootpw --lock", `rootpw ${good}`), good).toEqual([]);
    for (const clear of ["bootstrap", "--plaintext bootstrap", "--allow-ssh bootstrap"])
      expect(rulesOf("rootpw --lock", `rootpw ${clear}`), clear).toEqual(["password-in-clear"]);
    for (const weak of [
      "$1$salt$fzDRYihL6vlF3xRLLlsdxx",
      "$5$salt$abc",
      "$6$salt$short",
      "$2y$05$abc",
      "bootstrap",
    ])
      expect(edited("rootpw --lock", `rootpw --iscrypted ${weak}`)[0]?.rule, weak).toBe("weak-password");
  });

  test("trap kickstart-pxe#6: addresses, MACs, host names and time zones that are none", () => {
    for (const ip of ["999.1.1.1", "10.0.0", "010.0.0.1", "fabric1"])
      expect(rulesOf("--ip=192.0.2.11", `--ip=${ip}`), ip).toEqual(["bad-address"]);
    for (const mac of ["08:00:27:aa:bb", "08:00:27:aa:bb:zz", "01:00:5e:00:00:01"])
      expect(rulesOf("--device=08:00:27:aa:bb:01", `--device=${mac}`), mac).toEqual(["bad-mac"]);
    for (const name of ["'my host'", "-x", "a_b", `${"a".repeat(64)}`])
      expect(rulesOf("--hostname=fabric1", `--hostname=${name}`), name).toEqual(["bad-host-name"]);
    for (const zone of ["Mars/Base", "america/vancouver", "UTC+2", "Europe/"])
      expect(rulesOf("America/Vancouver", zone), zone).toEqual(["bad-time-zone"]);
    for (const zone of ["UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT-2"])
      expect(rulesOf("America/Vancouver", zone), zone).toEqual([]);
    expect(rulesOf("--ntp-server=192.0.2.1", "--ntp-server=192.0.2.256")).toEqual(["bad-address"]);
  });

  test("trap kickstart-pxe#7: a public key whose data are not what it says", () => {
    const [type, blob] = KEY.split(" ") as [string, string];
    const flipped = blob.replace("AAAAC3", "AAAAD3");
    // Whole in itself, and a byte too short for its kind.
    const bytes = Buffer.from(blob, "base64");
    bytes[18] = 31;
    const short = bytes.subarray(0, -1).toString("base64");
    expect(rulesOf(KEY, `${type} ${short}`)).toEqual(["bad-ssh-key"]);
    for (const key of [
      `ssh-rsa ${blob}`,
      `${type} ${blob.slice(0, -4)}`,
      `${type} ${flipped}`,
      `${type} x`,
      blob,
      "",
    ])
      expect(rulesOf(KEY, key), key).toEqual(["bad-ssh-key"]);
  });

  test("trap kickstart-pxe#8: a logical volume in a volume group that there is not, which is named", () => {
    expect(edited("--name=root --vgname=vg0", "--name=root --vgname=vg.0")).toEqual([
      {
        line: 24,
        severity: "error",
        rule: "lv-in-unknown-vg",
        message: 'logical volume in volume group "vg.0", which no volgroup makes; there is vg0',
      },
    ]);
  });

  test("trap kickstart-pxe#9: both of reboot and poweroff, or none of them", () => {
    expect(edited("poweroff", "reboot\npoweroff")).toMatchObject([{ line: 26, rule: "two-ends" }]);
    expect(rulesOf("poweroff\n", "\n")).toEqual(["no-end"]);
    expect(rulesOf("poweroff", "shutdown")).toEqual([]);
    expect(rulesOf("poweroff", "halt")).toEqual(["must-power-off"]);
    expect(lint("kickstart", GOOD.replace("poweroff", "reboot"), { purpose: "machine" })).toEqual([]);
  });

  test("trap kickstart-pxe#10: a group that there is not, with what was meant", () => {
    expect(edited("@^minimal-environment", "@^minimal-enviroment")).toMatchObject([
      { severity: "warning", message: expect.stringMatching(/Did you mean "minimal-environment"\?$/) },
    ]);
    for (const group of [
      "@core",
      "@development",
      "@nodejs:18/common",
      "@^server-product-environment",
      "-@standard",
    ])
      expect(rulesOf("@^minimal-environment", group), group).toEqual([]);
    for (const name of ["@Development Tools", "@", "vim nano", "--x"])
      expect(rulesOf("@^minimal-environment", name), name).toHaveLength(1);
  });

  test("trap kickstart-pxe#11: private keys, passwords, and a token that goes elsewhere", () => {
    expect(rulesOf("report pre", "# -----BEGIN RSA PRIVATE KEY-----")).toEqual(["private-key"]);
    for (const line of [
      "echo root:bootstrap | chpasswd",
      "echo bootstrap | passwd --stdin root",
      "useradd -p bootstrap ann",
      "sshpass -p bootstrap ssh x",
    ])
      expect(rulesOf("report pre", line), line).toEqual(["password-in-clear"]);
    expect(rulesOf("report pre", "echo 'root:{{secret:r}}' | chpasswd -e")).toEqual([]);
    for (const option of [
      "part pv.0 --size=1 --encrypted --passphrase=bootstrap",
      "part pv.0 --size=1 --passphrase={{secret:luks}}",
    ])
      expect(rulesOf("part pv.0 --size=1 --grow --ondisk=sda", option)).toEqual(
        option.includes("{{") ? [] : ["password-in-clear"],
      );
    const elsewhere = 'curl -H "Authorization: Bearer {{boot:token}}" \\\n  https://198.51.100.9/x';
    expect(edited("report pre", elsewhere)).toMatchObject([{ rule: "token-to-stranger", line: 40 }]);
  });

  test("trap kickstart-pxe#25: a token in a query", () => {
    for (const url of [
      "{{boot:url}}/x?t={{boot:token}}",
      "http://h/x?token=f00d",
      "http://h/x?a=1&password=f00d",
    ])
      expect(rulesOf("report pre", `curl "${url}"`), url).toEqual(["token-in-query"]);
    expect(rulesOf("report pre", 'curl "http://h/x?release=9&arch=x86_64"')).toEqual([]);
  });

  test("trap kickstart-pxe#23: booted, said by the installer", () => {
    for (const line of [
      "labplan_report booted",
      "curl http://192.0.2.1:8080/booted/",
      "wget -q {{boot:url}}/events/booted",
    ])
      expect(rulesOf("report pre", line), line).toEqual(["booted-from-installer"]);
    // In a file for the new system it is true.
    expect(rulesOf("report pre", "cat >/x <<'U'\nExecStart=curl http://h/events/booted\nU")).toEqual([]);
  });
});

describe("what is gone, or not there yet", () => {
  test("trap kickstart-pxe#15: words of CentOS 6, with what to write", () => {
    for (const [line, instead] of [
      ["install", "url"],
      ["authconfig --enableshadow --enablemd5", "authselect"],
      ["zerombr yes", "zerombr alone"],
      ["method http://m", "url"],
      ["device e1000", "leave it out"],
      ["unsupported_hardware", "leave it out"],
    ] as const) {
      const [finding] = edited("selinux --enforcing", `selinux --enforcing\n${line}`).filter(
        ({ rule }) => rule !== "said-twice",
      );
      expect(finding, line).toMatchObject({
        rule: "obsolete-command",
        line: 15,
        message: expect.stringContaining(instead),
      });
    }
    expect(rulesOf("report pre", "echo x > /etc/rc.local")).toEqual(["rc-local"]);
    expect(rulesOf("report pre", "cat /tmp/x >> /mnt/sysimage/etc/rc.d/rc.local")).toEqual(["rc-local"]);
  });

  test("trap kickstart-pxe#13: an option newer than the release, at its line", () => {
    expect(edited("eula", "eula", "8")).toMatchObject([
      {
        line: 8,
        rule: "newer-than-release",
        message: "timesource is known from Enterprise Linux 9 on; this is 8",
      },
      { line: 27, rule: "newer-than-release", message: expect.stringContaining("--exclude-weakdeps") },
    ]);
    expect(rulesOf("%packages", "%packages --inst-langs=en", "9")).toEqual([]);
    expect(rulesOf("%packages", "%packages --inst-langs=en", "8")).toContain("newer-than-release");
    expect(rulesOf("timezone America/Vancouver --utc", "timezone America/Vancouver --isUtc", "10")).toEqual([
      "obsolete-option",
    ]);
    expect(rulesOf("eula --agreed", "module --name=nodejs", "10")).toEqual(["unknown-command"]);
  });

  it("suggests the command that was meant", () => {
    expect(edited("firewall --enabled", "firewal --enabled")).toMatchObject([
      { message: 'there is no command "firewal". Did you mean "firewall"?' },
    ]);
  });
});

describe("sections", () => {
  it("without an end, with another inside, unknown, or an end alone", () => {
    expect(rulesOf("curl\n%end", "curl")).toContain("missing-end");
    expect(lint("kickstart", `${GOOD}%addon x\n`)).toMatchObject([{ line: 54, rule: "missing-end" }]);
    expect(rulesOf("report pre\n%end", "report pre\n%end\n%end")).toEqual(["end-without-section"]);
    expect(rulesOf("eula --agreed", "%posts\neula --agreed")).toEqual(["unknown-section"]);
    expect(rulesOf("eula --agreed", "%include /tmp/x")).toEqual(["not-looked-at"]);
  });

  it("hold texts that end", () => {
    for (const line of [
      "cat <<EOT\nx\nEOT",
      "cat <<-'EOT'\n\tx\n\tEOT",
      "echo '<<EOT'",
      "x=$((1 <<shift))",
      "cat <<<EOT",
      "# <<EOT",
    ])
      expect(rulesOf("report pre", line), line).toEqual([]);
    for (const line of ["cat <<EOT\nx", "cat <<EOT\n EOT", 'cat <<"EOT" # x\nEOT2'])
      expect(rulesOf("report pre", line), line).toEqual(["here-document"]);
  });

  it("of another interpreter than a shell are not read as one", () => {
    const python =
      "%pre --interpreter=/usr/bin/python3 --erroronfail\nx = 1 << shift\nprint('root:x | chpasswd')\n%end\n\n%onerror";
    expect(rulesOf("%onerror", python)).toEqual([]);
  });
});

test("lines that end as on Windows, and quotes of a word processor", () => {
  expect(edited("selinux --enforcing", "selinux --enforcing\r")).toMatchObject([
    { line: 14, rule: "carriage-return" },
  ]);
  expect(rulesOf("report pre", "echo “hello”")).toEqual(["typographic-quote"]);
});

test("a comment may say anything that is no secret", () => {
  for (const comment of ["# rootpw bootstrap", "# install", "# eth0 → /etc/rc.local"])
    expect(rulesOf("report pre", comment), comment).toEqual([]);
});
