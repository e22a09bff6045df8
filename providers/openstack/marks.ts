/** The key of our mark in a server's metadata. */
export const MARK_KEY = "labplan";

/** `labplan k3v9q2x7/dev/w1`: the mark in the description of what carries no metadata. */
export const markedDescription = (mark: string): string => `labplan ${mark}`;
