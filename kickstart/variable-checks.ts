import { formats, isPublicKey } from "../stacks/config/formats";
import { parseIpv4 } from "../stacks/plan/ipv4";
import { majorRelease, RELEASES } from "./sources";
import type { KickstartNic, KickstartVariables } from "./variables";

type Problem = { line: number; message: string };

/** What holds the place of each value in the files: a value with a line end would write lines of its own. */
const SHAPES: Partial<Record<keyof KickstartVariables, RegExp>> = {
  disk: /^[a-z][a-z0-9]{1,14}$/,
  user: /^[a-z_][a-z0-9_-]{0,30}$/,
  language: /^[A-Za-z]{2,3}(_[A-Z]{2})?([.@][A-Za-z0-9@-]+)?$/,
  keyboard: /^[a-z]{2,3}[-_a-z0-9]*$/,
  timezone: /^[A-Za-z]+([/_+-][A-Za-z0-9_+-]+)*$/,
  rootPassword: /^(\{\{(secret:[\w.:-]+|env:\w+|file:[^{}\s]+)\}\}|\$(6|y)\$[./0-9A-Za-z$=,]+)$/,
};
const PACKAGE = /^[-@^]*[A-Za-z0-9][A-Za-z0-9+._:^*/~-]*$/;
/** A line that ends a kickstart's section or one of our own here-documents. */
const SECTION_END = /^(%end|%pre|%post|%packages|%onerror|LABPLAN)\b/m;

/** What is wrong with the values, whatever the template makes of them. */
export function checkVariables(variables: KickstartVariables): Problem[] {
  const problems: Problem[] = [];
  const add = (message: string): void => void problems.push({ line: 0, message });
  for (const [name, shape] of Object.entries(SHAPES)) {
    const value = variables[name as keyof KickstartVariables];
    // A password may be what is wrong: it is not repeated.
    const shown = name === "rootPassword" ? "" : ` ${JSON.stringify(value)}`;
    if (value !== undefined && !shape.test(String(value)))
      add(`${name}${shown} cannot be used in an installer's file`);
  }
  const hostName = formats["domain-name"]?.(variables.hostName);
  if (hostName) add(hostName);
  if (!/^https?:\/\/[^\s'"]+$/.test(variables.mirror) || !URL.canParse(variables.mirror))
    add(`mirror "${variables.mirror}" is no URL; it begins with https:// or http://`);
  const known = RELEASES[variables.family];
  if (!known.includes(majorRelease(variables.family, variables.release)))
    add(
      `${variables.family} ${variables.release} is not known here; there are templates for ${known.join(" and ")}`,
    );
  if (variables.nics.length === 0) add("an installation needs a network card");
  for (const nic of variables.nics) for (const message of nicProblems(nic)) add(message);
  for (const key of variables.sshKeys)
    if (!isPublicKey(key) || /["'\\]/.test(key))
      add(formats["ssh-public-key"]?.(key) ?? "an ssh key holds a quote");
  for (const server of variables.timeServers)
    if (formats["domain-name"]?.(server)) add(`time server "${server}" is no host name or address`);
  for (const name of variables.packages) if (!PACKAGE.test(name)) add(`"${name}" is no package's name`);
  for (const port of variables.openPorts)
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      add(`${port} is no port; ports go from 1 to 65535`);
  variables.commands.forEach((command, index) => {
    const [end] = SECTION_END.exec(command) ?? [];
    if (end) add(`commands[${index}]: a line that begins with ${end} would end the script that it stands in`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(command))
      add(`commands[${index}] holds a control character`);
  });
  return problems;
}

function nicProblems({ mac, dhcp, ip, prefix, gateway, nameservers }: KickstartNic): string[] {
  const refused = formats["mac-address"]?.(mac);
  const addresses = [gateway, ...nameservers, ...(dhcp ? [] : [ip ?? "none"])].filter((a) => a !== undefined);
  return [
    ...(refused ? [refused] : []),
    ...addresses.filter((a) => parseIpv4(a) === undefined).map((a) => `"${a}" is no IPv4 address`),
    ...(!dhcp && (prefix === undefined || prefix < 1 || prefix > 31)
      ? [`${mac}: a fixed address needs a prefix`]
      : []),
  ];
}
