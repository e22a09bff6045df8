import { LIFECYCLE_EVENT_ID } from "../../../providers/libvirt/rpc/procedures";
import {
  readDomain,
  readNetwork,
  writeDomain,
  writeNetwork,
} from "../../../providers/libvirt/rpc/references";
import { type XdrReader, XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import { CODE, FROM, refuse } from "../errors";
import type { CallContext, Handler } from "./handler";

/** Life-cycle events only; the callback id tells a client which of its registrations is meant. */

let lastCallback = 0;

function mustBeLifecycle(id: number): void {
  if (id !== LIFECYCLE_EVENT_ID) {
    throw refuse(
      CODE.noSupport,
      FROM.rpc,
      `this function is not supported by the connection driver: event ${id}`,
    );
  }
}

function deregister(kind: string): Handler {
  return (args, { connection }) => {
    const callback = args.i32();
    if (!connection.unsubscribe(`${kind} ${callback}`)) {
      throw refuse(CODE.internal, FROM.rpc, `${kind} event callback ${callback} not registered`);
    }
  };
}

const register = (call: CallContext, kind: string, cancel: (callback: number) => () => void): XdrWriter => {
  const callback = lastCallback++;
  call.connection.subscribe(`${kind} ${callback}`, cancel(callback));
  return new XdrWriter().i32(callback);
};

const only = (args: XdrReader, read: (args: XdrReader) => { uuid: string }): string | undefined =>
  args.optional(read)?.uuid;

export const eventHandlers = {
  domainEventRegister: (args, call) => {
    mustBeLifecycle(args.i32());
    const uuid = only(args, readDomain);
    return register(call, "domain", (callback) =>
      call.lab.events.onDomain((domain, event, detail) => {
        if (uuid !== undefined && uuid !== domain.uuid) return;
        const body = writeDomain(new XdrWriter().i32(callback), domain).i32(event).i32(detail);
        call.connection.sendEvent("domainEventLifecycle", body);
      }),
    );
  },
  domainEventDeregister: deregister("domain"),
  networkEventRegister: (args, call) => {
    mustBeLifecycle(args.i32());
    const uuid = only(args, readNetwork);
    return register(call, "network", (callback) =>
      call.lab.events.onNetwork((network, event, detail) => {
        if (uuid !== undefined && uuid !== network.uuid) return;
        const body = writeNetwork(new XdrWriter().i32(callback), network).i32(event).i32(detail);
        call.connection.sendEvent("networkEventLifecycle", body);
      }),
    );
  },
  networkEventDeregister: deregister("network"),
  // Messages of the server; nobody can call them.
  domainEventLifecycle: () => notACall(318),
  networkEventLifecycle: () => notACall(315),
} satisfies Record<string, Handler>;

function notACall(procedure: number): never {
  throw refuse(CODE.rpc, FROM.rpc, `unknown procedure: ${procedure}`);
}
