import { Findings } from "../../kickstart/lint/finding";
import { parseKickstart } from "../../kickstart/lint/kickstart-file";
import { templateOf } from "../../kickstart/render";
import type { Notes } from "../import/notes";
import type { BootedFile } from "./folder";
import { type Converted, convertCommand, keyboardOf } from "./kickstart-commands";
import { convertPost } from "./post-script";

/** booted's kickstart as a template of ours, and what it said that is config here. */
export interface ConvertedKickstart {
  template: string;
  timezone?: string;
  language?: string;
  keyboard?: string;
}

/** What ours says and the original did not. */
const ADDED: readonly [string, string][] = [
  ["text", "text"],
  ["eula", "eula --agreed"],
  ["selinux", "selinux --enforcing"],
  [
    "timesource",
    '{% for server in timeServers %}\ntimesource --ntp-{{ "pool" if server | isPool else "server" }}={{ server }}\n{% endfor %}',
  ],
  ["ignoredisk", "ignoredisk --only-use={{ disk }}"],
];

/** Packages that our end of the installation needs. */
const NEEDED = [
  "chrony",
  "cloud-init",
  "cloud-utils-growpart",
  "curl",
  "dracut-config-generic",
  "firewalld",
  "openssh-server",
  "sudo",
];

/** Turn a kickstart for CentOS 6 into a template for Enterprise Linux 9, noting each change. */
export function convertKickstart(file: BootedFile, notes: Notes): ConvertedKickstart {
  const unread = new Findings();
  const { commands, sections } = parseKickstart(file.text, unread);
  for (const { line, message } of unread.list()) notes.add(`${file.path}: line ${line}`, message);
  const source = file.text.split("\n");
  const note = (what: string, why: string): void => notes.add(`${file.path}: ${what}`, why);
  const state = { seen: new Set<string>(), ended: false, note };
  const lines = commands.flatMap(
    (command): Converted => convertCommand(command, source[command.line - 1] ?? "", state),
  );
  const added = ADDED.filter(([name]) => !commands.some((command) => command.name === name));
  for (const [name] of added) note(name, "added: an installation without people needs it");
  const packages = sections.filter(({ name }) => name === "packages");
  const listed = packages.flatMap(({ body }) =>
    body.map((line) => line.trim()).filter((line) => line !== ""),
  );
  if (packages.some(({ header }) => header.options.has("--ignoremissing")))
    note("%packages --ignoremissing", "taken off: a mistyped package would go unseen");
  const posts = sections.filter(({ name }) => name === "post").map((section) => convertPost(section, note));
  for (const { name, line } of sections)
    if (!["packages", "post"].includes(name))
      note(`%${name} in line ${line}`, "not carried over; labplan's own reports the stages");
  note(
    "%pre, %onerror and %post",
    "labplan's own are added: stages reported with a token, SSH by key alone, and an image that is nobody's in particular",
  );

  const own = templateOf("alma");
  const ending = own.slice(own.indexOf("%pre "));
  const template = [
    `# From booted's ${file.path}, for Enterprise Linux 9.`,
    ...added.map(([, text]) => text),
    ...lines,
    "",
    "%packages --exclude-weakdeps",
    ...[...new Set([...listed, ...NEEDED])],
    "{% for package in packages %}",
    "{{ package }}",
    "{% endfor %}",
    "%end",
    "",
    ...posts.flatMap((body) =>
      body.length > 0
        ? ["%post --interpreter=/usr/bin/bash --erroronfail", "set -euo pipefail", ...body, "%end", ""]
        : [],
    ),
  ].join("\n");
  const value = (name: string) => commands.find((command) => command.name === name);
  const timezone = value("timezone")?.words.at(-1);
  const language = value("lang")?.words[0];
  const keyboard = keyboardOf(value("keyboard"));
  return {
    template: `${template}\n${ending}`,
    ...(timezone && { timezone }),
    ...(language && { language }),
    ...(keyboard && { keyboard }),
  };
}
