import type { BootServerInputs } from "../../providers/boot/build";
import { isEmbedded } from "../config/place";
import type { BackendConfig, ConfigPath, NicConfig } from "../config/types";
import { BOOT_HTTP_PORT } from "./boot-ports";
import type { Context } from "./context";
import { hypervisorOf, remoteHost } from "./hypervisor";
import { formatIpv4 } from "./ipv4";
import type { NetworkFacts } from "./networks";
import { natHostOf } from "./virtualbox-addresses";

/** A card as far as the boot server is concerned: of a machine, or of the one that an image is built on. */
export interface BootCard {
  config: Pick<NicConfig, "type" | "bridge">;
  network?: NetworkFacts;
}

/** Address of VirtualBox's host as a guest of its NAT sees it. */
const NAT_HOST = "10.0.2.2";
const LOOPBACK = "127.0.0.1";

/**
 * Where a machine finds the boot server, which runs where labplan does; undefined after a problem. The network's own
 * gateway is this machine, as long as the hypervisor is on it.
 */
export function bootServerFor(
  context: Context,
  backend: BackendConfig,
  cards: readonly BootCard[],
  path: ConfigPath,
): BootServerInputs | undefined {
  const found = wayTo(context, backend, cards);
  if (typeof found === "string") {
    context.problems.add(path, found);
    return undefined;
  }
  const { httpPort = BOOT_HTTP_PORT, tftpPort = 0 } = context.config.bootServer ?? {};
  return { url: `http://${found.host}:${httpPort}`, bind: found.bind, httpPort, tftpPort };
}

const ADVICE = "Say which address of this machine it reaches: `labplan:bootServer: { address: … }`";

/** The host in the URL and the address to listen on; or why there is none. */
function wayTo(
  { config }: Context,
  backend: BackendConfig,
  cards: readonly BootCard[],
): { host: string; bind: string } | string {
  const embedded = isEmbedded(backend);
  const given = config.bootServer?.address;
  // The embedded lab is on loopback alone, whatever the address of this machine is.
  if (given !== undefined && !embedded) return { host: given, bind: given };
  const remote = remoteHost(backend);
  if (remote !== undefined)
    return `the boot server runs on this machine, and its hypervisor is ${remote}: how it is reached from there is not known. ${ADVICE}.`;
  const ways = cards.map((card) =>
    hypervisorOf(backend) === "virtualbox" ? wayOnVirtualBox(card) : wayOnLibvirt(card),
  );
  const way = ways.find((one) => one !== undefined);
  if (!way)
    return `none of its network cards leads to the boot server on this machine. ${cards.some(({ network }) => network?.mode === "isolated") && hypervisorOf(backend) === "virtualbox" ? "An isolated network of VirtualBox's does not reach its host: add a card of `type: nat`." : `${ADVICE}.`}`;
  return embedded ? { ...way, bind: LOOPBACK } : way;
}

function wayOnLibvirt({ network }: BootCard): { host: string; bind: string } | undefined {
  if (network?.gateway === undefined || network.mode === "bridge") return undefined;
  const gateway = formatIpv4(network.gateway);
  return { host: gateway, bind: gateway };
}

function wayOnVirtualBox({ config, network }: BootCard): { host: string; bind: string } | undefined {
  if (config.type === "nat") return { host: NAT_HOST, bind: LOOPBACK };
  if (network?.gateway === undefined) return undefined;
  if (network.mode === "nat") return { host: formatIpv4(natHostOf(network) ?? 0), bind: LOOPBACK };
  const gateway = formatIpv4(network.gateway);
  return network.mode === "hostonly" ? { host: gateway, bind: gateway } : undefined;
}
