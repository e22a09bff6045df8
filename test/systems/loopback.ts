import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const ADDRESS = "127.0.0.1";

/** A TCP port of loopback that nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, ADDRESS, () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject()));
    });
  });
}

export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, ADDRESS, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
