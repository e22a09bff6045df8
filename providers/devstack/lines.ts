/** What a script on a node said, a line each. */
export const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");
