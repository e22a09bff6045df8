import { BackendError } from "../../core/errors";
import type { LibvirtClient } from "../client";
import { calling, encode, type Link } from "./call";
import type { RpcConnection } from "./connection";
import { domainCalls } from "./domain-calls";
import { DomainEvents } from "./event-calls";
import { guestCalls } from "./guest-calls";
import { networkCalls } from "./network-calls";
import { AUTH } from "./procedures";
import { storageCalls } from "./storage-calls";
import { transferCalls } from "./transfer-calls";

/** The first calls on a connection: prove who we are, then open the driver. `name` is libvirt's own, `qemu:///system`. */
export async function openDriver(rpc: RpcConnection, name: string): Promise<void> {
  const offers = (await rpc.call("authList")).array((reader) => reader.i32());
  if (offers.length > 0 && !offers.includes(AUTH.none)) {
    if (!offers.includes(AUTH.polkit)) {
      throw new BackendError(
        `${rpc.label}: libvirtd asks for a SASL login, which we do not do. Use qemu+ssh://user@host/system, or set auth_unix_rw = "none" or "polkit" in its libvirtd.conf.`,
      );
    }
    // Answered by the host's policy: members of the group libvirt may on Debian, Ubuntu and Fedora.
    await rpc.call("authPolkit");
  }
  await rpc.call(
    "connectOpen",
    encode((args) => args.optionalString(name).u32(0)),
  );
}

/**
 * The client over a link; `close` ends whatever the link holds open.
 * @param pausesMs before each new try of what libvirt was too busy for
 */
export function rpcClient(
  uri: string,
  link: Link,
  close: () => Promise<void>,
  pausesMs?: readonly number[],
): LibvirtClient {
  const events = new DomainEvents();
  const live: Link = async () => {
    const rpc = await link();
    await events.attach(rpc);
    return rpc;
  };
  const call = calling(live, pausesMs);
  const storage = storageCalls(call);
  return {
    uri,
    async hostName() {
      return (await call("connectGetHostname")).string();
    },
    async version() {
      return Number((await call("connectGetLibVersion")).u64());
    },
    async capabilities() {
      return (await call("connectGetCapabilities")).string();
    },
    ...domainCalls(call),
    ...guestCalls(call, live),
    ...networkCalls(call),
    ...storage,
    ...transferCalls(live, storage),
    onDomainEvent: events.subscriber(link),
    close,
  };
}
