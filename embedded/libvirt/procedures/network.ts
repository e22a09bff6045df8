import { NETWORK_XML_FLAGS } from "../../../providers/libvirt/rpc/procedures";
import { readNetwork, uuidText, writeNetwork } from "../../../providers/libvirt/rpc/references";
import { type XdrReader, XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import type { Lab } from "../store/lab";
import type { Network } from "../store/networks";
import { type Handler, listReply } from "./handler";

const networkOf = (args: XdrReader, lab: Lab): Network => lab.networks.find(readNetwork(args));
const reply = (network: Network): XdrWriter => writeNetwork(new XdrWriter(), network);

export const networkHandlers = {
  connectListAllNetworks: (args, { lab }) => {
    const needResults = args.i32() !== 0;
    const flags = args.u32();
    // virConnectListAllNetworksFlags: 1 inactive, 2 active
    const networks = lab.networks
      .list()
      .filter((network) => (flags & 3) === 0 || (flags & (network.live ? 2 : 1)) !== 0);
    return listReply(needResults, networks, writeNetwork);
  },
  networkLookupByName: (args, { lab }) => reply(lab.networks.named(args.string())),
  networkLookupByUuid: (args, { lab }) => reply(lab.networks.withUuid(uuidText(args.fixed(16)))),
  networkGetXmlDesc: (args, { lab }) => {
    const network = networkOf(args, lab);
    return new XdrWriter().string(lab.networks.xml(network, (args.u32() & NETWORK_XML_FLAGS.inactive) !== 0));
  },
  networkIsActive: (args, { lab }) => new XdrWriter().bool(networkOf(args, lab).live !== undefined),
  networkDefineXml: (args, { lab }) => reply(lab.networks.define(args.string())),
  networkCreate: (args, { lab }) => lab.networks.start(networkOf(args, lab)),
  networkDestroy: (args, { lab }) => lab.networks.destroy(networkOf(args, lab)),
  networkUndefine: (args, { lab }) => lab.networks.undefine(networkOf(args, lab)),
  networkGetAutostart: (args, { lab }) => new XdrWriter().bool(networkOf(args, lab).autostart),
  networkSetAutostart: (args, { lab }) => {
    const network = networkOf(args, lab);
    lab.networks.setAutostart(network, args.i32() !== 0);
  },
  networkUpdate: (args, { lab }) => {
    const network = networkOf(args, lab);
    const [command, section, parent] = [args.u32(), args.u32(), args.i32()];
    const xml = args.string();
    lab.networks.update(network, command, section, parent, xml, args.u32());
  },
  networkGetDhcpLeases: (args, { lab }) => {
    const network = networkOf(args, lab);
    const leases = lab.networks.leases(network, args.optionalString());
    return listReply(args.i32() !== 0, leases, (writer, lease) =>
      writer
        .string(lease.bridge)
        .i64(lease.expiresS)
        .i32(0) // IPv4
        .optionalString(lease.mac)
        .optionalString(undefined)
        .string(lease.ip)
        .u32(lease.prefix)
        .optionalString(lease.hostName)
        .optionalString(undefined),
    );
  },
} satisfies Record<string, Handler>;
