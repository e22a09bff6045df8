/** What the program is to declare. */
export interface Wish {
  machine: { name: string; image: string; release: string; allow: "wipe"[] };
  things: { name: string; deletedWith: boolean }[];
}
