/** Something that was not carried over as it stood, and the reason. Holds no secret. */
export interface Note {
  what: string;
  why: string;
}

/** Collects notes; what shares a reason is told together. */
export class Notes {
  private readonly byReason = new Map<string, string[]>();

  add(what: string, why: string): void {
    const known = this.byReason.get(why);
    if (!known) this.byReason.set(why, [what]);
    else if (!known.includes(what)) known.push(what);
  }

  list(): Note[] {
    return [...this.byReason].map(([why, what]) => ({ what: what.join(", "), why }));
  }
}
