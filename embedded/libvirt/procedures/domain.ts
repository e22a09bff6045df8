import { DOMAIN_STATES, DOMAIN_XML_FLAGS, UNDEFINE_FLAGS } from "../../../providers/libvirt/rpc/procedures";
import { readDomain, uuidText, writeDomain } from "../../../providers/libvirt/rpc/references";
import { type XdrReader, XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import { CODE, FROM, refuse } from "../errors";
import type { Domain } from "../store/domains";
import type { Lab } from "../store/lab";
import { memoryOf, vcpusOf } from "../xml/domain";
import { element } from "../xml/tree";
import { type Handler, listReply } from "./handler";

export const domainOf = (args: XdrReader, lab: Lab): Domain => lab.domains.find(readDomain(args));
const reply = (domain: Domain): XdrWriter => writeDomain(new XdrWriter(), domain);

/** virConnectListAllDomainsFlags: running, off, with and without configuration. */
const LIST = { active: 1, inactive: 2, persistent: 4, transient: 8 };

const define: Handler = (args, { lab }) => reply(lab.domains.define(args.string()));
const undefine = (flags: (args: XdrReader) => number): Handler => {
  return async (args, { lab }) => {
    const domain = domainOf(args, lab);
    const bits = flags(args);
    if (bits & UNDEFINE_FLAGS.nvram && bits & UNDEFINE_FLAGS.keepNvram) {
      throw refuse(CODE.operationInvalid, FROM.qemu, "cannot both keep and delete nvram");
    }
    await lab.domains.undefine(domain);
  };
};
const destroy: Handler = async (args, { lab }) => lab.domains.destroy(domainOf(args, lab));

export const domainHandlers = {
  connectListAllDomains: (args, { lab }) => {
    const needResults = args.i32() !== 0;
    const flags = args.u32();
    const fits = (domain: Domain): boolean => {
      const running = domain.live ? LIST.active : LIST.inactive;
      const kept = domain.config ? LIST.persistent : LIST.transient;
      return [running, kept].every((bit) => {
        const group = bit <= LIST.inactive ? 3 : 12;
        return (flags & group) === 0 || (flags & bit) !== 0;
      });
    };
    return listReply(needResults, lab.domains.list().filter(fits), writeDomain);
  },
  domainLookupByName: (args, { lab }) => reply(lab.domains.named(args.string())),
  domainLookupByUuid: (args, { lab }) => reply(lab.domains.withUuid(uuidText(args.fixed(16)))),
  domainLookupById: (args, { lab }) => reply(lab.domains.withId(args.i32())),
  domainGetXmlDesc: (args, { lab }) => {
    const domain = domainOf(args, lab);
    return new XdrWriter().string(lab.domains.xml(domain, (args.u32() & DOMAIN_XML_FLAGS.inactive) !== 0));
  },
  domainGetInfo: (args, { lab }) => {
    const domain = domainOf(args, lab);
    const root = domain.live ?? domain.config ?? element("domain");
    const { maximumKiB, currentKiB } = memoryOf(root);
    return new XdrWriter()
      .u32(DOMAIN_STATES.indexOf(domain.state))
      .u64(maximumKiB)
      .u64(domain.live ? currentKiB : maximumKiB)
      .u32(vcpusOf(root).current)
      .u64(0);
  },
  domainGetState: (args, { lab }) =>
    new XdrWriter().i32(DOMAIN_STATES.indexOf(domainOf(args, lab).state)).i32(1),
  domainDefineXml: define,
  domainDefineXmlFlags: define,
  domainCreate: (args, { lab }) => lab.domains.start(domainOf(args, lab)),
  domainCreateWithFlags: (args, { lab }) => {
    const domain = domainOf(args, lab);
    lab.domains.start(domain);
    return reply(domain);
  },
  domainDestroy: destroy,
  domainDestroyFlags: destroy,
  domainShutdown: (args, { lab }) => lab.domains.shutdown(domainOf(args, lab)),
  domainReboot: (args, { lab }) => lab.domains.reboot(domainOf(args, lab)),
  domainSuspend: (args, { lab }) => lab.domains.suspend(domainOf(args, lab)),
  domainResume: (args, { lab }) => lab.domains.resumePaused(domainOf(args, lab)),
  domainUndefine: undefine(() => 0),
  domainUndefineFlags: undefine((args) => args.u32()),
  domainGetAutostart: (args, { lab }) => new XdrWriter().bool(domainOf(args, lab).autostart),
  domainSetAutostart: (args, { lab }) => {
    const domain = domainOf(args, lab);
    lab.domains.setAutostart(domain, args.i32() !== 0);
  },
} satisfies Record<string, Handler>;
