import type { DomainRef, NetworkRef } from "../../providers/libvirt/client";
import { DOMAIN_EVENTS, NETWORK_EVENTS } from "../../providers/libvirt/rpc/procedures";

export type DomainEventName = (typeof DOMAIN_EVENTS)[number];
export type NetworkEventName = (typeof NETWORK_EVENTS)[number];
type DomainListener = (domain: DomainRef, event: number, detail: number) => void;
type NetworkListener = (network: NetworkRef, event: number, detail: number) => void;

/** Life-cycle events, from the stores to the connections that asked for them. */
export class Events {
  private readonly domainListeners = new Set<DomainListener>();
  private readonly networkListeners = new Set<NetworkListener>();

  domain(domain: DomainRef, event: DomainEventName, detail = 0): void {
    for (const listener of [...this.domainListeners]) listener(domain, DOMAIN_EVENTS.indexOf(event), detail);
  }
  network(network: NetworkRef, event: NetworkEventName, detail = 0): void {
    for (const listener of [...this.networkListeners])
      listener(network, NETWORK_EVENTS.indexOf(event), detail);
  }
  onDomain(listener: DomainListener): () => void {
    this.domainListeners.add(listener);
    return () => this.domainListeners.delete(listener);
  }
  onNetwork(listener: NetworkListener): () => void {
    this.networkListeners.add(listener);
    return () => this.networkListeners.delete(listener);
  }
}
