import type { RootShell } from "../../ssh/root-shell";

/**
 * Devstack's default network is OVN's, without routes from any node into a tenant's network. What there is on every
 * hypervisor with a server is the namespace of OVN's metadata agent, `ovnmeta-<network>`, with an address in each
 * subnet (neutron's ovn metadata agent documentation; devstack runs q-ovn-metadata-agent on computes). A ping from
 * there passes the server's own port and its security group. `$1` network id, `$2` address of the server.
 */
const PING = ["PATH=$PATH:/usr/sbin:/sbin", 'ip netns exec "ovnmeta-$1" ping -n -c 1 -W 2 "$2" 2>&1'].join(
  "\n",
);

const DEADLINE_S = 20;

/** Undefined when it answered, else what was said. */
export async function pingServer(
  shell: RootShell,
  { network, address }: { network: string; address: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { code, stdout } = await shell.exec(PING, [network, address], { deadlineS: DEADLINE_S, signal });
  if (code === 0) return undefined;
  if (/cannot open network namespace|no such file/i.test(stdout))
    return `there is no namespace ovnmeta-${network}: is q-ovn-metadata-agent running there?`;
  return `no answer to a ping of ${address} from namespace ovnmeta-${network}`;
}
