/** A piece of output on its way to the caller. */
export interface Piece {
  out?: string;
  err?: string;
}

/** One running command: where it writes. */
export class Session {
  constructor(
    /** Working folder of the caller: relative paths start there. */
    readonly cwd: string,
    private readonly send: (piece: Piece) => void,
  ) {}

  out(...lines: string[]): void {
    for (const line of lines) this.send({ out: `${line}\n` });
  }

  err(...lines: string[]): void {
    for (const line of lines) this.send({ err: `${line}\n` });
  }

  error(text: string): void {
    this.err(`VBoxManage: error: ${text}`);
  }

  /** The bar of a long operation, which goes to stderr. */
  progress(): void {
    this.err(`0%...${[10, 20, 30, 40, 50, 60, 70, 80, 90].map((done) => `${done}%...`).join("")}100%`);
  }

  /** A bar that breaks off, with the code's name where it stood. */
  brokenProgress(code: string): void {
    this.err(`0%...${code}`);
  }
}
