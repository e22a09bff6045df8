import type { PairResult } from "../../overlay/types";

/** What is wrong with the measured pairs, a sentence for each. */
export const pairsWrong = (matrix: readonly PairResult[], mtu: number): string[] =>
  matrix.flatMap(({ from, to, address, reached, fullSize, reason }) => {
    const why = reason ? ` (${reason})` : "";
    if (!reached) return [`${from} → ${to}: no answer from ${address}${why}`];
    return fullSize ? [] : [`${from} → ${to}: full-size packet lost (MTU ${mtu})${why}`];
  });
