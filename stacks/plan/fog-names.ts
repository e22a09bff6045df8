import { hostNameProblem } from "../../providers/fog/names";

/** What is wrong with the name of a host in a FOG server, or undefined. */
export function badFogName(name: string, isRegistered: boolean): string | undefined {
  const bad = hostNameProblem(name);
  if (bad !== undefined) return `${bad}. Choose another \`name\``;
  // Hosts that are there are taken as they are called.
  if (!isRegistered) return undefined;
  if (/[A-Z]/.test(name))
    return `"${name}" has capitals, without which FOG compares names, and with which it refuses edits of a host. Write it in lower case`;
  // LaaS took such a name for the number of a host (seen).
  if (/^\d+$/.test(name)) return `"${name}" could be taken for the number of a host. Put a letter in front`;
  return /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)
    ? undefined
    : `"${name}" becomes the host name of the system, and may hold letters, digits and inner dashes only. Choose another \`name\``;
}
