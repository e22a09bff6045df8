import type { Findings } from "./finding";
import type { KickstartCommand, KickstartFile } from "./kickstart-file";
import { passwordRefusal, publicKeyRefusal } from "./values";

/** Passwords, keys, and who may have them. */
export function lintUsers({ commands }: KickstartFile, findings: Findings): void {
  const users = new Set(["root"]);
  for (const { name, options } of commands) if (name === "user") users.add(options.get("--name") ?? "");
  for (const command of commands) {
    if (command.name === "rootpw") lintRootPassword(command, findings);
    if (command.name === "user" || command.name === "sshpw") lintUserPassword(command, findings);
    if (command.name === "sshkey") lintKey(command, users, findings);
    lintOtherPasswords(command, findings);
  }
}

function lintRootPassword({ line, options, words }: KickstartCommand, findings: Findings): void {
  const password = [...words, options.get("--iscrypted")].find((word) => word);
  if (options.has("--plaintext")) {
    findings.error(line, "password-in-clear", "a root password in clear; write rootpw --lock");
    return;
  }
  if (password === undefined) {
    if (!options.has("--lock"))
      findings.error(line, "would-ask", "rootpw without a password; write rootpw --lock");
    return;
  }
  if (!options.has("--iscrypted")) {
    const clear = "a root password without --iscrypted is taken as clear text; write rootpw --lock";
    if (!options.has("--lock")) findings.error(line, "password-in-clear", clear);
    return;
  }
  const refused = passwordRefusal(password);
  if (refused) findings.error(line, "weak-password", refused);
}

function lintUserPassword({ line, name, options, words }: KickstartCommand, findings: Findings): void {
  if (name === "user" && !/^[a-z_][a-z0-9_-]*$/.test(options.get("--name") ?? ""))
    findings.error(line, "bad-user", `"${options.get("--name") ?? ""}" is no name of a user`);
  const password = name === "sshpw" ? words.at(-1) : options.get("--password");
  if (!password || options.has("--lock")) return;
  if (!options.has("--iscrypted"))
    findings.error(
      line,
      "password-in-clear",
      "a password without --iscrypted is taken as clear text; write --lock",
    );
  else {
    const refused = passwordRefusal(password);
    if (refused) findings.error(line, "weak-password", refused);
  }
}

function lintKey(
  { line, options, words }: KickstartCommand,
  users: ReadonlySet<string>,
  findings: Findings,
): void {
  const user = options.get("--username") ?? "";
  if (!users.has(user))
    findings.error(line, "key-of-nobody", `sshkey for "${user}", and no user command makes one`);
  const refused = publicKeyRefusal(words.filter((word) => word !== user).join(" "));
  if (refused) findings.error(line, "bad-ssh-key", refused);
}

/** Options that hold a password in clear, by command. */
const CLEAR: Record<string, readonly string[]> = {
  autopart: ["--passphrase"],
  part: ["--passphrase"],
  partition: ["--passphrase"],
  logvol: ["--passphrase"],
  raid: ["--passphrase"],
  network: ["--wepkey", "--wpakey"],
  realm: ["--one-time-password"],
  iscsi: ["--password", "--reverse-password"],
  rhsm: ["--activation-key"],
  rdp: ["--password"],
};

function lintOtherPasswords({ line, name, options }: KickstartCommand, findings: Findings): void {
  const isSaid = (option: string) => options.has(option) && !/^\{\{/.test(options.get(option) ?? "");
  for (const option of CLEAR[name] ?? [])
    if (isSaid(option))
      findings.error(line, "password-in-clear", `${name} ${option} in clear; name it as {{secret:…}}`);
  if (name === "bootloader" && isSaid("--password") && !options.get("--password")?.startsWith("grub.pbkdf2."))
    findings.error(
      line,
      "password-in-clear",
      "bootloader --password in clear; use --iscrypted with grub2-mkpasswd-pbkdf2",
    );
}
