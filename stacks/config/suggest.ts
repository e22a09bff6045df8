/** The known word that a wrong one was most likely meant to be, if any is near. */
export function closest(wrong: string, known: readonly string[]): string | undefined {
  let best: { word: string; distance: number } | undefined;
  for (const word of known) {
    const distance = editDistance(wrong.toLowerCase(), word.toLowerCase());
    if (distance <= Math.max(1, Math.floor(word.length / 3)) && distance < (best?.distance ?? Infinity))
      best = { word, distance };
  }
  return best?.word;
}

/** ` Did you mean "admin"?`, or ` Known: admin, storage.`, or nothing where nothing is known. */
export function suggest(wrong: string, known: readonly string[], label = "Known"): string {
  const near = closest(wrong, known);
  if (near !== undefined) return `. Did you mean "${near}"?`;
  if (known.length === 0) return "";
  const shown = known.slice(0, 24);
  return `. ${label}: ${shown.join(", ")}${known.length > shown.length ? ", …" : ""}`;
}

/** Levenshtein's distance, with a swap of neighbours as one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replace, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
