import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Stands before a FOG server and dies at a chosen call like a process that is killed: before the call reaches it, or
 * after it is done and before the answer is back. Nothing gets through after that.
 */
export class CutFog {
  url = "";
  calls = 0;
  private cut: { at: number; when: "before" | "after"; died: () => void } | undefined;
  private dead = false;

  private constructor(
    private readonly server: Server,
    /** SSH's own port needs root, and a record has an address only. */
    private readonly sshPort: number,
  ) {}

  static async start(url: string, sshPort: number): Promise<CutFog> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const to = new URL(url);
    const cut = new CutFog(server, sshPort);
    cut.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${to.pathname}`;
    server.on("request", (asked, answer) => {
      const die = () => {
        if (!cut.dead) cut.cut?.died();
        cut.dead = true;
        asked.socket.destroy();
      };
      const number = ++cut.calls;
      if (cut.dead || (cut.cut?.at === number && cut.cut.when === "before")) return die();
      const { method = "GET", url: path = "", headers } = asked;
      const forward = request({ host: to.hostname, port: to.port, method, path, headers }, (got) => {
        const pieces: Buffer[] = [];
        got.on("data", (piece: Buffer) => pieces.push(piece));
        got.on("end", () => {
          if (cut.dead || (cut.cut?.at === number && cut.cut.when === "after")) return die();
          const text = Buffer.concat(pieces)
            .toString()
            .replaceAll(/("ip":"127(?:\.\d+){3})"/g, `$1:${cut.sshPort}"`);
          const { "content-length": _, ...rest } = got.headers;
          answer.writeHead(got.statusCode ?? 500, rest).end(text);
        });
      });
      forward.on("error", die);
      asked.pipe(forward);
    });
    return cut;
  }

  /** Count from here, and die at a call; without one, live. */
  arm(cut?: { at: number; when: "before" | "after"; died: () => void }): void {
    this.calls = 0;
    this.cut = cut;
    this.dead = false;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
