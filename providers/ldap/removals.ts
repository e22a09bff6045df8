/** More than this part of the users at once is taken for a mistake: a wrong file, a wrong stack, a cut-off list. */
const LARGEST_PART = 0.2;

/** Why so many users are not removed at once, or undefined when they may be. */
export function tooManyRemovals(
  countBefore: number,
  removedNames: readonly string[],
  allow: boolean,
): string | undefined {
  const count = removedNames.length;
  if (allow || count <= countBefore * LARGEST_PART) return undefined;
  const shown = removedNames.slice(0, 10).join(", ");
  const more = count > 10 ? ` and ${count - 10} more` : "";
  return `this would remove ${count} of ${countBefore} VPN users (${shown}${more}), which is more than ${LARGEST_PART * 100} %. If that is meant, add --allow-removals (plain pulumi: LABPLAN_ALLOW_REMOVALS=1).`;
}
