import type { LibvirtClient } from "../providers/libvirt/client";
import { type Samples, seconds } from "./measure";

/** The same networks and domains by bare RPC calls: the floor of what libvirt itself costs. */
const IN_FLIGHT = 10;

export interface RawPair {
  networkXml: string;
  domainXml: string;
}

/** Make and remove `pairs` on an otherwise empty libvirt, without engine, state or diff. */
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

/** The XML of every network and domain that a stack has made there. */
export async function readPairs(client: LibvirtClient): Promise<RawPair[]> {
  const networks = await client.networks();
  const domains = await client.domains();
  const byNumber = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  const networkXml = await Promise.all(
    networks.sort(byNumber).map((n) => client.networkXml(n, { inactive: true })),
  );
  const domainXml = await Promise.all(
    domains.sort(byNumber).map((d) => client.domainXml(d, { inactive: true })),
  );
  return networkXml.map((xml, index) => ({ networkXml: xml, domainXml: domainXml[index] ?? "" }));
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}
