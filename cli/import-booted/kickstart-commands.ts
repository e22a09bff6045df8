import type { KickstartCommand } from "../../kickstart/lint/kickstart-file";
import { GONE } from "../../kickstart/lint/kickstart-words";

/** The lines that a line becomes. */
export type Converted = string[];

interface State {
  seen: Set<string>;
  ended: boolean;
  note(what: string, why: string): void;
}

/** The keyboard of `keyboard us` or `keyboard --vckeymap=us`. */
export const keyboardOf = (command: KickstartCommand | undefined): string | undefined =>
  command && (command.options.get("--vckeymap") || command.words[0]);

const CARDS = `{% for nic in nics %}
network --device={{ nic.mac }} --bootproto={{ "dhcp" if nic.dhcp else "static --ip=" + nic.ip + " --netmask=" + nic.netmask }} --onboot=yes --activate{% if loop.first %} --hostname={{ hostName }}{% endif %}

{% endfor %}`;
const USER = `user --name={{ user }} --groups=wheel --lock
{% for key in sshKeys %}
sshkey --username={{ user }} "{{ key }}"
{% endfor %}`;
const ROOT = `{% if rootPassword %}
rootpw --iscrypted {{ rootPassword }}
{% else %}
rootpw --lock
{% endif %}`;
const FIREWALL = "firewall --enabled --ssh{% for port in openPorts %} --port={{ port }}:tcp{% endfor %}\n";

const SECRET_OPTION =
  /(--(?:password|passphrase|wepkey|wpakey|one-time-password|reverse-password|activation-key))[= ]("[^"]*"|'[^']*'|\S+)/g;

/** One command of CentOS 6 as Enterprise Linux 9 has it. No password of it is carried or told. */
export function convertCommand(command: KickstartCommand, original: string, state: State): Converted {
  const raw = original.replace(SECRET_OPTION, "$1={{secret:kickstart}}");
  const isCarried = (line: string): boolean => line.includes("{{secret:kickstart}}");
  const lines = convert(command, raw, state);
  if (lines.some(isCarried))
    state.note(
      `${command.name} with a password`,
      'not carried over: set it with "pulumi config set --secret kickstart", or take the option off',
    );
  return lines;
}

function convert(command: KickstartCommand, raw: string, state: State): Converted {
  const { name, options, words } = command;
  const first = !state.seen.has(name);
  state.seen.add(name);
  const changed = (why: string, ...lines: string[]): Converted => {
    state.note(["rootpw", "sshpw", "user"].includes(name) ? name : raw.trim(), why);
    return lines;
  };
  switch (name) {
    case "cdrom":
    case "url":
      if (!first) return [];
      return changed(
        "CentOS 6 is gone, and an ISO would have to match the kernel by hand: installed from the mirror, release 9",
        "url --url={{ repositories.baseos }}",
        "repo --name=appstream --baseurl={{ repositories.appstream }}",
      );
    case "repo":
      return changed("a repository of CentOS 6; left out");
    case "network":
      return first
        ? changed(
            "a card by its name may be another one on another day, and no host name was set: each card by its MAC",
            CARDS,
          )
        : changed(
            "a card by its name may be another one on another day, and no host name was set: each card by its MAC",
          );
    case "rootpw":
      return changed(
        "the fixed root password is not carried over: root is locked. Name a crypted one by rootPassword: { secret: … } if you must",
        ROOT,
        USER,
      );
    case "user":
    case "sshpw":
      return changed("a user with a password; a user with keys alone is made instead");
    case "firewall":
      return changed("open ports are config now: openPorts", FIREWALL);
    case "zerombr":
      return words.length > 0 ? changed("zerombr takes no argument any more", "zerombr") : [raw];
    case "bootloader":
    case "part":
    case "partition":
    case "clearpart":
    case "ignoredisk":
      return [withDisk(command, raw, state)];
    case "lang":
    case "keyboard":
    case "timezone":
      return [fromConfig(command)];
    case "reboot":
    case "poweroff":
    case "halt":
    case "shutdown":
      if (state.ended) return changed("said beside another; the installer powers off");
      state.ended = true;
      return name === "poweroff"
        ? [raw]
        : changed("a builder that reboots is never seen to be done; it powers off", "poweroff");
    case "vnc":
      return changed("a screen for everyone with a password in clear; left out");
    case "selinux":
      return options.has("--enforcing") ? [raw] : changed("SELinux is left on", "selinux --enforcing");
    default:
      if (GONE[name] !== undefined) return changed(`gone since CentOS 6; ${GONE[name]}`);
      return [raw.trimEnd()];
  }
}

/** Disks are called by the machine's own name; /boot has room for today's kernels. */
function withDisk({ name, options, words }: KickstartCommand, raw: string, { note }: State): string {
  let line = raw.trimEnd().replace(/--driveorder[= ]\S+/, "--boot-drive={{ disk }}");
  line = line.replace(/(--(?:ondisk|ondrive|only-use|drives|boot-drive)[= ])[hs]da\b/g, "$1{{ disk }}");
  if (name === "clearpart" && !options.has("--drives")) line += " --drives={{ disk }}";
  if (words[0] === "/boot" && Number(options.get("--size")) < 1024) {
    note(raw.trim(), "too small for today's kernels: 1024 MiB");
    line = line.replace(/--size[= ]\d+/, "--size=1024");
  }
  return line;
}

const fromConfig = ({ name }: KickstartCommand): string =>
  ({
    lang: "lang {{ language }}",
    keyboard: "keyboard --vckeymap={{ keyboard }} --xlayouts={{ keyboard }}",
    timezone: "timezone {{ timezone }} --utc",
  })[name] ?? "";
