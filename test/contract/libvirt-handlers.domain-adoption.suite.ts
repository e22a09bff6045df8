import { describe, expect, it } from "vitest";
import { ForeignObjectError } from "../../providers/core/errors";
import type { DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { readDomain } from "../../providers/libvirt/xml/domain-facts";
import { parseXml } from "../../providers/libvirt/xml/parse";
import { domainBench } from "./libvirt-handlers.domain-bench";
import { domain, type HandlerSystem, snapshot } from "./libvirt-handlers.lab";

export function domainAdoptionSuite(system: () => HandlerSystem): void {
  describe("domains that others made", () => {
    const { apply, client, preview, remove, run, startsDuring } = domainBench(system);

    describe("domains of others", () => {
      const theirs = (name: string) =>
        client().domainDefine(
          `<domain type='qemu'><name>${name}</name><memory unit='MiB'>24</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices><memballoon model='none'/></devices></domain>`,
        );

      it("are never touched", async () => {
        await client().domainStart(await theirs("w1"));
        const before = await snapshot(client());
        const inputs = domain("w1", { running: true });
        expect(await domainDefinition.precheck?.(inputs, run("w1"))).toEqual([
          {
            field: "name",
            message: expect.stringMatching(/domain "w1" exists and was not made by this lab/),
          },
        ]);
        expect(await domainDefinition.observe(inputs, run("w1"))).toBeUndefined();
        await expect(apply(inputs)).rejects.toThrow(ForeignObjectError);
        await remove({ ...inputs, intact: true });
        expect(await snapshot(client())).toEqual(before);
      });

      it("of another stack are not adopted either", async () => {
        const inputs = domain("w1", { adopt: true });
        await apply(domain("w1"), undefined, { mark: { stack: "other" } });
        const before = await snapshot(client());
        expect(await domainDefinition.precheck?.(inputs, run("w1"))).toEqual([
          { field: "name", message: expect.stringContaining("belongs to ct8handl/other/w1") },
        ]);
        await expect(apply(inputs)).rejects.toThrow(ForeignObjectError);
        expect(await snapshot(client())).toEqual(before);
      });

      it("are adopted when told so, keep what we do not know, and are released as they are", async () => {
        const foreign = await theirs("w1");
        await client().domainStart(foreign);
        const inputs = domain("w1", { adopt: true, running: true, memoryMiB: 24, accel: "auto" });
        expect(await domainDefinition.precheck?.(inputs, run("w1"))).toEqual([]);
        let state: DomainState | undefined;
        expect(await startsDuring(async () => (state = await apply(inputs)))).toBe(0);
        expect(state).toMatchObject({ adopted: true, uuid: inputs.uuid });
        expect(await preview(inputs, state as DomainState)).toEqual([]);
        for (const inactive of [true, false])
          expect(await client().domainXml(foreign, { inactive })).toContain("adopted=");
        const edited = { ...inputs, memoryMiB: 40 };
        const after = await apply(edited, state);
        await remove(after);
        const [left] = await client().domains();
        expect(left).toMatchObject({ name: "w1", uuid: foreign.uuid });
        const xml = await client().domainXml(foreign);
        expect(xml).not.toContain("labplan");
        expect(readDomain(parseXml(xml)).memoryMiB).toBe(40);
        expect(await client().domainState(foreign)).toBe("running");
      });

      it("that were adopted are deleted when told so", async () => {
        await theirs("w1");
        const state = await apply(domain("w1", { adopt: true, memoryMiB: 24, onDestroy: "delete" }));
        await remove(state);
        expect(await client().domains()).toEqual([]);
      });
    });
  });
}
