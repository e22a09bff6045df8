import { load } from "js-yaml";
import { describe, expect, it, test } from "vitest";
import { lint } from "../../../kickstart/lint";
import { metaData, renderKickstart } from "../../../kickstart/render";
import type { InstallFacts, KickstartVariables } from "../../../kickstart/variables";
import type { InstallConfig } from "../../../stacks/config/types";
import { DISTRIBUTIONS, KEY, title, variablesOf } from "./fixtures";

const textOf = (variables: KickstartVariables): string => {
  const { text, problems } = renderKickstart(variables);
  expect(problems).toEqual([]);
  return text;
};
const each = DISTRIBUTIONS.map((install) => ({ name: title(install), install }));
/** One of each template. */
const [el, debian, ubuntu] = [DISTRIBUTIONS[4], DISTRIBUTIONS[6], DISTRIBUTIONS[9]];
const full: Partial<InstallConfig> = {
  sshKeys: [KEY],
  rootPassword: { secret: "rootHash" },
  timeServers: ["192.0.2.1", "0.pool.ntp.org"],
  packages: ["git"],
  openPorts: [9999],
  commands: ["echo 'it is' >/etc/motd", 'for i in 1 2; do\n  echo "$i\\n"\ndone'],
};
const machine: Partial<InstallFacts> = {
  name: "fabric1",
  hostName: "fabric1.lab",
  purpose: "machine",
  nics: [{ mac: "08:00:27:aa:bb:01" }, { mac: "08:00:27:aa:bb:02", ip: "192.0.2.11", prefix: 24 }],
};

describe("golden files: a change here is a change of every image", () => {
  test.each([
    ["alma-9-image.ks", el, {}],
    ["alma-9-machine.ks", el, machine],
    ["debian-12-image.preseed", debian, {}],
    ["debian-12-machine.preseed", debian, machine],
    ["ubuntu-24.04-image.user-data", ubuntu, {}],
    ["ubuntu-24.04-machine.user-data", ubuntu, machine],
  ] as const)("%s", async (file, install, facts) => {
    const text = textOf(variablesOf({ ...install, ...full }, facts));
    await expect(text).toMatchFileSnapshot(`../../fixtures/kickstart/golden/${file}`);
  });
});

