import * as net from "node:net";
import type { Faults } from "../faults";
import { ServerConnection } from "./connection";
import type { Lab } from "./store/lab";

export interface LibvirtServer {
  readonly connections: number;
  close(): Promise<void>;
}

const tooEarly = (socket: net.Socket): unknown => socket.destroy();

/** Open the socket; who comes before `startLibvirtServer` is sent away. */
export async function listenEarly(socket: string): Promise<net.Server> {
  const listener = net.createServer({ pauseOnConnect: true });
  listener.on("connection", tooEarly);
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(socket, resolve);
  });
  return listener;
}

/** Speak libvirt's remote protocol on a listening socket. */
export function startLibvirtServer(options: {
  listener: net.Server;
  lab: Lab;
  faults: Faults;
  /** Somebody came or went. */
  onChange?: () => void;
}): LibvirtServer {
  const { listener, lab, faults, onChange = () => {} } = options;
  const sockets = new Set<net.Socket>();
  listener.off("connection", tooEarly);
  listener.on("connection", (socket) => {
    const fault = faults.next("connect");
    if (fault?.do === "close" || fault?.do === "error") {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      onChange();
    });
    onChange();
    if (fault?.do === "hang") return;
    new ServerConnection(socket, lab, faults);
    socket.resume();
  });
  return {
    get connections() {
      return sockets.size;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        listener.close(() => resolve());
      }),
  };
}
