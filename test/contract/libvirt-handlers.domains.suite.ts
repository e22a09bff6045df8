import { connect } from "node:net";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { changesOf } from "../../providers/core/change";
import { BackendError, ForeignObjectError } from "../../providers/core/errors";
import type { DomainRef, LibvirtClient } from "../../providers/libvirt/client";
import { clientFor } from "../../providers/libvirt/clients";
import type { DomainInputs, DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import type { PoolInputs } from "../../providers/libvirt/pool";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import { encode } from "../../providers/libvirt/rpc/call";
import { RpcConnection } from "../../providers/libvirt/rpc/connection";
import { writeDomain } from "../../providers/libvirt/rpc/references";
import { openDriver } from "../../providers/libvirt/rpc/rpc-client";
import { readIso } from "../../providers/libvirt/seed/iso9660";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import { readDomain } from "../../providers/libvirt/xml/domain-facts";
import { parseXml } from "../../providers/libvirt/xml/parse";
import {
  domain,
  type HandlerSystem,
  macOf,
  network,
  PREFIX,
  pool,
  snapshot,
  uuidOf,
  volume,
  wipe,
} from "./libvirt-handlers.lab";
import { newTrace, type RunOptions, runOn, up } from "./libvirt-handlers.run";

export function domainSuite(system: () => HandlerSystem): void {
  describe("domains", () => {
    let client: LibvirtClient;
    let thePool: PoolInputs;

    beforeAll(async () => {
      client = await clientFor({ backend: system().backend });
      process.env.LABPLAN_SHUTDOWN_S = "0.5";
    });
    beforeEach(async () => {
      const backend = system().backend;
      thePool = pool("disks", system().folder);
      await up(poolDefinition, thePool, runOn(backend, { name: "disks" }));
      for (const name of ["one", "two"])
        await up(volumeDefinition, volume(name, thePool, { capacity: 1 << 20 }), runOn(backend, { name }));
      await up(networkDefinition, network("lan"), runOn(backend, { name: "lan" }));
    });
    afterEach(() => wipe(client));
    afterAll(() => {
      delete process.env.LABPLAN_SHUTDOWN_S;
    });

    const run = (name: string, options: RunOptions = {}) =>
      runOn<DomainState>(system().backend, { name, ...options });
    const apply = (inputs: DomainInputs, known?: DomainState, options: RunOptions = {}) =>
      up(domainDefinition, inputs, run(inputs.name, options), known);
    const remove = (state: DomainState, options: RunOptions = {}) =>
      domainDefinition.remove(state, run(state.name, options));
    const ref = (name: string): DomainRef => ({ name, uuid: uuidOf(name), id: -1 });
    const kept = async (name = "w1") =>
      readDomain(parseXml(await client.domainXml(ref(name), { inactive: true })));
    const live = async (name = "w1") => readDomain(parseXml(await client.domainXml(ref(name))));
    const power = (name = "w1") => client.domainState(ref(name));
    /** What a refresh and the preview after it would say. */
    async function preview(inputs: DomainInputs, state: DomainState) {
      const seen = await domainDefinition.observe(state, run(state.name), state);
      if (!seen) return "gone";
      const { fields, drifted } = changesOf(domainDefinition, { ...seen }, { ...inputs });
      return [
        ...fields.map((change) => `${change.field} ${change.class}`),
        ...drifted.map(({ field }) => field),
      ];
    }
    /** Every start of a domain while `work` goes on. */
    async function startsDuring(work: () => Promise<unknown>): Promise<number> {
      let starts = 0;
      const stop = await client.onDomainEvent((_, event) => {
        if (event === "started") starts++;
      });
      await work();
      await client.hostName(); // events before this answer have arrived
      await stop();
      return starts;
    }
    const disk = (name: string) => ({
      volume: `${PREFIX}${name}`,
      pool: `${PREFIX}disks`,
      format: "qcow2" as const,
    });
    const nic = (name: string) => ({ mac: macOf(name), network: "lan" });
    const cloudInit = { user: "me", sshKeys: ["ssh-ed25519 AAAAC3Nza me@home"] };

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
          seedPool: thePool.name,
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
      const before = await snapshot(client);
      const inputs = domain("w1", more());
      const state = await apply(inputs);
      expect(state).toMatchObject(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      expect(await power()).toBe("shutoff");
      await remove(state);
      expect(await snapshot(client)).toEqual(before);
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
      expect(await client.domainAutostart(ref("w1"))).toBe(true);
      expect(await startsDuring(() => apply(inputs, state))).toBe(0);
    });

    it("keeps the slots of the cards that stay, when others go", async () => {
      const inputs = domain("w1", { nics: [nic("a"), nic("b"), nic("c")] });
      const slotOf = async (mac: string) =>
        new RegExp(`<mac address='${mac}'/>[\\s\\S]*?bus='(0x[0-9a-f]+)'`).exec(
          await client.domainXml(ref("w1"), { inactive: true }),
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
      await client.domainAttach(ref("w1"), foreign, "both");
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
      const xml = await client.domainXml(ref("w1"), { inactive: true });
      await client.domainDefine(
        xml
          .replace(/(<memory[^>]*>)65536/, "$198304")
          .replace(/(<currentMemory[^>]*>)65536/, "$198304")
          .replace(/(<vcpu[^>]*>)2/, "$14")
          .replace("<metadata>", "<description>mine</description><metadata>"),
      );
      expect(await preview(inputs, state)).toEqual(["cpus restart", "memoryMiB restart"]);
      const after = await apply(inputs, state);
      expect(await preview(inputs, after)).toEqual([]);
      expect(await client.domainXml(ref("w1"), { inactive: true })).toContain(
        "<description>mine</description>",
      );
    });

    it("trap libvirt#50: a disk attached from outside any pool stops nothing, and stays where it is", async () => {
      const inputs = domain("w1", { disks: [disk("one")] });
      const state = await apply(inputs);
      const foreign =
        "<disk type='file' device='disk'><source file='/srv/elsewhere.img'/><target dev='vdb' bus='virtio'/></disk>";
      await client.domainAttach(ref("w1"), foreign, "config");
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
      const xml = await client.domainXml(ref("w1"), { inactive: true });
      await client.domainDefine(
        xml
          .replace("<on_poweroff>destroy", "<on_poweroff>restart")
          .replace(/<boot dev='hd'\/>\s*<boot dev='network'\/>/, "<boot dev='network'/>"),
      );
      await client.domainSetAutostart(ref("w1"), false);
      await client.domainDestroy(ref("w1"));
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
      const xml = await client.domainXml(ref("w1"), { inactive: true });
      await client.domainDefine(xml.replace("<on_poweroff>destroy", "<on_poweroff>restart"));
      await client.domainStart(ref("w1"));
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
      await client.domainUndefine(ref("w1"));
      expect(await power()).toBe("running");
      await remove(state);
      expect(await client.domains()).toEqual([]);
    });

    it("trap libvirt#54: one that was undefined while off is planned for creation", async () => {
      const inputs = domain("w1");
      const state = await apply(inputs);
      await client.domainUndefine(ref("w1"));
      expect(await preview(inputs, state)).toBe("gone");
      expect(await apply(inputs, state)).toEqual(state);
    });

    it("trap libvirt#37: a running machine is stopped before it is undefined", async () => {
      const state = await apply(domain("w1", { running: true, disks: [disk("one")] }));
      const trace = newTrace();
      await remove(state, { trace });
      expect(trace.steps).toEqual(["1/3 stop", "2/3 undefine", "3/3 delete the seed"]);
      expect(await client.domains()).toEqual([]);
    });

    it("trap libvirt#19: an existing domain is redefined under its UUID", async () => {
      const inputs = domain("w1");
      const state = await apply(inputs);
      const after = await apply({ ...inputs, memoryMiB: 64 }, state);
      expect(after.uuid).toBe(inputs.uuid);
      expect(await client.domains()).toHaveLength(1);
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
      expect(await client.domainAutostart(ref("w1"))).toBe(true);
      await remove(last);
      expect((await system().list?.("/var/lib/libvirt/qemu/nvram")) ?? []).toEqual([]);
    });

    it("trap libvirt#9: auto gives KVM only where it is proven, keeps what a domain has, and leaves no probe", async () => {
      const inputs = domain("w1", { accel: "auto" });
      const state = await apply(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      expect(await client.domains()).toEqual([expect.objectContaining({ name: "w1" })]);
      const { type } = await kept();
      if (!(await client.capabilities()).includes("<domain type='kvm'")) expect(type).toBe("qemu");
      expect(await preview({ ...inputs, accel: "tcg" }, { ...state, accel: "tcg" })).toEqual(
        type === "qemu" ? [] : ["accel restart"],
      );
      expect(await startsDuring(() => apply({ ...inputs, memoryMiB: 64 }, state))).toBe(0);
    });

    it("takes the rest of a probe that was killed for nothing", async () => {
      const inputs = domain("w1");
      await client.domainDefine(
        `<domain type='qemu'><name>w1</name><uuid>${inputs.uuid}</uuid><metadata><m:mark xmlns:m='https://labplan.dev/mark' lab='ct8handl' stack='test' name='w1' probe='yes'/></metadata><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>`,
      );
      expect(await domainDefinition.observe(inputs, run("w1"))).toBeUndefined();
      const state = await apply(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      const xml = await client.domainXml(ref("w1"), { inactive: true });
      expect(xml).not.toContain("probe");
      expect(xml).toContain("/dev/urandom");
    });

    describe("cloud-init seeds", () => {
      const seeded = (more: Partial<DomainInputs> = {}) =>
        domain("w1", { cloudInit, seedPool: `${PREFIX}disks`, ...more });
      const seedRef = { pool: `${PREFIX}disks`, name: `${PREFIX}w1-seed.iso`, key: "" };
      const texts = async () => {
        const files = readIso(await client.volumeDownload(seedRef)) ?? [];
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
        expect(JSON.stringify([state, trace, await snapshot(client)])).not.toContain("canary");
        await expect(apply({ ...inputs, hostName: "w3" }, state)).rejects.toThrow(/no secret/);
      });

      it("is made again when it was cut off or deleted", async () => {
        const inputs = seeded({ running: false });
        const state = await apply(inputs);
        const whole = await client.volumeDownload(seedRef);
        await client.volumeDelete(seedRef);
        expect(await preview(inputs, state)).toEqual(["intact"]);
        const found = await client.poolByName(thePool.name);
        if (!found) throw new Error("no pool");
        const cut = await client.volumeCreate(
          found,
          `<volume><name>${seedRef.name}</name><capacity>${whole.length}</capacity><allocation>0</allocation></volume>`,
        );
        const half = whole.subarray(0, whole.length / 2);
        await client.volumeUpload(cut, Readable.from([half]), half.length);
        const after = await apply(inputs, state);
        expect((await texts())["user-data"]).toContain(after.sshHostKey);
        expect((await client.volumeDownload(seedRef)).length).toBe(whole.length);
      });

      it("goes with its machine", async () => {
        const state = await apply(seeded());
        await remove(state);
        expect(Object.keys(await snapshot(client)).filter((key) => key.includes("seed"))).toEqual([]);
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
        expect(await client.domainXml(ref("w1"))).toContain("w1 &amp; more");
        const edited = { ...inputs, template: template.replace("more", "less") };
        expect(await preview(edited, state)).toEqual(["template restart"]);
        await expect(apply(edited, state, { dieAt: "3/6 stop" })).rejects.toThrow();
        expect(await preview(edited, { ...state, ...edited })).toEqual(["template restart"]);
        const after = await apply(edited, state);
        expect(await client.domainXml(ref("w1"))).toContain("w1 &amp; less");
        expect(await preview(edited, after)).toEqual([]);
      });
    });

    describe("domains of others", () => {
      const theirs = (name: string) =>
        client.domainDefine(
          `<domain type='qemu'><name>${name}</name><memory unit='MiB'>24</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices><memballoon model='none'/></devices></domain>`,
        );

      it("are never touched", async () => {
        await client.domainStart(await theirs("w1"));
        const before = await snapshot(client);
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
        expect(await snapshot(client)).toEqual(before);
      });

      it("of another stack are not adopted either", async () => {
        const inputs = domain("w1", { adopt: true });
        await apply(domain("w1"), undefined, { mark: { stack: "other" } });
        const before = await snapshot(client);
        expect(await domainDefinition.precheck?.(inputs, run("w1"))).toEqual([
          { field: "name", message: expect.stringContaining("belongs to ct8handl/other/w1") },
        ]);
        await expect(apply(inputs)).rejects.toThrow(ForeignObjectError);
        expect(await snapshot(client)).toEqual(before);
      });

      it("are adopted when told so, keep what we do not know, and are released as they are", async () => {
        const foreign = await theirs("w1");
        await client.domainStart(foreign);
        const inputs = domain("w1", { adopt: true, running: true, memoryMiB: 24, accel: "auto" });
        expect(await domainDefinition.precheck?.(inputs, run("w1"))).toEqual([]);
        let state: DomainState | undefined;
        expect(await startsDuring(async () => (state = await apply(inputs)))).toBe(0);
        expect(state).toMatchObject({ adopted: true, uuid: inputs.uuid });
        expect(await preview(inputs, state as DomainState)).toEqual([]);
        for (const inactive of [true, false])
          expect(await client.domainXml(foreign, { inactive })).toContain("adopted=");
        const edited = { ...inputs, memoryMiB: 40 };
        const after = await apply(edited, state);
        await remove(after);
        const [left] = await client.domains();
        expect(left).toMatchObject({ name: "w1", uuid: foreign.uuid });
        const xml = await client.domainXml(foreign);
        expect(xml).not.toContain("labplan");
        expect(readDomain(parseXml(xml)).memoryMiB).toBe(40);
        expect(await client.domainState(foreign)).toBe("running");
      });

      it("that were adopted are deleted when told so", async () => {
        await theirs("w1");
        const state = await apply(domain("w1", { adopt: true, memoryMiB: 24, onDestroy: "delete" }));
        await remove(state);
        expect(await client.domains()).toEqual([]);
      });
    });

    it("a dropped seed of a killed run goes when the next run wants none", async () => {
      await apply(domain("w1", { cloudInit, seedPool: thePool.name }));
      const state = await apply(domain("w1"));
      expect(Object.keys(await snapshot(client)).filter((key) => key.includes("seed"))).toEqual([]);
      expect(await preview(domain("w1"), state)).toEqual([]);
    });

    it("waits until the machine lets us in, and tells how to get there", async () => {
      if (!system().guestsBoot) return;
      const inputs = domain("w1", {
        running: true,
        cloudInit,
        seedPool: thePool.name,
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

    it("says who, what and next when no lease comes", async () => {
      if (system().guestsBoot) return;
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
