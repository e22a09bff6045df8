import { Readable } from "node:stream";
import { type DomainRef, ERROR, type LibvirtClient, LibvirtError } from "../client";
import { type Call, encode, type Link, unless } from "./call";
import { hasCode } from "./errors";
import { ADDRESS_SOURCE, METADATA_ELEMENT, SCOPE_FLAGS } from "./procedures";
import { writeDomain } from "./references";
import type { XdrReader, XdrWriter } from "./xdr";

export type GuestCalls = Pick<
  LibvirtClient,
  "domainMetadata" | "domainSetMetadata" | "domainAddresses" | "domainConsole"
>;

/** What a domain says of itself: our mark on it, its addresses, its console. */
export function guestCalls(call: Call, link: Link): GuestCalls {
  /** The first scope that the domain has: a running transient one has no config, one that is off no live. */
  const inScope = async <T>(scopes: number[], work: (flags: number) => Promise<T>): Promise<T> => {
    for (const [index, flags] of scopes.entries()) {
      try {
        return await work(flags);
      } catch (error) {
        if (index === scopes.length - 1 || !hasCode(error, ERROR.operationInvalid)) throw error;
      }
    }
    throw new TypeError("no scope given");
  };

  return {
    async domainMetadata(domain, uri) {
      const { config, live } = SCOPE_FLAGS;
      const reply = await unless(
        inScope([config, live], (flags) =>
          call("domainGetMetadata", (args) =>
            writeDomain(args, domain).i32(METADATA_ELEMENT).optionalString(uri).u32(flags),
          ),
        ),
        ERROR.noDomainMetadata,
      );
      return reply?.string();
    },
    async domainSetMetadata(domain, uri, prefix, xml) {
      const { config, live, both } = SCOPE_FLAGS;
      await unless(
        inScope([both, config, live], (flags) =>
          call("domainSetMetadata", (args) =>
            writeDomain(args, domain)
              .i32(METADATA_ELEMENT)
              .optionalString(xml)
              .optionalString(xml === undefined ? undefined : prefix)
              .optionalString(uri)
              .u32(flags),
          ),
        ),
        // Removing what is not there.
        ...(xml === undefined ? [ERROR.noDomainMetadata] : []),
      );
    },
    async domainAddresses(domain) {
      const from = (source: number) => (args: XdrWriter) => writeDomain(args, domain).u32(source).u32(0);
      const leases = await unless(
        call("domainInterfaceAddresses", from(ADDRESS_SOURCE.lease)),
        ERROR.operationInvalid,
      );
      if (!leases) return []; // off
      const leased = readAddresses(leases);
      if (leased.length > 0) return leased;
      // Where a host bridge hands out the addresses, the agent or the neighbour table may know them. They may also have
      // no agent, or fail on an empty table ("wrong nlmsg len", 9.0.0): all of that means that they do not know.
      for (const source of [ADDRESS_SOURCE.agent, ADDRESS_SOURCE.arp]) {
        try {
          const addresses = readAddresses(await call("domainInterfaceAddresses", from(source)));
          if (addresses.length > 0) return addresses;
        } catch (error) {
          if (!(error instanceof LibvirtError)) throw error;
        }
      }
      return [];
    },
    async domainConsole(domain: DomainRef) {
      const args = encode((writer) => writeDomain(writer, domain).optionalString(undefined).u32(0));
      const stream = await (await link()).openStream("domainOpenConsole", args, 0);
      return new Readable({
        read() {
          stream.read().then(
            (data) => this.push(data ?? null),
            (error: Error) => this.destroy(error),
          );
        },
        destroy(error, done) {
          stream.abort();
          done(error);
        },
      });
    },
  };
}

function readAddresses(reply: XdrReader): { mac?: string; ip: string }[] {
  const interfaces = reply.array((reader) => {
    reader.string();
    const mac = reader.optionalString();
    const addresses = reader.array((item) => {
      item.i32();
      const ip = item.string();
      item.u32();
      return ip;
    });
    return addresses.map((ip) => (mac === undefined ? { ip } : { mac, ip }));
  });
  return interfaces.flat();
}
