/** Reads `0%...10%...20%...` as it comes in pieces; the returned function gets each piece. */
export function percentReader(onPercent: (percent: number) => void): (text: string) => void {
  let rest = "";
  let last = -1;
  return (text) => {
    rest += text;
    for (const match of rest.matchAll(/(\d{1,3})%/g)) {
      const percent = Number(match[1]);
      if (percent > last && percent <= 100) onPercent(percent);
      last = Math.max(last, percent);
    }
    // A number may be cut in two.
    rest = /\d{1,3}$/.exec(rest)?.[0] ?? "";
  };
}
