import {
  ADDRESS_SOURCE,
  MEMORY_MAXIMUM,
  METADATA_ELEMENT,
  VCPU_MAXIMUM,
} from "../../../providers/libvirt/rpc/procedures";
import { type XdrReader, XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import { attachDevice, type DeviceChange, detachDevice, parseDevice, updateDevice } from "../devices";
import { badArgument, CODE, FROM, refuse } from "../errors";
import { getMetadata, setMetadata } from "../metadata";
import { memoryOf, setMemory, setVcpus, vcpusOf } from "../xml/domain";
import { all, first, type XmlElement } from "../xml/tree";
import { domainOf } from "./domain";
import type { CallContext, Handler } from "./handler";

/** What a domain is told while it exists: devices, sizes, metadata; and what it tells: addresses, console. */

type DeviceWork = (change: DeviceChange, device: XmlElement) => XmlElement;

function deviceCall(args: XdrReader, { lab }: CallContext, work: DeviceWork): void {
  const domain = domainOf(args, lab);
  const xml = args.string();
  const flags = args.u32();
  const device = parseDevice(xml);
  const mac = lab.invent.mac();
  lab.domains.change(domain, flags, (root, live) => {
    const change: DeviceChange = { root, newMac: () => mac };
    if (live) change.live = lab.domains.liveContext(domain);
    const changed = work(change, device);
    if (live && work !== detachDevice) lab.domains.checkDevice(changed);
  });
}

const noZero = (value: number, what: string): void => {
  if (value === 0) throw badArgument(FROM.domain, `${what} must not be zero`);
};

export const guestHandlers = {
  domainAttachDeviceFlags: (args, call) => deviceCall(args, call, attachDevice),
  domainDetachDeviceFlags: (args, call) => deviceCall(args, call, detachDevice),
  domainUpdateDeviceFlags: (args, call) => deviceCall(args, call, updateDevice),

  domainSetMemoryFlags: (args, { lab }) => {
    const domain = domainOf(args, lab);
    const kiB = Number(args.u64());
    const flags = args.u32();
    noZero(kiB, "memory in virDomainSetMemoryFlags");
    lab.domains.change(domain, flags, (root, live) => {
      const { maximumKiB, currentKiB } = memoryOf(root);
      if (flags & MEMORY_MAXIMUM) {
        if (live) {
          const detail = "cannot resize the maximum memory on an active domain";
          throw refuse(CODE.operationInvalid, FROM.qemu, detail);
        }
        setMemory(root, kiB, Math.min(currentKiB, kiB));
      } else {
        if (kiB > maximumKiB) {
          throw refuse(CODE.invalidArgument, FROM.qemu, "cannot set memory higher than max memory");
        }
        setMemory(root, maximumKiB, kiB);
      }
    });
  },

  domainSetVcpusFlags: (args, { lab }) => {
    const domain = domainOf(args, lab);
    const count = args.u32();
    const flags = args.u32();
    noZero(count, "nvcpus in virDomainSetVcpusFlags");
    if (flags & VCPU_MAXIMUM && !(flags & 2)) {
      const detail = "Flag 'VIR_DOMAIN_AFFECT_CONFIG' is required by flag 'VIR_DOMAIN_VCPU_MAXIMUM'";
      throw badArgument(FROM.domain, detail);
    }
    lab.domains.change(domain, flags, (root, live) => {
      const { maximum, current } = vcpusOf(root);
      if (flags & VCPU_MAXIMUM) {
        setVcpus(root, count, Math.min(current, count));
        return;
      }
      if (count > maximum) {
        const which = live ? "live" : "persistent";
        const detail = `requested vcpus is greater than max allowable vcpus for the ${which} domain: ${count} > ${maximum}`;
        throw refuse(CODE.invalidArgument, FROM.qemu, detail);
      }
      setVcpus(root, maximum, count);
    });
  },

  domainSetMetadata: (args, { lab }) => {
    const domain = domainOf(args, lab);
    const type = args.i32();
    const [xml, key, uri] = [args.optionalString(), args.optionalString(), args.optionalString()];
    const flags = args.u32();
    ownElementOnly(type);
    const missing = (what: string) =>
      badArgument(FROM.domain, `${what} in virDomainSetMetadata must not be NULL`);
    if (uri === undefined) throw missing("uri");
    if (xml !== undefined && key === undefined) throw missing("key");
    lab.domains.change(domain, flags, (root) => setMetadata(root, uri, key, xml));
  },

  domainGetMetadata: (args, { lab }) => {
    const domain = domainOf(args, lab);
    ownElementOnly(args.i32());
    const uri = args.optionalString();
    return new XdrWriter().string(getMetadata(lab.domains.current(domain, args.u32()), uri ?? ""));
  },

  domainInterfaceAddresses: (args, { lab }) => {
    const domain = domainOf(args, lab);
    const source = args.u32();
    lab.domains.mustRun(domain);
    if (source === ADDRESS_SOURCE.agent) {
      throw refuse(CODE.argumentUnsupported, FROM.qemu, "QEMU guest agent is not configured");
    }
    if (source !== ADDRESS_SOURCE.lease && source !== ADDRESS_SOURCE.arp) {
      throw refuse(CODE.argumentUnsupported, FROM.qemu, `Unknown IP address data source ${source}`);
    }
    return new XdrWriter().array(lab.domains.addresses(domain), (writer, nic) =>
      writer
        .string(nic.device)
        .optionalString(nic.mac)
        .array(nic.addresses, (each, { ip, prefix }) => each.i32(0).string(ip).u32(prefix)),
    );
  },

  domainOpenConsole: (args, { lab, connection, serial, afterReply }) => {
    const domain = domainOf(args, lab);
    const device = args.optionalString();
    lab.domains.mustRun(domain);
    const devices = first(domain.live, "devices");
    const consoles = [...all(devices, "console"), ...all(devices, "serial")];
    const fits = (one: XmlElement): boolean => first(one, "alias")?.attributes.name === device;
    if (device === undefined ? consoles.length === 0 : !consoles.some(fits)) {
      throw refuse(CODE.internal, FROM.qemu, `cannot find character device ${device ?? "<null>"}`);
    }
    const stream = connection.openStream("domainOpenConsole", serial);
    afterReply(() => {
      const output = lab.guests.console(domain.uuid);
      output.on("data", (data: Buffer) => stream.push(data)).on("end", () => stream.end());
      stream.interactive(undefined, () => output.destroy());
    });
  },

  domainBlockResize: (args, { lab }) => {
    const domain = domainOf(args, lab);
    const path = args.string();
    const size = args.u64();
    const bytes = args.u32() & 1 ? size : size * 1024n;
    lab.domains.mustRun(domain);
    const disk = all(first(domain.live, "devices"), "disk").find((one) => {
      const source = first(one, "source")?.attributes ?? {};
      return (
        first(one, "target")?.attributes.dev === path ||
        source.file === path ||
        lab.domains.diskPath(one) === path
      );
    });
    if (!disk) {
      throw refuse(CODE.invalidArgument, FROM.qemu, `disk '${path}' was not found in the domain config`);
    }
    lab.domains.resizeDisk(disk, bytes);
  },
} satisfies Record<string, Handler>;

function ownElementOnly(type: number): void {
  if (type !== METADATA_ELEMENT) {
    throw refuse(CODE.argumentUnsupported, FROM.domain, "the embedded lab keeps metadata elements only");
  }
}
