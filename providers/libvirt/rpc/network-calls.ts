import { type DhcpLease, ERROR, type LibvirtClient, type NetworkRef } from "../client";
import { type Call, unless } from "./call";
import {
  FEATURE,
  NETWORK_UPDATE_COMMAND,
  NETWORK_UPDATE_SECTION,
  NETWORK_XML_FLAGS,
  SCOPE_FLAGS,
} from "./procedures";
import { readNetwork, uuidBytes, writeNetwork } from "./references";
import type { XdrReader, XdrWriter } from "./xdr";

export type NetworkCalls = Pick<
  LibvirtClient,
  | "networks"
  | "networkByName"
  | "networkByUuid"
  | "networkXml"
  | "networkIsActive"
  | "networkDefine"
  | "networkStart"
  | "networkDestroy"
  | "networkUndefine"
  | "networkAutostart"
  | "networkSetAutostart"
  | "networkUpdate"
  | "networkLeases"
>;

/** The parent of the section: none, the first that fits. */
const ANY_PARENT = -1;

const on = (network: NetworkRef) => (args: XdrWriter) => writeNetwork(args, network);

export function networkCalls(call: Call): NetworkCalls {
  // Servers before libvirt 7.2 took command and section the wrong way round, and still do when not asked.
  let correctOrder: Promise<boolean> | undefined;
  const hasCorrectOrder = () => {
    correctOrder ??= call("connectSupportsFeature", (args) =>
      args.i32(FEATURE.networkUpdateHasCorrectOrder),
    ).then((reply) => reply.bool());
    correctOrder.catch(() => {
      correctOrder = undefined;
    });
    return correctOrder;
  };

  return {
    async networks() {
      const reply = await call("connectListAllNetworks", (args) => args.i32(1).u32(0));
      return reply.array(readNetwork);
    },
    async networkByName(name) {
      const reply = await unless(
        call("networkLookupByName", (args) => args.string(name)),
        ERROR.noNetwork,
      );
      return reply && readNetwork(reply);
    },
    async networkByUuid(uuid) {
      const reply = await unless(
        call("networkLookupByUuid", (args) => args.fixed(uuidBytes(uuid))),
        ERROR.noNetwork,
      );
      return reply && readNetwork(reply);
    },
    async networkXml(network, options = {}) {
      const flags = options.inactive ? NETWORK_XML_FLAGS.inactive : 0;
      return (await call("networkGetXmlDesc", (args) => writeNetwork(args, network).u32(flags))).string();
    },
    async networkIsActive(network) {
      return (await call("networkIsActive", on(network))).bool();
    },
    async networkDefine(xml) {
      return readNetwork(await call("networkDefineXml", (args) => args.string(xml)));
    },
    async networkStart(network) {
      await call("networkCreate", on(network));
    },
    async networkDestroy(network) {
      await unless(call("networkDestroy", on(network)), ERROR.noNetwork, ERROR.operationInvalid);
    },
    async networkUndefine(network) {
      await unless(call("networkUndefine", on(network)), ERROR.noNetwork);
    },
    async networkAutostart(network) {
      return (await call("networkGetAutostart", on(network))).bool();
    },
    async networkSetAutostart(network, enabled) {
      await call("networkSetAutostart", (args) => writeNetwork(args, network).bool(enabled));
    },
    async networkUpdate(network, command, section, xml, scope) {
      const words = [NETWORK_UPDATE_COMMAND[command], NETWORK_UPDATE_SECTION[section]] as const;
      const [first, second] = (await hasCorrectOrder()) ? words : [words[1], words[0]];
      await call("networkUpdate", (args) =>
        writeNetwork(args, network)
          .u32(first)
          .u32(second)
          .i32(ANY_PARENT)
          .string(xml)
          .u32(SCOPE_FLAGS[scope]),
      );
    },
    async networkLeases(network, mac) {
      const reply = await call("networkGetDhcpLeases", (args) =>
        writeNetwork(args, network).optionalString(mac).i32(1).u32(0),
      );
      return reply.array(readLease);
    },
  };
}

function readLease(reader: XdrReader): DhcpLease {
  const device = reader.string();
  const expiresS = Number(reader.i64());
  reader.i32(); // address family; the text of the address tells
  const mac = reader.optionalString();
  reader.optionalString(); // IAID
  const [ip, prefix] = [reader.string(), reader.u32()];
  const hostName = reader.optionalString();
  reader.optionalString(); // client id
  return {
    interface: device,
    expiresS,
    ip,
    prefix,
    ...(mac !== undefined && { mac }),
    ...(hostName !== undefined && { hostName }),
  };
}
