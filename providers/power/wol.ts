import { createSocket } from "node:dgram";
import { LabError } from "../core/errors";
import { PowerError } from "./errors";
import type { Patience } from "./patience";
import type { PlannedPower, Power, PowerContext } from "./power";
import { answersAt } from "./reach";

type Config = Extract<PlannedPower, { kind: "wol" }>;

const COPIES = 3;

/** Six times FF, then the MAC sixteen times (AMD, "Magic Packet Technology", 1995). */
export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replaceAll(/[:-]/g, ""), "hex");
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)]);
}

/** A machine whose network card wakes it. That can only switch on, and nobody says whether it did. */
export function wolPower(config: Config, context: PowerContext, patience: Patience): Power {
  const { name } = context;
  const mac = (config.mac ?? context.mac)?.toLowerCase();
  if (mac === undefined || !/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/.test(mac))
    throw new LabError(
      `${name}: wake-on-LAN needs the MAC address of its card. Write it as "mac" of its power, or as the first of the machine's "macs".`,
    );
  const { broadcast = "255.255.255.255", port = 9 } = config;
  const isUp = () => answersAt(context, patience.clock);

  const wake = async (): Promise<void> => {
    context.signal.throwIfAborted();
    for (let copy = 0; copy < COPIES; copy++) await send(magicPacket(mac), broadcast, port, name);
    context.progress(`woken by a packet to ${broadcast}; whether it is on cannot be seen yet`);
  };
  return {
    can: { status: false, off: false, networkOnce: false },
    status: async () => ((await isUp()) ? "on" : "unknown"),
    on: wake,
    off: async () => {
      throw new PowerError(
        "unable",
        `${name}: wake-on-LAN can only switch on. Switch it off by hand, or give it another power: redfish, ipmi, or none to be told what to do.`,
      );
    },
    cycle: async () => {
      if (await isUp())
        throw new PowerError(
          "unable",
          `${name} is on, and wake-on-LAN can only switch on. Switch it off and run this again; or give it another power: redfish, ipmi, or ssh, which asks its system to restart.`,
        );
      await wake();
    },
    bootOnce: async () => {},
    close: async () => {},
  };
}

function send(packet: Buffer, address: string, port: number, name: string): Promise<void> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  return new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) =>
      reject(
        new PowerError(
          "unreachable",
          `${name}: no wake-on-LAN packet can be sent to ${address} (${cause.code}). Write the broadcast address of the machine's own network as "broadcast" of its power.`,
          { cause },
        ),
      );
    socket.once("error", fail);
    socket.bind(() => {
      try {
        if (!address.includes(":")) socket.setBroadcast(true);
        socket.send(packet, port, address, (error) => (error ? fail(error) : resolve()));
      } catch (error) {
        fail(error as NodeJS.ErrnoException);
      }
    });
  }).finally(() => socket.close());
}
