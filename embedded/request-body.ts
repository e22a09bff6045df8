import type { IncomingMessage } from "node:http";

/** Bytes; nothing that is asked of the embedded servers comes near. */
const MOST = 1 << 20;

/** The body of a request as text. */
export function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    request.on("data", (piece: Buffer) => {
      length += piece.length;
      if (length > MOST) request.destroy(new Error("too long"));
      pieces.push(piece);
    });
    request.on("end", () => resolve(Buffer.concat(pieces).toString("utf8")));
    request.on("error", reject);
    request.on("close", () => reject(new Error("the caller went away")));
  });
}
