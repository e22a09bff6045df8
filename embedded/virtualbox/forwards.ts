import * as net from "node:net";
import type { GuestAddress } from "../libvirt/store/guests";

/** A port of the host that leads into a running machine. */
export interface OpenForward {
  vm: string;
  hostIp: string;
  hostPort: number;
  guestPort: number;
}

const SSH_PORT = 22;

const keyOf = ({ vm, hostIp, hostPort, guestPort }: OpenForward): string =>
  [hostIp, hostPort, vm, guestPort].join(" ");

/**
 * NAT's forwarded ports: real TCP listeners, on loopback whatever the rule says. A port that is taken is told in the
 * log only, as VirtualBox does: the machine starts all the same.
 */
export class Forwards {
  private readonly open = new Map<string, { server: net.Server; links: Set<net.Socket> }>();

  constructor(
    private readonly log: (line: string) => void,
    private readonly addressOf: (vm: string) => GuestAddress | undefined,
  ) {}

  set(wanted: OpenForward[]): void {
    const keys = new Set(wanted.map(keyOf));
    for (const [key, entry] of this.open) {
      if (keys.has(key)) continue;
      this.open.delete(key);
      close(entry);
    }
    for (const one of wanted) if (!this.open.has(keyOf(one))) this.listen(one);
  }

  async close(): Promise<void> {
    const ends = [...this.open.values()].map(close);
    this.open.clear();
    await Promise.all(ends);
  }

  private listen(forward: OpenForward): void {
    const links = new Set<net.Socket>();
    const server = net.createServer((link) => {
      links.add(link);
      link.on("close", () => links.delete(link));
      link.on("error", () => link.destroy());
      const at = this.addressOf(forward.vm);
      // Nobody listens in a guest that is not up: NAT closes what it has taken.
      if (!at) {
        link.destroy();
        return;
      }
      const port = forward.guestPort === SSH_PORT ? at.sshPort : forward.guestPort;
      const inner = net.connect(port, at.address);
      inner.on("error", () => link.destroy());
      link.on("close", () => inner.destroy());
      inner.on("close", () => link.destroy());
      link.pipe(inner).pipe(link);
    });
    server.on("error", (error) =>
      this.log(`forward ${forward.hostIp}:${forward.hostPort}: ${error.message}`),
    );
    this.open.set(keyOf(forward), { server, links });
    this.bind(server, forward, 20);
  }

  /** A listener that was just closed may hold the port for a moment. */
  private bind(server: net.Server, forward: OpenForward, tries: number): void {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code !== "EADDRINUSE" || tries === 0) return;
      setTimeout(() => {
        if (this.open.get(keyOf(forward))?.server === server) this.bind(server, forward, tries - 1);
      }, 100).unref();
    };
    server.once("error", failed);
    server.listen(forward.hostPort, loopback(forward.hostIp), () => server.off("error", failed));
  }
}

const loopback = (hostIp: string): string =>
  /^127\.\d+\.\d+\.\d+$/.test(hostIp) && net.isIPv4(hostIp) ? hostIp : "127.0.0.1";

function close({ server, links }: { server: net.Server; links: Set<net.Socket> }): Promise<void> {
  return new Promise((resolve) => {
    for (const link of links) link.destroy();
    server.close(() => resolve());
  });
}
