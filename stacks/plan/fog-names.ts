const LONGEST = 15;

/**
 * What is wrong with the name of a host in a FOG server, or undefined. One that is too long or has spaces is answered
 * with "not found" and made all the same, cut off, and never found again (seen on FOG 1.5.8).
 */
export function badFogName(name: string, isRegistered: boolean): string | undefined {
  if (name.length > LONGEST)
    return `it has ${name.length} characters, and FOG cuts a host's name off at ${LONGEST}. Choose a shorter \`name\``;
  if (/\s/.test(name)) return "FOG's hosts have no spaces in their names. Write a dash instead";
  if (!/^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(name))
    return "it may hold letters, digits, and dashes, dots and underscores within. Choose another `name`";
  if (!isRegistered) return undefined;
  if (/[A-Z]/.test(name))
    return "FOG compares names without regard to case, and refuses edits of hosts that are registered with capitals. Write it in lower case";
  // LaaS took such a name for the number of a host (seen).
  return /^\d+$/.test(name) ? "it could be taken for the number of a host. Put a letter in front" : undefined;
}