describe("the default of every distribution", () => {
  test.each(each)("$name: lints clean, with everything and with nothing said", ({ install }) => {
    const { family, release } = install;
    const installer = renderKickstart(variablesOf(install)).installer;
    for (const [config, facts] of [
      [{}, {}],
      [full, {}],
      [full, machine],
      [{}, machine],
    ] as const) {
      const variables = variablesOf({ ...install, ...config }, facts);
      const found = lint(installer, textOf(variables), { release, purpose: variables.purpose });
      expect(found, `${family} ${release}`).toEqual([]);
    }
  });

  test.each(each)(
    "$name: no password by default; root is locked and the user has keys alone",
    ({ install }) => {
      const text = textOf(variablesOf({ ...install, sshKeys: [KEY] }));
      expect(text).toMatch(/^rootpw --lock$|passwd\/root-login boolean false|usermod --lock root/m);
      expect(text).toMatch(/^user .*--lock$|user-password-crypted password !$|usermod --lock labplan/m);
      expect(text).toContain("PermitRootLogin no");
      expect(text).toContain("PasswordAuthentication no");
      expect(text).toContain(KEY);
    },
  );

  test.each(each)(
    "$name: LVM, a firewall with SSH alone, a time source, a host name, and switched off at the end",
    ({ install }) => {
      const text = textOf(variablesOf(install, { hostName: "gold" }));
      expect(text).toMatch(/^volgroup vg0|partman-auto\/method string lvm|layout: \{ name: lvm/m);
      expect(text).toMatch(/^firewall --enabled --ssh$|tcp dport \{ 22 \} accept/m);
      expect(text).toMatch(/^timesource --ntp-pool|^#finish\|pool 2\.debian|server ntp\.ubuntu\.com iburst/m);
      expect(text).toMatch(/--hostname=gold$|get_hostname string gold$|^ {4}hostname: gold$/m);
      expect(text).toMatch(/^poweroff$|exit\/poweroff boolean true|^ {2}shutdown: poweroff$/m);
    },
  );

  test.each(each)("$name: tells pre, installed and failed, and the token only from a file", ({ install }) => {
    const text = textOf(variablesOf(install));
    for (const stage of ["pre", "installed", "failed"])
      expect(text).toMatch(new RegExp(`labplan_report ${stage}\\b`));
    expect(text).not.toMatch(/labplan_report booted/);
    expect(text.match(/\{\{boot:token\}\}/g)).toHaveLength(1);
  });

  test.each(each)(
    "$name: a machine calls home at every boot, with its token in a file of root's alone",
    ({ install }) => {
      const text = textOf(variablesOf(install, machine));
      expect(text).toContain("labplan-booted.service");
      expect(text).toMatch(/(install -m 0?600 \S+ \S*\/etc\/labplan\/boot\.env)/);
      expect(text).toContain("LABPLAN_BOOT_TOKEN={{boot:token}}");
      expect(textOf(variablesOf(install))).not.toContain("boot.env");
    },
  );
});

describe("Enterprise Linux", () => {
  it("enforces SELinux, and tells errors of its scripts", () => {
    const text = textOf(variablesOf());
    expect(text).toContain("selinux --enforcing");
    expect(text).toContain("%onerror");
    expect(text).toMatch(/^%post .*--erroronfail/m);
  });

  test("trap kickstart-pxe#14: knows each card by its MAC", () => {
    const text = textOf(variablesOf({}, machine));
    expect(text).toContain(
      "network --device=08:00:27:aa:bb:01 --bootproto=dhcp --onboot=yes --activate --hostname=fabric1.lab",
    );
    expect(text).toContain(
      "network --device=08:00:27:aa:bb:02 --bootproto=static --ip=192.0.2.11 --netmask=255.255.255.0 --nodefroute",
    );
    expect(text).not.toMatch(/\b(eth|ens|enp)\d/);
    const drawn = "--device=eth0";
    const found = lint("kickstart", text.replace("--device=08:00:27:aa:bb:01", drawn), {
      purpose: "machine",
    });
    expect(found.map(({ rule }) => rule)).toEqual(["device-by-name"]);
  });

  it("gives the card with a gateway the default route", () => {
    const nics = [
      {
        mac: "08:00:27:aa:bb:01",
        ip: "192.0.2.11",
        prefix: 24,
        gateway: "192.0.2.1",
        nameservers: ["192.0.2.2"],
      },
    ];
    expect(textOf(variablesOf({}, { nics }))).toContain(
      "--netmask=255.255.255.0 --gateway=192.0.2.1 --nameserver=192.0.2.2 --noipv6 --onboot=yes --activate --hostname=base",
    );
  });
});

describe("trap kickstart-pxe#52: an image holds nothing of its builder's", () => {
  test.each(each)("$name", ({ install }) => {
    const text = textOf(variablesOf(install));
    expect(text).toMatch(/truncate -s 0 \/etc\/machine-id|: >\/target\/etc\/machine-id/);
    expect(text).toMatch(/rm -f \S*\/etc\/ssh\/ssh_host_\*/);
    expect(text).toContain("datasource_list: [ NoCloud, None ]");
    expect(text).toMatch(/cloud-init/);
    // The card's settings, by the builder's MAC or name.
    expect(text).toMatch(
      /system-connections\/\*\.nmconnection|target\/etc\/network\/interfaces|target\/etc\/netplan\/\*/,
    );
    const ofMachine = textOf(variablesOf(install, machine));
    expect(ofMachine).not.toMatch(/machine-id|ssh_host_\*/);
  });

  it("nor, on Enterprise Linux, its disk's name for LVM and its disk's driver alone", () => {
    expect(textOf(variablesOf())).toMatch(
      /rm -f \/etc\/lvm\/devices\/system\.devices\ndracut --force --regenerate-all --no-hostonly/,
    );
  });
});

describe("Debian", () => {
  const text = textOf(variablesOf({ ...debian, ...full }, machine));

  test("trap kickstart-pxe#49: scripts stand in comments, outside of the one-line commands", () => {
    const continued = text
      .split("\n")
      .flatMap((line, i, all) => (/^[^#].*\\$/.test(line) ? [all[i + 1]] : []));
    expect(continued.filter((line) => line?.startsWith("#") || line === "")).toEqual([]);
    const finish = text.split("\n").filter((line) => line.startsWith("#finish|"));
    expect(finish[0]).toBe("#finish|#!/bin/sh");
    expect(finish).toContain('#finish|  echo "$i\\n"');
    const broken = text.replace("  umask 077; \\\n", "  umask 077; \\\n# why\n");
    expect(lint("preseed", broken, { purpose: "machine" }).map(({ rule }) => rule)).toEqual([
      "comment-in-command",
    ]);
  });

  test("trap kickstart-pxe#21: what is for the new system goes through in-target or /target", () => {
    const script = text.split("\n").filter((line) => line.startsWith("#finish|"));
    expect(script.filter((line) => /\bsystemctl\b/.test(line) && !line.includes("in-target"))).toEqual([]);
    const wrong = text.replace("in-target systemctl enable nftables", "systemctl enable nftables");
    expect(lint("preseed", wrong, { purpose: "machine" })).toMatchObject([
      {
        rule: "not-in-target",
        line: text.split("\n").findIndex((line) => line.includes("enable nftables")) + 1,
      },
    ]);
  });

  it("knows a machine's cards by MAC, whatever they are called", () => {
    expect(text).toContain(
      "#finish|MACAddress=08:00:27:aa:bb:02\n#finish|[Network]\n#finish|Address=192.0.2.11/24",
    );
  });
});

describe("Ubuntu", () => {
  it("is YAML that means what it says", () => {
    const { autoinstall } = load(textOf(variablesOf({ ...ubuntu, ...full }, machine))) as Record<
      string,
      Record<string, unknown>
    >;
    expect(autoinstall).toMatchObject({
      version: 1,
      network: {
        ethernets: {
          nic0: { match: { macaddress: "08:00:27:aa:bb:01" }, dhcp4: true },
          nic1: { match: { macaddress: "08:00:27:aa:bb:02" }, addresses: ["192.0.2.11/24"] },
        },
      },
      ssh: { "allow-pw": false },
      packages: ["chrony", "curl", "nftables", "sudo", "git"],
      shutdown: "poweroff",
    });
    expect((autoinstall?.["late-commands"] as string[] | undefined)?.[2]).toContain(
      'for i in 1 2; do\n  echo "$i\\n"\ndone\n',
    );
  });

  test("trap kickstart-pxe#22: meta-data lie beside user-data", () => {
    expect(load(metaData(variablesOf(ubuntu)))).toEqual({
      "instance-id": "install-base",
      "local-hostname": "base",
    });
  });

  it("takes its packages from the mirror that the user names", () => {
    const aptMirror = "http://mirror.lab/ubuntu";
    expect(textOf(variablesOf({ ...ubuntu, variables: { aptMirror } }))).toContain(`uri: "${aptMirror}"`);
  });
});
