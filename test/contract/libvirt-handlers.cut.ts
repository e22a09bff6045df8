import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PacketSplitter } from "../../providers/libvirt/rpc/framing";
import { MESSAGE_TYPE } from "../../providers/libvirt/rpc/procedures";

/**
 * Stands between client and server, and dies at a chosen call like a process that is killed: before the call leaves,
 * or after the server has done it and before the answer is back. Nothing gets through after that.
 */
export class CutProxy {
  readonly socket: string;
  /** Calls since `arm`, without those of opening a connection. */
  calls = 0;
  private cut: { at: number; when: "before" | "after" } | undefined;
  private dead = false;
  private readonly folder = mkdtempSync(join(tmpdir(), "labplan-cut-"));
  private readonly links = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly target: string) {
    this.socket = join(this.folder, "sock");
    this.server = createServer((client) => this.serve(client));
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(this.socket, resolve));
  }

  /** Count from here, and die at a call; without one, live. */
  arm(cut?: { at: number; when: "before" | "after" }): void {
    this.calls = 0;
    this.cut = cut;
    this.dead = false;
  }

  async close(): Promise<void> {
    for (const link of this.links) link.destroy();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private serve(client: Socket): void {
    const server = connect(this.target);
    const end = () => {
      client.destroy();
      server.destroy();
      this.links.delete(client);
      this.links.delete(server);
    };
    for (const link of [client, server]) {
      this.links.add(link);
      link.on("error", end);
      link.on("close", end);
    }
    if (this.dead) {
      end();
      return;
    }
    const splitter = new PacketSplitter();
    /** Serial of the call whose answer must not come back. */
    let last: number | undefined;
    client.on("data", (chunk: Buffer) => {
      if (this.dead) return end();
      for (const { type, procedure, serial } of splitter.push(Buffer.from(chunk))) {
        if (type !== MESSAGE_TYPE.call || OPENING.has(procedure)) continue;
        this.calls++;
        if (this.calls !== this.cut?.at) continue;
        if (this.cut.when === "before") {
          this.dead = true;
          return end();
        }
        last = serial;
      }
      server.write(chunk);
    });
    const answers = new PacketSplitter();
    server.on("data", (chunk: Buffer) => {
      const packets = answers.push(Buffer.from(chunk));
      if (packets.some(({ type, serial }) => type !== MESSAGE_TYPE.event && serial === last)) {
        this.dead = true;
        return end();
      }
      client.write(chunk);
    });
  }
}

/** open, supportsFeature, authList: a connection's own. */
const OPENING: ReadonlySet<number> = new Set([1, 60, 66]);
