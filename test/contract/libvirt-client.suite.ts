import { afterAll, beforeAll, describe } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { domainContract } from "./libvirt-client.domains.suite";
import { type LibvirtSystem, sweep } from "./libvirt-client.fixtures";
import { linkContract } from "./libvirt-client.link.suite";
import { networkContract } from "./libvirt-client.networks.suite";
import { storageContract } from "./libvirt-client.storage.suite";

export type { LibvirtSystem } from "./libvirt-client.fixtures";

/**
 * What every libvirt must do for our client: the same tests for a real daemon and for the embedded lab's, so that the
 * latter cannot drift from the truth.
 */
export function libvirtClientContract(name: string, start: () => Promise<LibvirtSystem>): void {
  describe(`libvirt client on ${name}`, () => {
    let running: LibvirtSystem;
    const clients: LibvirtClient[] = [];
    const system = () => running;
    const connect = async () => {
      const client = await connectLibvirt(running.uri);
      clients.push(client);
      return client;
    };

    beforeAll(async () => {
      running = await start();
    });
    afterAll(async () => {
      for (const client of clients) await client.close();
      if (!running) return;
      await sweep(running);
      await running.stop();
    });

    linkContract(system, connect);
    domainContract(system, connect);
    networkContract(system, connect);
    storageContract(system, connect);
  });
}
