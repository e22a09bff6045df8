import type { DomainEvent, DomainRef, LibvirtClient } from "../client";
import { encode, type Link } from "./call";
import type { RpcConnection } from "./connection";
import { DOMAIN_EVENTS, LIFECYCLE_EVENT_ID, PROCEDURE } from "./procedures";
import { readDomain } from "./references";

type Listener = (domain: DomainRef, event: DomainEvent) => void;

/**
 * Life-cycle events, registered once with the server for all listeners, and again after a new connection.
 * What happened while there was none is not told: who waits for a state must also look at it now and then.
 */
export class DomainEvents {
  private readonly listeners = new Set<Listener>();
  private readonly registered = new WeakMap<RpcConnection, Promise<number>>();

  /** To be called with a connection before it is used. */
  async attach(rpc: RpcConnection): Promise<void> {
    if (this.listeners.size > 0) await this.register(rpc);
  }

  subscriber(link: Link): LibvirtClient["onDomainEvent"] {
    return async (listener) => {
      // A wrapper of our own, so that the same function may be given twice.
      const own: Listener = (domain, event) => listener(domain, event);
      this.listeners.add(own);
      let rpc: RpcConnection;
      try {
        rpc = await link();
        await this.register(rpc);
      } catch (error) {
        this.listeners.delete(own);
        throw error;
      }
      return async () => {
        this.listeners.delete(own);
        const id = this.registered.get(rpc);
        if (this.listeners.size > 0 || id === undefined || rpc.broken) return;
        this.registered.delete(rpc);
        const callback = await id;
        await rpc.call(
          "domainEventDeregister",
          encode((args) => args.i32(callback)),
        );
      };
    };
  }

  private register(rpc: RpcConnection): Promise<number> {
    const known = this.registered.get(rpc);
    if (known) return known;
    let callback: number | undefined;
    const forget = rpc.onEvent(PROCEDURE.domainEventLifecycle, (body) => {
      if (body.i32() !== callback) return;
      const domain = readDomain(body);
      const event = DOMAIN_EVENTS[body.i32()];
      if (event) for (const listener of [...this.listeners]) listener(domain, event);
    });
    const id = rpc
      .call(
        "domainEventRegister",
        encode((args) => args.i32(LIFECYCLE_EVENT_ID).optional(undefined, () => {})),
      )
      .then((reply) => {
        callback = reply.i32();
        return callback;
      });
    id.catch(() => {
      forget();
      this.registered.delete(rpc);
    });
    this.registered.set(rpc, id);
    return id;
  }
}
