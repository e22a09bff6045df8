import type { ConfigPath } from "../config/types";
import type { Context } from "./context";

export const BOOT_HTTP_PORT = 8069;

/** Somebody in this lab is installed, calls home, or tells its host key while it is imaged. */
export const usesBootServer = ({ config }: Context): boolean =>
  Object.values(config.images).some(({ install }) => install !== undefined) ||
  Object.values(config.machines).some(({ wait, image }) => wait?.for === "boot" || image !== undefined);

interface BootPort {
  who: string;
  protocol: "tcp" | "udp";
  hostIp: string;
  port: number;
  path: ConfigPath;
}

/** Ports of this machine that the boot server takes. */
export function bootPortsHere(context: Context): BootPort[] {
  if (!usesBootServer(context)) return [];
  const { httpPort = BOOT_HTTP_PORT, tftpPort = 0 } = context.config.bootServer ?? {};
  const common = { who: "the boot server", hostIp: "0.0.0.0", path: ["bootServer"] };
  return [
    { ...common, protocol: "tcp", port: httpPort },
    ...(tftpPort === 0 ? [] : [{ ...common, protocol: "udp" as const, port: tftpPort }]),
  ];
}
