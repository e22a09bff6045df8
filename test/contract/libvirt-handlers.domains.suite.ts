import { describe, expect, it } from "vitest";
import { BackendError } from "../../providers/core/errors";
import type { DomainInputs, DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { cloudInit, disk, domainBench, nic, POOL } from "./libvirt-handlers.domain-bench";
import { domain, type HandlerSystem, snapshot, uuidOf } from "./libvirt-handlers.lab";
import { newTrace, runOn } from "./libvirt-handlers.run";

export function domainSuite(system: () => HandlerSystem): void {
  describe("domains", () => {
    const { apply, client, power, preview, remove, startsDuring } = domainBench(system);

    const shapes: [string, () => Partial<DomainInputs>][] = [
      ["without anything", () => ({})],
      [
        "with disks on every bus",
        () => ({
          disks: [
            { ...disk("one"), bus: "scsi" },
            { ...disk("two"), bus: "sata" },
          ],
        }),
      ],
      [
        "with a disk, two cards and a seed",
        () => ({
          disks: [disk("one")],
          nics: [nic("a"), { ...nic("b"), model: "e1000e" }],
          cloudInit,
          seedPool: POOL,
        }),
      ],
      [
        "with a drive",
        () => ({ disks: [{ ...disk("one"), format: "iso", device: "cdrom" }], boot: ["cdrom", "network"] }),
      ],
      ["with UEFI", () => ({ firmware: "uefi" })],
      [
        "with a kernel",
        () => ({ kernel: { kernel: "/boot/vmlinuz", initrd: "/boot/initrd", cmdline: "a=1 b='<&>'" } }),
      ],
      ["with more processors", () => ({ cpus: 3, memoryMiB: 100, autostart: true })],
    ];
    it.each(shapes)("makes one %s, sees nothing to change, removes it", async (_, more) => {
      const before = await snapshot(client());
      const inputs = domain("w1", more());
      const state = await apply(inputs);
      expect(state).toMatchObject(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      expect(await power()).toBe("shutoff");
      await remove(state);
      expect(await snapshot(client())).toEqual(before);
      await remove(state);
    });

    it("trap libvirt#55: one that is meant to be off is never started, not even once", async () => {
      expect(await startsDuring(() => apply(domain("w1", { disks: [disk("one")] })))).toBe(0);
      expect(await startsDuring(() => apply(domain("w2", { running: true })))).toBe(1);
    });

    it("trap libvirt#44: an edit of one that is off leaves it off", async () => {
      const inputs = domain("w1");
      const state = await apply(inputs);
      const edited = { ...inputs, autostart: true, memoryMiB: 48, nics: [nic("a")] };
      expect(await preview(edited, state)).toEqual(["memoryMiB restart", "nics restart", "autostart live"]);
      let after: DomainState | undefined;
      expect(await startsDuring(async () => (after = await apply(edited, state)))).toBe(0);
      expect(await power()).toBe("shutoff");
      expect(await preview(edited, after as DomainState)).toEqual([]);
    });

    it("trap libvirt#45: running true and false mean it, both ways", async () => {
      const off = domain("w1");
      const on = { ...off, running: true };
      const first = await apply(off);
      expect(await preview(on, first)).toEqual(["running live"]);
      const second = await apply(on, first);
      expect(await power()).toBe("running");
      expect(await preview(on, second)).toEqual([]);
      const third = await apply(off, second);
      expect(await power()).toBe("shutoff");
      expect(await preview(off, third)).toEqual([]);
    });

    it("waits until the machine lets us in, and tells how to get there", async () => {
      if (!system().guestsBoot) return;
      const inputs = domain("w1", {
        running: true,
        cloudInit,
        seedPool: POOL,
        nics: [nic("a")],
        wait: { for: "ssh", timeoutS: 30 },
      });
      const state = await apply(inputs);
      expect(state).toMatchObject({ address: expect.any(String), sshPort: expect.any(Number) });
      expect(state.sshHostKey).toMatch(/^ssh-ed25519 /);
      expect(await preview(inputs, state)).toEqual([]);
      const { cloudInit: _, seedPool, ...keyless } = inputs;
      expect((await apply({ ...keyless, uuid: uuidOf("w2"), name: "w2" })).sshHostKey).toMatch(
        /^ssh-ed25519 /,
      );
    });

    it("a hypervisor that cannot be reached says nothing about what exists there", async () => {
      const nowhere = runOn<DomainState>({
        kind: "libvirt",
        uri: "qemu+unix:///system?socket=/nowhere/at/all",
      });
      const inputs = domain("w1");
      await expect(domainDefinition.observe(inputs, nowhere, { ...inputs, intact: true })).rejects.toThrow(
        BackendError,
      );
      await expect(domainDefinition.remove({ ...inputs, intact: true }, nowhere)).rejects.toThrow(
        BackendError,
      );
    });

    it("trap pulumi-dynamic#30: says who, what and next when no lease comes by its own deadline", async (test) => {
      test.skip(system().guestsBoot, "guests boot here, and take their lease within the second");
      const inputs = domain("w1", { running: true, nics: [nic("a")], wait: { for: "address", timeoutS: 1 } });
      const trace = newTrace();
      await expect(apply(inputs, undefined, { trace })).rejects.toThrow(
        /^w1: no DHCP lease on network "lan" within 1 s; last state running\. /,
      );
      expect(trace.saved).toMatchObject({ running: true });
      const { wait, ...rest } = inputs;
      expect(
        await preview({ ...rest, wait: { for: "none" } }, { ...inputs, wait: { for: "none" }, intact: true }),
      ).toEqual([]);
    });
  });
}
