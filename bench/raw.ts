import type { LibvirtClient } from "../providers/libvirt/client";
import { renderDomain } from "../providers/libvirt/xml/domain";
import { renderNetwork } from "../providers/libvirt/xml/network";
import { plan } from "../stacks/plan/plan";
import { type Samples, seconds } from "./measure";

/** The other floor: the same networks and domains by bare RPC calls, ten in flight, without engine, state or diff. */
const IN_FLIGHT = 10;

async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

export interface RawPair {
  networkXml: string;
  domainXml: string;
}

export async function runRaw(
  client: LibvirtClient,
  pairs: readonly RawPair[],
  samples: Samples,
): Promise<void> {
  samples.create.push(
    await seconds(async () => {
      await each(pairs, async ({ networkXml }) =>
        client.networkStart(await client.networkDefine(networkXml)),
      );
      await each(pairs, ({ domainXml }) => client.domainDefine(domainXml));
    }),
  );
  samples.destroy.push(
    await seconds(async () => {
      await each(await client.domains(), (domain) => client.domainUndefine(domain));
      await each(await client.networks(), async (network) => {
        await client.networkDestroy(network);
        await client.networkUndefine(network);
      });
    }),
  );
}

export { plan, renderDomain, renderNetwork };
