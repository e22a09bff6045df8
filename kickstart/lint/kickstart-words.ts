/** What Anaconda knows, by release of Enterprise Linux. From pykickstart 3.78's command maps. */

const SINCE_8 = [
  ..."authselect autopart bootloader cdrom clearpart cmdline driverdisk eula fcoe firewall firstboot graphical".split(
    " ",
  ),
  ..."group halt harddrive hmc ignoredisk iscsi iscsiname keyboard lang liveimg logging logvol mediacheck".split(
    " ",
  ),
  ..."mount network nfs ostreesetup part partition poweroff raid realm reboot repo reqpart rescue rhsm".split(
    " ",
  ),
  ..."rootpw selinux services shutdown skipx snapshot sshkey sshpw syspurpose text timezone updates url user".split(
    " ",
  ),
  ..."volgroup xconfig zerombr zfcp zipl".split(" "),
];

export const COMMANDS: Record<string, readonly string[]> = {
  "8": [...SINCE_8, "module", "nvdimm", "vnc"],
  "9": [...SINCE_8, "module", "nvdimm", "ostreecontainer", "timesource", "vnc"],
  "10": [...SINCE_8, "bootc", "ostreecontainer", "rdp", "timesource"],
};

/** Commands that are gone, and what to write. */
export const GONE: Record<string, string> = {
  auth: "write authselect, or leave it out: the default is sound",
  authconfig: "write authselect, or leave it out: the default is sound",
  autostep: "leave it out",
  btrfs: "Enterprise Linux has no btrfs; write logvol",
  device: "leave it out",
  deviceprobe: "leave it out",
  dmraid: "leave it out",
  install: "leave it out; what to install from is said by url",
  interactive: "leave it out; an installation without people asks nothing",
  key: "leave it out; write rhsm for a subscription",
  langsupport: "write lang --addsupport=…",
  method: "write url --url=…",
  monitor: "leave it out",
  mouse: "leave it out",
  multipath: "leave it out",
  unsupported_hardware: "leave it out",
  upgrade: "leave it out; an upgrade is no installation",
};

/** Options that came with a release. */
export const NEW_OPTIONS: { command: string; option: string; since: number }[] = [
  { command: "autopart", option: "--hibernation", since: 10 },
  { command: "bootloader", option: "--sdboot", since: 10 },
  { command: "network", option: "--ipv4-dns-search", since: 9 },
  { command: "network", option: "--ipv4-ignore-auto-dns", since: 9 },
  { command: "network", option: "--ipv6-dns-search", since: 9 },
  { command: "network", option: "--ipv6-ignore-auto-dns", since: 9 },
  { command: "rhsm", option: "--flatpak-registry-url", since: 10 },
  { command: "rootpw", option: "--allow-ssh", since: 9 },
  { command: "packages", option: "--inst-langs", since: 9 },
  { command: "packages", option: "--exclude-weakdeps", since: 9 },
];

/** Options that went with one. */
export const OLD_OPTIONS: { command: string; option: string; until: number; instead: string }[] = [
  { command: "timezone", option: "--isUtc", until: 9, instead: "--utc" },
  { command: "timezone", option: "--ntpservers", until: 9, instead: "timesource --ntp-server=…" },
  { command: "timezone", option: "--nontp", until: 9, instead: "timesource --ntp-disable" },
  { command: "autostep", option: "--autoscreenshot", until: 8, instead: "nothing" },
  { command: "packages", option: "--instLangs", until: 8, instead: "--inst-langs" },
  { command: "packages", option: "--excludeWeakdeps", until: 8, instead: "--exclude-weakdeps" },
];

/** Environments (`@^…`) and groups (`@…`) of Enterprise Linux 9 and 10. Other repositories have more. */
export const ENVIRONMENTS = [
  "custom-environment",
  "graphical-server-environment",
  "kde-desktop-environment",
  "minimal-environment",
  "server-product-environment",
  "virtualization-host-environment",
  "workstation-product-environment",
  "workstation-environment",
];
export const GROUPS = [
  ..."additional-devel backup-client base base-x console-internet container-management core debugging".split(
    " ",
  ),
  ..."desktop-debugging development dial-up directory-client dns-server dotnet emacs file-server fonts".split(
    " ",
  ),
  ..."ftp-server gnome-apps gnome-desktop graphical-admin-tools graphics guest-agents guest-desktop-agents".split(
    " ",
  ),
  ..."hardware-monitoring hardware-support headless-management high-availability infiniband input-methods".split(
    " ",
  ),
  ..."internet-applications internet-browser java-platform kde-desktop large-systems legacy-unix legacy-x".split(
    " ",
  ),
  ..."mail-server mariadb mainframe-access multimedia network-file-system-client network-server".split(" "),
  ..."network-tools networkmanager-submodules office-suite performance platform-devel postgresql".split(" "),
  ..."print-client print-server python-web remote-desktop-clients remote-system-management resilient-storage".split(
    " ",
  ),
  ..."rpm-development-tools scientific security-tools server-product smart-card smb-server standard".split(
    " ",
  ),
  ..."system-tools virtualization-client virtualization-hypervisor virtualization-platform".split(" "),
  ..."virtualization-tools web-server workstation-product".split(" "),
];
