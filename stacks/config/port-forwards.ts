import * as ipaddr from "ipaddr.js";
import type { PortForward } from "./types";

const EXAMPLE = '"2222:22" (host:guest), "127.0.0.1:2222:22" or "5353:53/udp"';

/** `[address:]hostPort:guestPort[/udp]`, as a container's port is written; throws a RangeError meant for the user. */
export function parseForward(text: string): PortForward {
  const [, hostIp, host = "", guest = "", protocol = "tcp"] =
    /^(?:(\d+(?:\.\d+){3}):)?(\d+):(\d+)(?:\/(tcp|udp))?$/.exec(text.trim()) ?? [];
  if (host === "") throw new RangeError(`${JSON.stringify(text)} is no forwarded port; write ${EXAMPLE}`);
  if (hostIp !== undefined && !ipaddr.IPv4.isValidFourPartDecimal(hostIp))
    throw new RangeError(`"${hostIp}" is no IPv4 address of the host; write ${EXAMPLE}`);
  for (const port of [host, guest])
    if (!isPort(Number(port)))
      // VirtualBox takes 70000 and means 4464 (seen with 7.2).
      throw new RangeError(`port ${port} does not exist; use 1 to 65535`);
  return {
    protocol: protocol === "udp" ? "udp" : "tcp",
    ...(hostIp === undefined ? {} : { hostIp }),
    hostPort: Number(host),
    guestPort: Number(guest),
  };
}

export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535;
