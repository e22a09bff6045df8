import { type DomainPower, type DomainRef, ERROR, type LibvirtClient, type Scope } from "../client";
import { type Call, unless } from "./call";
import { hasCode } from "./errors";
import {
  BLOCK_RESIZE_BYTES,
  DOMAIN_STATES,
  DOMAIN_XML_FLAGS,
  MEMORY_MAXIMUM,
  SCOPE_FLAGS,
  UNDEFINE_FLAGS,
  VCPU_MAXIMUM,
} from "./procedures";
import { readDomain, uuidBytes, writeDomain } from "./references";
import type { XdrWriter } from "./xdr";

export type DomainCalls = Pick<
  LibvirtClient,
  | "domains"
  | "domainByName"
  | "domainByUuid"
  | "domainXml"
  | "domainState"
  | "domainDefine"
  | "domainStart"
  | "domainShutdown"
  | "domainResume"
  | "domainDestroy"
  | "domainUndefine"
  | "domainAutostart"
  | "domainSetAutostart"
  | "domainAttach"
  | "domainDetach"
  | "domainUpdateDevice"
  | "domainSetMemory"
  | "domainSetVcpus"
  | "domainBlockResize"
>;

/** From all that a domain can leave behind to what every driver knows; unknown flags are refused as a whole. */
const UNDEFINE_ATTEMPTS = (() => {
  const { managedSave, snapshotMetadata, nvram, checkpointMetadata, tpm } = UNDEFINE_FLAGS;
  const widest = managedSave | snapshotMetadata | nvram | checkpointMetadata | tpm;
  return [widest, widest & ~tpm, managedSave | snapshotMetadata | nvram, managedSave | snapshotMetadata];
})();

const on = (domain: DomainRef) => (args: XdrWriter) => writeDomain(args, domain);

export function domainCalls(call: Call): DomainCalls {
  const device =
    (procedure: "domainAttachDeviceFlags" | "domainDetachDeviceFlags" | "domainUpdateDeviceFlags") =>
    async (domain: DomainRef, xml: string, scope: Scope): Promise<void> => {
      await call(procedure, (args) => writeDomain(args, domain).string(xml).u32(SCOPE_FLAGS[scope]));
    };

  /** The persistent limit moves with the persistent value; the running one can only move below its own limit. */
  const resize = async (
    procedure: "domainSetMemoryFlags" | "domainSetVcpusFlags",
    write: (args: XdrWriter, flags: number) => unknown,
    maximum: number,
    scope: Scope,
  ): Promise<void> => {
    if (scope !== "live") {
      await call(procedure, (args) => write(args, SCOPE_FLAGS.config | maximum));
      await call(procedure, (args) => write(args, SCOPE_FLAGS.config));
    }
    if (scope !== "config") await call(procedure, (args) => write(args, SCOPE_FLAGS.live));
  };

  return {
    async domains() {
      const reply = await call("connectListAllDomains", (args) => args.i32(1).u32(0));
      return reply.array(readDomain);
    },
    async domainByName(name) {
      const reply = await unless(
        call("domainLookupByName", (args) => args.string(name)),
        ERROR.noDomain,
      );
      return reply && readDomain(reply);
    },
    async domainByUuid(uuid) {
      const reply = await unless(
        call("domainLookupByUuid", (args) => args.fixed(uuidBytes(uuid))),
        ERROR.noDomain,
      );
      return reply && readDomain(reply);
    },
    async domainXml(domain, options = {}) {
      const flags = options.inactive ? DOMAIN_XML_FLAGS.inactive : 0;
      const reply = await call("domainGetXmlDesc", (args) => writeDomain(args, domain).u32(flags));
      return reply.string();
    },
    async domainState(domain): Promise<DomainPower> {
      const reply = await call("domainGetState", (args) => writeDomain(args, domain).u32(0));
      return DOMAIN_STATES[reply.i32()] ?? "nostate";
    },
    async domainDefine(xml) {
      return readDomain(await call("domainDefineXml", (args) => args.string(xml)));
    },
    async domainStart(domain) {
      return readDomain(await call("domainCreateWithFlags", (args) => writeDomain(args, domain).u32(0)));
    },
    async domainShutdown(domain) {
      await call("domainShutdown", on(domain));
    },
    async domainResume(domain) {
      await call("domainResume", on(domain));
    },
    async domainDestroy(domain) {
      await unless(call("domainDestroy", on(domain)), ERROR.noDomain, ERROR.operationInvalid);
    },
    async domainUndefine(domain) {
      for (const flags of UNDEFINE_ATTEMPTS) {
        try {
          await call("domainUndefineFlags", (args) => writeDomain(args, domain).u32(flags));
          return;
        } catch (error) {
          if (hasCode(error, ERROR.noDomain)) return;
          if (!hasCode(error, ERROR.noSupport, ERROR.invalidArgument)) throw error;
        }
      }
      await unless(call("domainUndefine", on(domain)), ERROR.noDomain);
    },
    async domainAutostart(domain) {
      return (await call("domainGetAutostart", on(domain))).bool();
    },
    async domainSetAutostart(domain, enabled) {
      await call("domainSetAutostart", (args) => writeDomain(args, domain).bool(enabled));
    },
    domainAttach: device("domainAttachDeviceFlags"),
    domainDetach: device("domainDetachDeviceFlags"),
    domainUpdateDevice: device("domainUpdateDeviceFlags"),
    domainSetMemory: (domain, kiB, scope) =>
      resize(
        "domainSetMemoryFlags",
        (args, flags) => writeDomain(args, domain).u64(kiB).u32(flags),
        MEMORY_MAXIMUM,
        scope,
      ),
    domainSetVcpus: (domain, count, scope) =>
      resize(
        "domainSetVcpusFlags",
        (args, flags) => writeDomain(args, domain).u32(count).u32(flags),
        VCPU_MAXIMUM,
        scope,
      ),
    async domainBlockResize(domain, path, bytes) {
      await call("domainBlockResize", (args) =>
        writeDomain(args, domain).string(path).u64(bytes).u32(BLOCK_RESIZE_BYTES),
      );
    },
  };
}
