import { RULES } from "../kickstart/lint/rules";
import { templateNames } from "../kickstart/render";
import { RELEASES } from "../kickstart/sources";
import { INSTALLERS, type KickstartVariables, kickstartVariables } from "../kickstart/variables";

/** What each name of a template is. */
const NAMES: Record<keyof KickstartVariables | (string & {}), string> = {
  boot: "`url` and `token` of the boot server, as placeholders",
  bootedScript: "script that calls home at every boot; reads `/etc/labplan/boot.env`",
  bootedUnit: "systemd unit that runs it",
  chronySources: "lines for chrony's sources, from `timeServers`",
  commands: "shell commands for the end of the installation",
  disk: "kernel name of the disk: `sda`, `vda`, `nvme0n1`",
  family: "`centos-stream`, `rocky`, `alma`, `debian` or `ubuntu`",
  firewall: "nftables' rules: SSH and `openPorts`",
  hostName: "host name",
  keyboard: "keyboard layout",
  language: "locale",
  mirror: "base URL of the mirror",
  name: "logical name of the image",
  nics: "cards: `mac`, `dhcp`, and of a static one `ip`, `prefix`, `netmask`, `gateway`, `nameservers`",
  openPorts: "TCP ports besides SSH",
  packages: "packages that the config adds",
  purpose: "`image` or `machine`",
  release: "`9`, `12`, `24.04`",
  report: "shell text that defines `labplan_report STAGE [LOG]`",
  repositories: "`baseos` and `appstream`; for Debian `protocol`, `host` and `directory`",
  rootPassword: "placeholder of a crypted password; no value when root is locked",
  sshKeys: "public keys of the user",
  timeServers: "time servers",
  timezone: "time zone",
  user: "login user",
  variables: "the config's own `variables`",
};

const FILTERS: [string, string][] = [
  ["`sh`", "one word of a shell or of a kickstart's line"],
  ["`yaml`", "a value as YAML"],
  ["`commented(sign)`", "each line behind a comment's sign"],
  ["`networkd`", "a card as systemd-networkd's file"],
  ["`also(list)`", "two lists as one"],
  ["`isPool`", "whether a time server's name stands for many"],
];

/** `docs/kickstart.md`: what a template of one's own gets, and what it is checked for. */
export function kickstartDocs(): string {
  const some = kickstartVariables(
    { backend: "desk", family: "alma", release: "9", mirror: "https://mirror.example" },
    { name: "base", purpose: "image", disk: "sda", nics: [{ mac: "08:00:27:aa:bb:01" }] },
  );
  const rows = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([a, b]) => `| ${a} | ${b} |`).join("\n");
  return `# Kickstarts, preseeds and autoinstalls

Made by the code; a test holds this page to it.

An image with \`install\` is installed by a file that is rendered from a template of the family. A template of your own
(\`install.template\`) is a Jinja template, rendered by nunjucks; a plain file is one too. An unknown name or a name
without a value is an error with its line. The file is linted in the preview: an error stops, a warning is told.
Placeholders stay in the file until it is served, and their values are in no state: \`{{boot:url}}\`, \`{{boot:token}}\`,
\`{{boot:config}}\`, \`{{secret:name}}\`, \`{{env:NAME}}\`, \`{{file:path}}\`.

| family | file | releases |
|---|---|---|
${Object.entries(INSTALLERS)
  .map(
    ([family, installer]) =>
      `| ${family} | ${installer} | ${RELEASES[family as keyof typeof RELEASES].join(", ")} |`,
  )
  .join("\n")}

The defaults: root is locked and the user has keys alone; cards are known by their MACs; LVM on one disk; SELinux
enforces (Enterprise Linux); the firewall lets in SSH and \`openPorts\`; time comes from the distribution's pool. The
installer reports \`pre\`, \`installed\` and \`failed\` to the boot server and switches itself off. An image keeps no machine
id, no host keys and no network settings: each clone is told who it is by its seed.

A template of your own must report as well, or its installation is never seen to be done:

    %post --erroronfail
    {{ report }}
    labplan_report installed
    %end

## Names

| name | what it is |
|---|---|
${rows(templateNames(some).map((name) => [`\`${name}\``, NAMES[name] ?? ""]))}

| filter | what it makes |
|---|---|
${rows(FILTERS)}

For Ubuntu, \`variables.iso\` names another live server ISO than the mirror's last, and \`variables.aptMirror\` another mirror
for packages.

## Checks

\`ksvalidator\` and \`debconf-set-selections\` are asked where they are installed (\`npm run systems\` installs pykickstart into
a folder of its own), and \`bash -n\` for each script. The rest is found by labplan itself, everywhere.

| check | finds |
|---|---|
${rows(Object.entries(RULES).map(([rule, about]) => [`\`${rule}\``, about]))}
`;
}
