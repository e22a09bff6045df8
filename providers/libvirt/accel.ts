import type { Run } from "../core/definition";
import { stopwatch } from "../core/stopwatch";
import type { DomainRef, LibvirtClient } from "./client";
import type { DomainInputs } from "./domain";
import { all, attribute, element, find, render, textOf } from "./xml/element";
import { markElement } from "./xml/mark";
import { parseXml } from "./xml/parse";

export type Accel = "kvm" | "tcg";

/** What SeaBIOS prints on the serial console. */
const MARKER = "SeaBIOS";
const PROBE_S = 10;
const MAX_OUTPUT = 64 * 1024;

const probes = new WeakMap<LibvirtClient, Promise<Accel>>();

/**
 * Which kind of virtualisation a new domain gets. `auto` means KVM only where it is proven, else emulation: slow, but
 * it boots.
 *
 * That the hypervisor offers `kvm` proves nothing: /dev/kvm may exist, domains may start, and no kernel boots (seen
 * where KVM is only fit for paravirtual guests). So the first `auto` domain that a process makes is first defined as a
 * probe: its own name, UUID and mark, 16 MiB, no disks, and the same CPU mode that a KVM domain of ours gets; its
 * firmware must speak on the serial console. Nothing but that domain is touched, and a killed run leaves nothing that
 * the next one does not know for what it is. That runs real mode, the switch to protected mode, and port I/O under KVM, which is what such
 * hosts cannot do. It does not prove a 64-bit kernel: where that still fails, `accel: tcg` is the way, and the message
 * of a wait that ran out says so.
 */
export async function resolveAccel(
  client: LibvirtClient,
  inputs: Pick<DomainInputs, "accel" | "name" | "uuid">,
  run: ProbeRun & Pick<Run, "backend">,
): Promise<Accel> {
  if (inputs.accel !== "auto") return inputs.accel;
  const { backend } = run;
  if (backend.kind === "libvirt" && backend.accel && backend.accel !== "auto") return backend.accel;
  let probe = probes.get(client);
  if (!probe) {
    probe = probeKvm(client, inputs, run);
    probes.set(client, probe);
    probe.catch(() => probes.delete(client));
  }
  return probe;
}

/** Domain types that the hypervisor says it can run for this architecture. */
export function offersKvm(capabilities: string): boolean {
  const guests = all(parseXml(capabilities), "guest");
  return guests.some(
    (guest) =>
      textOf(find(guest, "os_type")) === "hvm" &&
      attribute(find(guest, "arch"), "name") === "x86_64" &&
      all(find(guest, "arch"), "domain").some((domain) => attribute(domain, "type") === "kvm"),
  );
}

type ProbeRun = Pick<Run, "signal" | "now" | "progress" | "mark">;
type Identity = Pick<DomainInputs, "name" | "uuid">;

async function probeKvm(client: LibvirtClient, identity: Identity, run: ProbeRun): Promise<Accel> {
  if (!offersKvm(await client.capabilities())) return "tcg";
  run.progress("probing whether a guest boots under KVM");
  let domain: DomainRef | undefined;
  try {
    domain = await client.domainDefine(probeXml(identity, run));
    await client.domainStart(domain);
    return (await firmwareSpeaks(client, domain, run)) ? "kvm" : "tcg";
  } catch (error) {
    if (run.signal.aborted) throw error;
    return "tcg"; // QEMU itself gives up on such hosts
  } finally {
    if (domain) {
      await client.domainDestroy(domain).catch(() => {});
      await client.domainUndefine(domain).catch(() => {});
    }
  }
}

/** Without any disk the firmware starts again for ever: what is printed before we listen is printed once more. */
const probeXml = ({ name, uuid }: Identity, { mark }: ProbeRun): string =>
  render(
    element(
      "domain",
      { type: "kvm" },
      element("name", {}, name),
      element("uuid", {}, uuid),
      element("metadata", {}, markElement({ ...mark, probe: true })),
      element("memory", { unit: "MiB" }, 16),
      element("vcpu", {}, 1),
      element(
        "os",
        {},
        element("type", { arch: "x86_64", machine: "q35" }, "hvm"),
        element("bios", { useserial: "yes", rebootTimeout: 0 }),
      ),
      element("features", {}, element("acpi")),
      element("cpu", { mode: "host-passthrough" }),
      element("devices", {}, element("serial", { type: "pty" }), element("memballoon", { model: "none" })),
    ),
  );

async function firmwareSpeaks(client: LibvirtClient, domain: DomainRef, run: ProbeRun): Promise<boolean> {
  const console = await client.domainConsole(domain);
  const watch = stopwatch(run);
  let output = "";
  let ended = false;
  console.on("data", (data: Buffer) => {
    output = (output + data.toString("latin1")).slice(-MAX_OUTPUT);
  });
  console.once("close", () => {
    ended = true;
  });
  console.once("error", () => {
    ended = true;
  });
  try {
    while (!output.includes(MARKER) && !ended && watch.elapsedS() < PROBE_S) await watch.pause(100);
    return output.includes(MARKER);
  } finally {
    console.destroy();
  }
}
