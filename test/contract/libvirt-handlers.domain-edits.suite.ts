import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import type { DomainRef } from "../../providers/libvirt/client";
import type { DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { encode } from "../../providers/libvirt/rpc/call";
import { RpcConnection } from "../../providers/libvirt/rpc/connection";
import { writeDomain } from "../../providers/libvirt/rpc/references";
import { openDriver } from "../../providers/libvirt/rpc/rpc-client";
import { disk, domainBench, nic } from "./libvirt-handlers.domain-bench";
import { domain, type HandlerSystem, macOf } from "./libvirt-handlers.lab";
import { newTrace } from "./libvirt-handlers.run";

export function domainEditSuite(system: () => HandlerSystem): void {
  describe("domains that are edited, here and outside", () => {
    const { apply, client, kept, live, power, preview, ref, remove, run, startsDuring } = domainBench(system);

    it("trap libvirt#46: a card and a kernel added to a running machine are in what runs, after one restart", async () => {
      const inputs = domain("w1", { running: true, nics: [nic("a")] });
      const state = await apply(inputs);
      const edited = {
        ...inputs,
        nics: [nic("a"), nic("b")],
        disks: [disk("one")],
        boot: ["network" as const],
      };
      expect(await preview(edited, state)).toEqual(["boot restart", "disks restart", "nics restart"]);
      let after: DomainState | undefined;
      expect(await startsDuring(async () => (after = await apply(edited, state)))).toBe(1);
      for (const facts of [await live(), await kept()]) {
        expect(facts.nics.map(({ mac }) => mac)).toEqual([macOf("a"), macOf("b")]);
        expect(facts.disks).toHaveLength(1);
        expect(facts.boot).toEqual(["network"]);
      }
      expect(await preview(edited, after as DomainState)).toEqual([]);
    });

    it("does not restart what needs none", async () => {
      const inputs = domain("w1", { running: true });
      const state = await apply(inputs);
      expect(await startsDuring(() => apply({ ...inputs, autostart: true }, state))).toBe(0);
      expect(await client().domainAutostart(ref("w1"))).toBe(true);
      expect(await startsDuring(() => apply(inputs, state))).toBe(0);
    });

    it("keeps the slots of the cards that stay, when others go", async () => {
      const inputs = domain("w1", { nics: [nic("a"), nic("b"), nic("c")] });
      const slotOf = async (mac: string) =>
        new RegExp(`<mac address='${mac}'/>[\\s\\S]*?bus='(0x[0-9a-f]+)'`).exec(
          await client().domainXml(ref("w1"), { inactive: true }),
        )?.[1];
      const state = await apply(inputs);
      const slot = await slotOf(macOf("c"));
      expect(slot).toBeDefined();
      const after = await apply({ ...inputs, nics: [nic("c")] }, state);
      expect(await slotOf(macOf("c"))).toBe(slot);
      expect(after.nics).toEqual([nic("c")]);
      expect((await kept()).nics).toHaveLength(1);
    });

    it("trap libvirt#47: a foreign card is no drift, and survives a redefinition", async () => {
      const inputs = domain("w1", { running: true, nics: [nic("a")] });
      const state = await apply(inputs);
      const foreign =
        "<interface type='network'><mac address='52:54:00:99:99:99'/><source network='lan'/><model type='virtio'/></interface>";
      await client().domainAttach(ref("w1"), foreign, "both");
      expect(await preview(inputs, state)).toEqual([]);
      const edited = { ...inputs, memoryMiB: 48, nics: [nic("b")] };
      const after = await apply(edited, state);
      expect(await preview(edited, after)).toEqual([]);
      for (const facts of [await live(), await kept()])
        expect(facts.nics.map(({ mac }) => mac).sort()).toEqual([macOf("b"), "52:54:00:99:99:99"].sort());
    });

    it("trap libvirt#48: memory, processors and description changed outside replace nothing", async () => {
      const inputs = domain("w1", { cpus: 2, memoryMiB: 64 });
      const state = await apply(inputs);
      const xml = await client().domainXml(ref("w1"), { inactive: true });
      await client().domainDefine(
        xml
          .replace(/(<memory[^>]*>)65536/, "$198304")
          .replace(/(<currentMemory[^>]*>)65536/, "$198304")
          .replace(/(<vcpu[^>]*>)2/, "$14")
          .replace("<metadata>", "<description>mine</description><metadata>"),
      );
      expect(await preview(inputs, state)).toEqual(["cpus restart", "memoryMiB restart"]);
      const after = await apply(inputs, state);
      expect(await preview(inputs, after)).toEqual([]);
      expect(await client().domainXml(ref("w1"), { inactive: true })).toContain(
        "<description>mine</description>",
      );
    });

    it("trap libvirt#50: a disk attached from outside any pool stops nothing, and stays where it is", async () => {
      const inputs = domain("w1", { disks: [disk("one")] });
      const state = await apply(inputs);
      const foreign =
        "<disk type='file' device='disk'><source file='/srv/elsewhere.img'/><target dev='vdb' bus='virtio'/></disk>";
      await client().domainAttach(ref("w1"), foreign, "config");
      expect(await preview(inputs, state)).toEqual([]);
      const edited = { ...inputs, disks: [disk("one"), disk("two")] };
      const after = await apply(edited, state);
      expect(await preview(edited, after)).toEqual([]);
      const facts = await kept();
      expect(facts.disks.map(({ target }) => target).sort()).toEqual(["vda", "vdb", "vdc"]);
      expect(facts.disks.find(({ target }) => target === "vdb")?.volume).toBeUndefined();
      const back = await apply(inputs, after);
      expect((await kept()).disks.map(({ target }) => target).sort()).toEqual(["vda", "vdb"]);
      expect(await preview(inputs, back)).toEqual([]);
    });

    it("trap libvirt#51: power actions, boot order, autostart and a stop from outside are seen and set back", async () => {
      const inputs = domain("w1", { running: true, boot: ["hd", "network"], autostart: true });
      const state = await apply(inputs);
      const xml = await client().domainXml(ref("w1"), { inactive: true });
      await client().domainDefine(
        xml
          .replace("<on_poweroff>destroy", "<on_poweroff>restart")
          .replace(/<boot dev='hd'\/>\s*<boot dev='network'\/>/, "<boot dev='network'/>"),
      );
      await client().domainSetAutostart(ref("w1"), false);
      await client().domainDestroy(ref("w1"));
      expect(await preview(inputs, state)).toEqual([
        "boot restart",
        "running live",
        "autostart live",
        "intact",
      ]);
      const after = await apply(inputs, state);
      expect(await preview(inputs, after)).toEqual([]);
      expect(await power()).toBe("running");
    });

    it("power actions that run already are set back without a restart", async () => {
      const inputs = domain("w1");
      const state = await apply(inputs);
      const xml = await client().domainXml(ref("w1"), { inactive: true });
      await client().domainDefine(xml.replace("<on_poweroff>destroy", "<on_poweroff>restart"));
      await client().domainStart(ref("w1"));
      const on = { ...inputs, running: true };
      let after: DomainState | undefined;
      expect(await startsDuring(async () => (after = await apply(on, state)))).toBe(0);
      expect(await preview(on, after as DomainState)).toEqual([]);
    });

    it("a change that waits for a restart is a change", async () => {
      const inputs = domain("w1", { running: true, cpus: 1 });
      const state = await apply(inputs);
      const edited = { ...inputs, cpus: 2 };
      await expect(apply(edited, state, { dieAt: "3/6 stop" })).rejects.toThrow();
      expect((await kept()).cpus).toBe(2);
      expect((await live()).cpus).toBe(1);
      expect(await preview(edited, { ...state, ...edited })).toEqual(["cpus restart"]);
      const after = await apply(edited, state);
      expect((await live()).cpus).toBe(2);
      expect(await preview(edited, after)).toEqual([]);
    });

    it("a paused machine neither runs nor is off", async () => {
      const inputs = domain("w1", { running: true });
      const state = await apply(inputs);
      await suspend(system().socket, ref("w1"));
      expect(await power()).toBe("paused");
      expect(await preview(inputs, state)).toEqual(["running live"]);
      await apply(inputs, state);
      expect(await power()).toBe("running");
      await suspend(system().socket, ref("w1"));
      const off = { ...inputs, running: false };
      expect(await preview(off, { ...state, running: false })).toEqual(["running live"]);
      await apply(off, state);
      expect(await power()).toBe("shutoff");
    });

    it("trap libvirt#52: one that does not start is no orphan: the next run mends it", async () => {
      const inputs = domain("w1", { running: true, kernel: { kernel: "/nowhere/vmlinuz" } });
      const trace = newTrace();
      const failed = await apply(inputs, undefined, { trace }).catch((error: Error) => error);
      if (!(failed instanceof Error)) return; // this system does not look at kernels
      expect(failed.message).toMatch(/is defined but does not start: .*resumes here/);
      expect(trace.saved).toMatchObject({ uuid: inputs.uuid, running: false });
      const { kernel, ...mended } = inputs;
      const state = await apply(mended, trace.saved as DomainState);
      expect(await preview(mended, state)).toEqual([]);
      expect(await power()).toBe("running");
    });

    it("trap libvirt#53: one that was undefined while running is removed without a word", async () => {
      const state = await apply(domain("w1", { running: true }));
      await client().domainUndefine(ref("w1"));
      expect(await power()).toBe("running");
      await remove(state);
      expect(await client().domains()).toEqual([]);
    });

    it("trap libvirt#54: one that was undefined while off is planned for creation", async () => {
      const inputs = domain("w1");
      const state = await apply(inputs);
      await client().domainUndefine(ref("w1"));
      expect(await preview(inputs, state)).toBe("gone");
      expect(await apply(inputs, state)).toEqual(state);
    });

    it("trap libvirt#37: a running machine is stopped before it is undefined", async () => {
      const state = await apply(domain("w1", { running: true, disks: [disk("one")] }));
      const trace = newTrace();
      await remove(state, { trace });
      expect(trace.steps).toEqual(["1/3 stop", "2/3 undefine", "3/3 delete the seed"]);
      expect(await client().domains()).toEqual([]);
    });

    it("trap libvirt#19: an existing domain is redefined under its UUID", async () => {
      const inputs = domain("w1");
      const state = await apply(inputs);
      const after = await apply({ ...inputs, memoryMiB: 64 }, state);
      expect(after.uuid).toBe(inputs.uuid);
      expect(await client().domains()).toHaveLength(1);
    });

    it("goes from UEFI to BIOS and back", async () => {
      const inputs = domain("w1", { firmware: "uefi", autostart: true });
      const state = await apply(inputs);
      const bios = { ...inputs, firmware: "bios" as const };
      expect(await preview(bios, state)).toEqual(["firmware restart"]);
      const after = await apply(bios, state);
      expect(await preview(bios, after)).toEqual([]);
      const back = await apply({ ...inputs, running: true }, after);
      expect(await preview({ ...inputs, running: true }, back)).toEqual([]);
      const last = await apply({ ...bios, running: true }, back);
      expect(await client().domainAutostart(ref("w1"))).toBe(true);
      await remove(last);
      expect((await system().list?.("/var/lib/libvirt/qemu/nvram")) ?? []).toEqual([]);
    });

    it("trap libvirt#9: auto gives KVM only where it is proven, keeps what a domain has, and leaves no probe", async () => {
      const inputs = domain("w1", { accel: "auto" });
      const state = await apply(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      expect(await client().domains()).toEqual([expect.objectContaining({ name: "w1" })]);
      const { type } = await kept();
      if (!(await client().capabilities()).includes("<domain type='kvm'")) expect(type).toBe("qemu");
      expect(await preview({ ...inputs, accel: "tcg" }, { ...state, accel: "tcg" })).toEqual(
        type === "qemu" ? [] : ["accel restart"],
      );
      expect(await startsDuring(() => apply({ ...inputs, memoryMiB: 64 }, state))).toBe(0);
    });

    it("takes the rest of a probe that was killed for nothing", async () => {
      const inputs = domain("w1");
      await client().domainDefine(
        `<domain type='qemu'><name>w1</name><uuid>${inputs.uuid}</uuid><metadata><m:mark xmlns:m='https://labplan.dev/mark' lab='ct8handl' stack='test' name='w1' probe='yes'/></metadata><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>`,
      );
      expect(await domainDefinition.observe(inputs, run("w1"))).toBeUndefined();
      const state = await apply(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      const xml = await client().domainXml(ref("w1"), { inactive: true });
      expect(xml).not.toContain("probe");
      expect(xml).toContain("/dev/urandom");
    });
  });
}

/** No call of the client's own: nothing of ours ever suspends a guest. */
async function suspend(socket: string, domain: DomainRef): Promise<void> {
  const rpc = await connectRpc(socket);
  await rpc.call(
    "domainSuspend",
    encode((writer) => writeDomain(writer, domain)),
  );
  rpc.close();
}

async function connectRpc(path: string): Promise<RpcConnection> {
  const rpc = new RpcConnection(connect(path), { label: "test" });
  await openDriver(rpc, "qemu:///system");
  return rpc;
}
