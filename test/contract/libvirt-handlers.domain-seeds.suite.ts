import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Registry } from "../../kickstart/server/registry";
import type { DomainInputs, DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { readIso } from "../../providers/seed/iso9660";
import { keptIn } from "../../providers/seed/read-back";
import { cloudInit, domainBench, nic, POOL } from "./libvirt-handlers.domain-bench";
import { domain, type HandlerSystem, macOf, PREFIX, snapshot } from "./libvirt-handlers.lab";
import { newTrace } from "./libvirt-handlers.run";

export function domainSeedSuite(system: () => HandlerSystem): void {
  describe("domains with a seed or a template", () => {
    const { apply, client, preview, ref, remove, run, startsDuring } = domainBench(system);

    it("a dropped seed of a killed run goes when the next run wants none", async () => {
      await apply(domain("w1", { cloudInit, seedPool: POOL }));
      const state = await apply(domain("w1"));
      expect(Object.keys(await snapshot(client())).filter((key) => key.includes("seed"))).toEqual([]);
      expect(await preview(domain("w1"), state)).toEqual([]);
    });

    describe("cloud-init seeds", () => {
      const seeded = (more: Partial<DomainInputs> = {}) =>
        domain("w1", { cloudInit, seedPool: POOL, ...more });
      const seedRef = { pool: POOL, name: `${PREFIX}w1-seed.iso`, key: "" };
      const texts = async () => {
        const files = readIso(await client().volumeDownload(seedRef)) ?? [];
        return Object.fromEntries(files.map(({ name, data }) => [name, data.toString("utf8")]));
      };

      it("holds host name, user and keys, and tells the host key before the first boot", async () => {
        const state = await apply(seeded({ nics: [nic("a")] }));
        expect(state.sshHostKey).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\S+$/);
        const seed = await texts();
        expect(seed["meta-data"]).toContain("local-hostname: w1");
        expect(seed["user-data"]).toContain(cloudInit.sshKeys[0]);
        expect(seed["user-data"]).toContain(state.sshHostKey);
        expect(seed["network-config"]).toContain(macOf("a"));
        expect(JSON.stringify(state)).not.toContain("PRIVATE KEY");
      });

      it("keeps the host key through every edit, and goes in by a restart", async () => {
        const inputs = seeded({ running: true });
        const state = await apply(inputs);
        const edited = { ...inputs, hostName: "w9", cloudInit: { ...cloudInit, user: "you" } };
        expect(await preview(edited, state)).toEqual(["hostName restart", "cloudInit restart"]);
        let after: DomainState | undefined;
        expect(await startsDuring(async () => (after = await apply(edited, state)))).toBe(1);
        expect(after?.sshHostKey).toBe(state.sshHostKey);
        expect((await texts())["meta-data"]).toContain("local-hostname: w9");
        expect(await preview(edited, after as DomainState)).toEqual([]);
      });

      it("fills secrets in when it is sent, and never before", async () => {
        const canary = 'canary: "x"\n- y';
        const inputs = seeded({ cloudInit: { ...cloudInit, userData: { token: "a {{secret:pw}} b" } } });
        const trace = newTrace();
        const state = await apply(inputs, undefined, { secrets: { pw: canary }, trace });
        expect((await texts())["user-data"]).toContain("canary");
        expect(JSON.stringify([state, trace, await snapshot(client())])).not.toContain("canary");
        await expect(apply({ ...inputs, hostName: "w3" }, state)).rejects.toThrow(/no secret/);
      });

      it("is made again when it was cut off or deleted", async () => {
        const inputs = seeded({ running: false });
        const state = await apply(inputs);
        const whole = await client().volumeDownload(seedRef);
        await client().volumeDelete(seedRef);
        expect(await preview(inputs, state)).toEqual(["intact"]);
        const found = await client().poolByName(POOL);
        if (!found) throw new Error("no pool");
        const cut = await client().volumeCreate(
          found,
          `<volume><name>${seedRef.name}</name><capacity>${whole.length}</capacity><allocation>0</allocation></volume>`,
        );
        const half = whole.subarray(0, whole.length / 2);
        await client().volumeUpload(cut, Readable.from([half]), half.length);
        const after = await apply(inputs, state);
        expect((await texts())["user-data"]).toContain(after.sshHostKey);
        expect((await client().volumeDownload(seedRef)).length).toBe(whole.length);
      });

      describe("with a boot record", () => {
        const url = "http://10.199.0.1:8069";
        const recorded = (more: Partial<DomainInputs> = {}) =>
          seeded({ nics: [nic("a")], bootRecord: { url }, ...more });
        let folder = "";
        const boot = () => folder;
        beforeEach(() => {
          folder = mkdtempSync(join(tmpdir(), "labplan-boot-"));
          process.env.LABPLAN_BOOT_HOME = folder;
        });
        afterEach(() => {
          delete process.env.LABPLAN_BOOT_HOME;
          rmSync(folder, { recursive: true, force: true });
        });
        const registered = () => new Registry(boot()).current(macOf("a"));
        const tokenInSeed = async () => keptIn((await texts())["user-data"] ?? "").bootToken;

        it("trap kickstart-pxe#24: the token is in the seed and in the registry, and nowhere else", async () => {
          const trace = newTrace();
          const state = await apply(recorded(), undefined, { trace });
          const token = registered()?.token ?? "";
          expect(token).toMatch(/^[0-9a-f]{32}$/);
          expect(await tokenInSeed()).toBe(token);
          const { sshHostKey: hostKey } = state;
          expect(registered()).toMatchObject({ machine: "w1", purpose: "record", hostKey });
          expect(JSON.stringify([state, trace, await snapshot(client())])).not.toContain(token);
          expect(await preview(recorded(), state)).toEqual([]);
        });

        it("keeps the token through a killed run, an edit, and the loss of the registry", async () => {
          await expect(apply(recorded(), undefined, { dieAt: "2/6 define" })).rejects.toThrow();
          const token = await tokenInSeed();
          const state = await apply(recorded());
          expect(await tokenInSeed()).toBe(token);
          const edited = recorded({ hostName: "w9" });
          expect(await preview(edited, state)).toEqual(["hostName restart"]);
          const after = await apply(edited, state);
          expect(await tokenInSeed()).toBe(token);
          rmSync(boot(), { recursive: true });
          await apply(edited, after);
          expect([await tokenInSeed(), registered()?.token]).toEqual([token, token]);
        });

        it("ends it with the machine: the next one of that name has another", async () => {
          const state = await apply(recorded());
          const token = await tokenInSeed();
          await remove(state);
          expect(registered()).toBeUndefined();
          await apply(recorded());
          expect(await tokenInSeed()).not.toBe(token);
        });

        it("says in the preview that it cannot be without a seed", async () => {
          const { cloudInit: _, ...bare } = recorded();
          const problems = await domainDefinition.precheck?.(bare, run("w1"));
          expect(problems).toEqual([
            { field: "bootRecord", message: expect.stringContaining("no cloud-init") },
          ]);
        });
      });

      it("goes with its machine", async () => {
        const state = await apply(seeded());
        await remove(state);
        expect(Object.keys(await snapshot(client())).filter((key) => key.includes("seed"))).toEqual([]);
      });
    });

    describe("the user's own template", () => {
      const template = `<domain type='{{ domainType }}'><memory unit='MiB'>{{ memoryMiB }}</memory><vcpu>{{ cpus }}</vcpu>
        <os><type arch='x86_64' machine='q35'>hvm</type></os><description>{{ hostName }} &amp; more</description>
        <devices>{% for nic in nics %}<interface type='network'><mac address='{{ nic.mac }}'/><source network='{{ nic.network }}'/></interface>{% endfor %}
        <serial type='pty'/></devices></domain>`;

      it("decides everything else; an edit of it goes in by a restart", async () => {
        const inputs = domain("w1", { template, nics: [nic("a")], running: true });
        const state = await apply(inputs);
        expect(await preview(inputs, state)).toEqual([]);
        expect(await client().domainXml(ref("w1"))).toContain("w1 &amp; more");
        const edited = { ...inputs, template: template.replace("more", "less") };
        expect(await preview(edited, state)).toEqual(["template restart"]);
        await expect(apply(edited, state, { dieAt: "3/6 stop" })).rejects.toThrow();
        expect(await preview(edited, { ...state, ...edited })).toEqual(["template restart"]);
        const after = await apply(edited, state);
        expect(await client().domainXml(ref("w1"))).toContain("w1 &amp; less");
        expect(await preview(edited, after)).toEqual([]);
      });
    });
  });
}
