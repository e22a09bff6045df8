import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { changesOf } from "../../providers/core/change";
import { ForeignObjectError } from "../../providers/core/errors";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { clientFor } from "../../providers/libvirt/clients";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import type { PoolInputs, PoolState } from "../../providers/libvirt/pool";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import type { VolumeInputs, VolumeState } from "../../providers/libvirt/volume";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import {
  domain,
  type HandlerSystem,
  PREFIX,
  pool,
  snapshot,
  uuidOf,
  volume,
  wipe,
} from "./libvirt-handlers.lab";
import { newTrace, runOn, up } from "./libvirt-handlers.run";

const MiB = 1 << 20;
const sha256 = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** An empty qcow2 image of version 2, as small as one can be. */
function qcow2(virtualSize: number): Buffer {
  const image = Buffer.alloc(4 * 65536);
  image.writeUInt32BE(0x514649fb, 0);
  image.writeUInt32BE(2, 4);
  image.writeUInt32BE(16, 20); // 64 KiB clusters
  image.writeBigUInt64BE(BigInt(virtualSize), 24);
  image.writeUInt32BE(1, 36); // one L1 entry …
  image.writeBigUInt64BE(65536n, 40); // … in the second cluster
  image.writeBigUInt64BE(2n * 65536n, 48); // refcount table in the third
  image.writeUInt32BE(1, 56);
  image.writeBigUInt64BE(3n * 65536n, 2 * 65536); // its one block in the fourth
  for (let cluster = 0; cluster < 4; cluster++) image.writeUInt16BE(1, 3 * 65536 + 2 * cluster);
  return image;
}

export function storageSuite(system: () => HandlerSystem): void {
  describe("pools and volumes", () => {
    let client: LibvirtClient;
    let thePool: PoolInputs;
    let server: Server;
    let url: string;
    let seenAuthorization: string | undefined;
    const served = new Map<string, { body: Buffer; headers?: Record<string, string>; cutAt?: number }>();
    let files: string;

    const run = <S>(name: string, options: Parameters<typeof runOn>[1] = {}) =>
      runOn<S>(system().backend, { name, ...options });
    const apply = (inputs: VolumeInputs, known?: VolumeState, options: Parameters<typeof runOn>[1] = {}) =>
      up(volumeDefinition, inputs, run<VolumeState>(inputs.name, options), known);
    const applyPool = (inputs: PoolInputs, known?: PoolState) =>
      up(poolDefinition, inputs, run<PoolState>(inputs.name), known);
    const refresh = (state: VolumeState) =>
      volumeDefinition.observe(state, run<VolumeState>(state.name), state);
    async function preview(inputs: VolumeInputs, state: VolumeState) {
      const seen = await refresh(state);
      if (!seen) return "gone";
      const { fields, drifted } = changesOf(volumeDefinition, { ...seen }, { ...inputs });
      return [
        ...fields.map((change) => `${change.field} ${change.class}`),
        ...drifted.map(({ field }) => field),
      ];
    }
    const file = (name: string, content: Buffer): { path: string } => {
      writeFileSync(join(files, name), content);
      return { path: join(files, name) };
    };
    const names = async () => {
      const found = await client.poolByName(thePool.name);
      if (!found) throw new Error("no pool");
      await client.poolRefresh(found);
      return (await client.volumes(found)).map(({ name }) => name).sort();
    };
    const contentOf = (inputs: VolumeInputs) =>
      client.volumeDownload({ pool: inputs.pool, name: inputs.name, key: "" });

    beforeAll(async () => {
      files = mkdtempSync(join(tmpdir(), "labplan-images-"));
      client = await clientFor({ backend: system().backend });
      server = createServer((request, response) => {
        const found = served.get(new URL(request.url ?? "", "http://x").pathname);
        seenAuthorization = request.headers.authorization;
        if (!found) return void response.writeHead(404).end("no");
        response.writeHead(200, found.headers ?? { "content-length": found.body.length });
        if (found.cutAt === undefined) return void response.end(found.body);
        response.write(found.body.subarray(0, found.cutAt), () => response.destroy());
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    beforeEach(async () => {
      thePool = pool("disks", system().folder);
      await applyPool(thePool);
    });
    afterEach(() => wipe(client));
    afterAll(() => {
      server.close();
      rmSync(files, { recursive: true, force: true });
    });

    it("trap libvirt#35: makes a pool with its folder, sees nothing to change, removes both", async () => {
      const inputs = pool("more", system().folder);
      const state = await applyPool(inputs);
      expect(state).toEqual({ ...inputs, active: true });
      expect(await poolDefinition.observe(inputs, run<PoolState>("more"), state)).toEqual(state);
      const ref = { name: inputs.name, uuid: inputs.uuid };
      expect(await client.poolAutostart(ref)).toBe(true);
      await client.poolDestroy(ref);
      const stopped = await poolDefinition.observe(inputs, run<PoolState>("more"), state);
      expect(changesOf(poolDefinition, { ...stopped }, { ...inputs }).drifted).toHaveLength(1);
      expect(await applyPool(inputs, state)).toEqual(state);
      await poolDefinition.remove(state, run<PoolState>("more"));
      expect(await client.poolByName(inputs.name)).toBeUndefined();
      expect(await poolDefinition.observe(inputs, run<PoolState>("more"), state)).toBeUndefined();
      await poolDefinition.remove(state, run<PoolState>("more"));
    });

    it("a full disk at the hypervisor: says so, keeps nothing half-made, and goes on when there is room", async (test) => {
      const { limit } = system();
      if (!limit) return test.skip(true, "the embedded lab has no disk of its own to fill");
      const small = pool("small", system().folder);
      const smallState = await applyPool(small);
      await limit(small.path, 2);
      const content = Buffer.alloc(4 * MiB, 7);
      const inputs = volume("big", small, {
        format: "raw",
        source: file("big.raw", content),
        checksum: sha256(content),
      });
      const trace = newTrace();
      await expect(apply(inputs, undefined, { trace })).rejects.toThrow(/big.*No space left on device/s);
      const left = trace.saved as VolumeState | undefined;
      expect(left?.complete ?? false).toBe(false);

      await limit(small.path, 16);
      const state = await apply(inputs, left);
      expect(state.complete).toBe(true);
      expect((await contentOf(inputs)).equals(content)).toBe(true);
      expect(await preview(inputs, state)).toEqual([]);
      await volumeDefinition.remove(state, run<VolumeState>(inputs.name));
      await limit(small.path);
      await poolDefinition.remove(smallState, run<PoolState>("small"));
    });

    it("keeps what others put into the pool's folder, and says so", async () => {
      const ref = await client.poolByName(thePool.name);
      if (!ref) throw new Error("no pool");
      const xml = "<volume><name>theirs.raw</name><capacity>512</capacity></volume>";
      await client.volumeCreate(ref, xml);
      const trace = newTrace();
      await poolDefinition.remove({ ...thePool, active: true }, run<PoolState>("disks", { trace }));
      expect(trace.said).toEqual([expect.stringContaining("theirs.raw")]);
      await applyPool(thePool);
      expect(await names()).toEqual(["theirs.raw"]);
    });

    it("adopts a pool of the user's, and leaves it as it is", async () => {
      const theirs = { ...pool("x", system().folder), name: "theirs" };
      await expect(applyPool(theirs)).rejects.toThrow(/must begin with "lp-ct8handl-test-"/);
      const path = `${system().folder}/theirs`;
      const xml = `<pool type='dir'><name>theirs</name><target><path>${path}</path></target></pool>`;
      const ref = await client.poolDefine(xml);
      await client.poolBuild(ref);
      const problems = await poolDefinition.precheck?.({ ...theirs, path }, run<PoolState>("x"));
      expect(problems).toEqual([{ field: "name", message: expect.stringContaining("adopt: true") }]);
      const state = await applyPool({ ...theirs, path, adopt: true });
      expect(state).toMatchObject({ active: true, adopted: true, uuid: theirs.uuid });
      expect(
        await poolDefinition.observe({ ...theirs, path, adopt: true }, run<PoolState>("x"), state),
      ).toEqual(state);
      await poolDefinition.remove(state, run<PoolState>("x"));
      expect((await client.poolInfo(ref)).active).toBe(true);
    });

    it.each(["qcow2", "raw"] as const)("makes a blank %s disk, grows it, removes it", async (format) => {
      const inputs = volume("disk", thePool, { format, capacity: MiB });
      const state = await apply(inputs);
      expect(state).toEqual({ ...inputs, path: `${thePool.path}/${inputs.name}`, complete: true });
      expect(await preview(inputs, state)).toEqual([]);
      const larger = { ...inputs, capacity: 3 * MiB };
      expect(await preview(larger, state)).toEqual(["capacity live"]);
      const grown = await apply(larger, state);
      expect(await preview(larger, grown)).toEqual([]);
      expect((await client.volumeInfo({ pool: thePool.name, name: inputs.name, key: "" })).capacity).toBe(
        BigInt(3 * MiB),
      );
      await volumeDefinition.remove(grown, run<VolumeState>("disk"));
      await volumeDefinition.remove(grown, run<VolumeState>("disk"));
      expect(await names()).toEqual([]);
      expect(await preview(larger, grown)).toBe("gone");
    });

    it("never shrinks a disk: refused in the preview, and again when asked to", async () => {
      const inputs = volume("disk", thePool, { capacity: 3 * MiB });
      const state = await apply(inputs);
      const smaller = { ...inputs, capacity: MiB };
      expect(volumeDefinition.refuse?.(smaller, inputs)).toEqual([
        { field: "capacity", message: expect.stringMatching(/is 3 MiB large and never shrinks/) },
      ]);
      expect(volumeDefinition.refuse?.({ ...smaller, backing: "other" }, inputs)).toEqual([]);
      await expect(apply(smaller, state)).rejects.toThrow(/never shrinks/);
      expect(await preview(inputs, state)).toEqual([]);
    });

    it("sees a disk that somebody grew outside", async () => {
      const inputs = volume("disk", thePool, { capacity: MiB });
      const state = await apply(inputs);
      await client.volumeResize({ pool: thePool.name, name: inputs.name, key: "" }, 2 * MiB);
      expect(await refresh(state)).toMatchObject({ capacity: 2 * MiB });
    });

    it("grows the disk of a running machine through the machine", async () => {
      const inputs = volume("disk", thePool, { capacity: MiB });
      const state = await apply(inputs);
      const machine = domain("w1", {
        disks: [{ volume: inputs.name, pool: thePool.name, format: "qcow2" }],
        running: true,
      });
      await up(domainDefinition, machine, runOn(system().backend, { name: "w1" }));
      const larger = { ...inputs, capacity: 5 * MiB };
      const grown = await apply(larger, state);
      expect(await preview(larger, grown)).toEqual([]);
      expect(await client.domainState({ name: "w1", uuid: machine.uuid, id: -1 })).toBe("running");
    });

    it("does not meddle with a stranger's running machine to grow a disk", async () => {
      const inputs = volume("disk", thePool, { capacity: MiB });
      const state = await apply(inputs);
      const machine = domain("w1", {
        disks: [{ volume: inputs.name, pool: thePool.name, format: "qcow2" }],
        running: true,
      });
      await up(domainDefinition, machine, runOn(system().backend, { name: "w1", mark: { lab: "another1" } }));
      await expect(apply({ ...inputs, capacity: 5 * MiB }, state)).rejects.toThrow(ForeignObjectError);
      expect(await preview(inputs, state)).toEqual([]);
    });

    it("uploads a file with its checksum, and shows how far it is", async () => {
      const content = Buffer.alloc(3 * MiB, "x");
      const source = file("base.raw", content);
      const inputs = volume("base", thePool, { format: "raw", source, checksum: sha256(content) });
      const trace = newTrace();
      const state = await apply(inputs, undefined, { trace });
      expect(state).toMatchObject({ complete: true });
      expect(trace.progress).toContain("[3/4 upload] 100 % of 3 MiB");
      expect((await contentOf(inputs)).equals(content)).toBe(true);
      expect(await preview(inputs, state)).toEqual([]);
      await volumeDefinition.remove(state, run<VolumeState>("base"));
      expect(await names()).toEqual([]);
    });

    it("trap libvirt#36: makes an overlay of an image, as large as wanted and never smaller", async () => {
      const image = qcow2(2 * MiB);
      served.set("/base.qcow2", { body: image });
      const source = { url: `${url}/base.qcow2` };
      const base = volume("base", thePool, { source, checksum: sha256(image) });
      const baseState = await apply(base);
      expect(await preview(base, baseState)).toEqual([]);
      const overlay = volume("disk", thePool, { backing: base.name, capacity: 4 * MiB });
      const state = await apply(overlay);
      expect(state).toMatchObject({ backing: base.name, capacity: 4 * MiB });
      expect(await preview(overlay, state)).toEqual([]);
      const asLarge = await apply(volume("same", thePool, { backing: base.name }));
      expect((await client.volumeInfo({ pool: thePool.name, name: asLarge.name, key: "" })).capacity).toBe(
        BigInt(2 * MiB),
      );
      await expect(apply(volume("tiny", thePool, { backing: base.name, capacity: MiB }))).rejects.toThrow(
        /1 MiB are less than its image .* has \(2 MiB\)/,
      );
      await expect(apply(volume("lost", thePool, { backing: `${PREFIX}nothing` }))).rejects.toThrow(
        /its image .* is not in the pool/,
      );
    });

    it("makes a full copy of an image, as large as wanted, which stays when the image goes", async () => {
      const content = Buffer.alloc(2 * MiB, "image");
      const source = file("base.raw", content);
      const base = volume("base", thePool, { format: "raw", source, checksum: sha256(content) });
      const baseState = await apply(base);
      const copy = volume("disk", thePool, { format: "raw", copyOf: base.name, capacity: 4 * MiB });
      const state = await apply(copy);
      expect(state).toMatchObject({ copyOf: base.name, capacity: 4 * MiB, complete: true });
      expect(await preview(copy, state)).toEqual([]);
      expect((await contentOf(copy)).subarray(0, content.length).equals(content)).toBe(true);

      await volumeDefinition.remove(baseState, run<VolumeState>("base"));
      expect(await preview(copy, state)).toEqual([]);
      expect(await apply(copy, state)).toEqual(state);
      await volumeDefinition.remove(state, run<VolumeState>("disk"));
      expect(await names()).toEqual([]);
    });

    it("makes a full copy of a qcow2 image that has none of its own below it", async () => {
      const source = file("base.qcow2", qcow2(2 * MiB));
      const base = volume("base", thePool, { source });
      await apply(base);
      const copy = volume("disk", thePool, { copyOf: base.name });
      const state = await apply(copy);
      expect(await preview(copy, state)).toEqual([]);
      const xml = await client.volumeXml({ pool: thePool.name, name: copy.name, key: "" });
      expect(xml).not.toContain("backingStore");
      expect((await client.volumeInfo({ pool: thePool.name, name: copy.name, key: "" })).capacity).toBe(
        BigInt(2 * MiB),
      );
      await expect(apply(volume("tiny", thePool, { copyOf: base.name, capacity: MiB }))).rejects.toThrow(
        /1 MiB are less than its image .* has \(2 MiB\)/,
      );
    });

    it("makes a copy anew that was not finished: what is there of it may be half", async () => {
      const content = Buffer.alloc(MiB, "image");
      const base = volume("base", thePool, { format: "raw", source: file("base.raw", content) });
      await apply(base);
      const copy = volume("disk", thePool, { format: "raw", copyOf: base.name });
      const pool = await client.poolByName(thePool.name);
      if (!pool) throw new Error("no pool");
      await client.volumeCreate(
        pool,
        `<volume><name>${copy.name}</name><capacity>${MiB}</capacity><target><format type='raw'/></target></volume>`,
      );
      const half: VolumeState = { ...copy, path: `${thePool.path}/${copy.name}`, complete: true };
      expect(await preview(copy, half)).toEqual(["complete"]);
      const state = await apply(copy, half);
      expect(state.complete).toBe(true);
      expect((await contentOf(copy)).equals(content)).toBe(true);
    });

    it("grows an uploaded image to the size that is wanted", async () => {
      const source = file("base.qcow2", qcow2(MiB));
      const inputs = volume("base", thePool, { source, capacity: 4 * MiB });
      const state = await apply(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      const small = volume("small", thePool, { source, capacity: 512 });
      await expect(apply(small)).rejects.toThrow(/needs 1 MiB, the config gives 512 bytes/);
      expect(await names()).not.toContain(small.name);
    });

    it("refuses a wrong checksum and leaves nothing behind", async () => {
      const source = file("bad.raw", Buffer.from("not what was promised"));
      const inputs = volume("base", thePool, {
        format: "raw",
        source,
        checksum: sha256(Buffer.from("promised")),
      });
      await expect(apply(inputs)).rejects.toThrow(
        /its checksum is sha256:[0-9a-f]{64}, the config says sha256:/,
      );
      expect(await names()).toEqual([]);
    });

    it.each([
      ["a raw image that is said to be qcow2", "qcow2", Buffer.alloc(1000), /no qcow2 image/],
      ["a qcow2 image that is said to be raw", "raw", qcow2(MiB), /is a qcow2 image/],
      ["an image on top of a file of the hypervisor's", "qcow2", withBase(qcow2(MiB)), /names another file/],
    ] as const)("refuses %s", async (_, format, content, message) => {
      await expect(apply(volume("base", thePool, { format, source: file("odd", content) }))).rejects.toThrow(
        message,
      );
      expect(await names()).toEqual([]);
    });

    it("says what is wrong with an address that does not deliver", async () => {
      served.set("/endless", { body: Buffer.alloc(10), headers: { "transfer-encoding": "chunked" } });
      served.set("/broken", { body: Buffer.alloc(5 * MiB), cutAt: MiB });
      const from = (path: string) =>
        volume("base", thePool, {
          format: "raw",
          source: { url: `${url.replace("//", "//me:canary@")}${path}?token=canary` },
        });
      for (const [path, message] of [
        ["/nothing", /cannot be fetched: the server answered 404/],
        ["/endless", /does not tell its length/],
        ["/broken", /127\.0\.0\.1/],
      ] as const) {
        const error = await apply(from(path)).catch((caught: Error) => caught);
        expect((error as Error).message).toMatch(message);
        expect((error as Error).message).not.toContain("canary");
      }
      expect(seenAuthorization).toBe(`Basic ${Buffer.from("me:canary").toString("base64")}`);
      expect(await names()).toEqual([]);
      await expect(apply({ ...from(""), source: { path: "/nowhere/at/all" } })).rejects.toThrow(
        /cannot be read: ENOENT/,
      );
    });

    it("sends an upload anew that broke off, and knows it from a whole one", async () => {
      const content = Buffer.alloc(5 * MiB, "y");
      served.set("/flaky", { body: content, cutAt: MiB });
      const inputs = volume("base", thePool, {
        format: "raw",
        source: { url: `${url}/flaky` },
        checksum: sha256(content),
      });
      const trace = newTrace();
      await expect(apply(inputs, undefined, { dieAt: "3/4 upload", trace })).rejects.toThrow();
      expect(trace.saved).toMatchObject({ complete: false });
      expect(await preview(inputs, trace.saved as VolumeState)).toEqual(["complete"]);
      served.set("/flaky", { body: content });
      const state = await apply(inputs, trace.saved as VolumeState);
      expect(state.complete).toBe(true);
      expect((await contentOf(inputs)).equals(content)).toBe(true);
    });

    it("trap libvirt#33: does not let a raw disk grow past its capacity by an upload", async () => {
      const source = file("large.raw", Buffer.alloc(2 * MiB));
      const inputs = volume("base", thePool, { format: "raw", source, capacity: MiB });
      await expect(apply(inputs)).rejects.toThrow(/needs 2 MiB, the config gives 1 MiB/);
      expect(await names()).toEqual([]);
    });

    it("trap libvirt#41: a name that is taken is ours to use only with our mark in front", async () => {
      const ref = await client.poolByName(thePool.name);
      if (!ref) throw new Error("no pool");
      await client.volumeCreate(ref, "<volume><name>data</name><capacity>4096</capacity></volume>");
      const before = await snapshot(client);
      const inputs = { ...volume("x", thePool, { capacity: MiB }), name: "data" };
      expect(await volumeDefinition.precheck?.(inputs, run<VolumeState>("x"))).toEqual([
        { field: "name", message: expect.stringContaining('must begin with "lp-ct8handl-test-"') },
      ]);
      expect(await volumeDefinition.observe(inputs, run<VolumeState>("x"))).toBeUndefined();
      await expect(apply(inputs)).rejects.toThrow(/must begin with/);
      await volumeDefinition.remove({ ...inputs, path: "", complete: true }, run<VolumeState>("x"));
      expect(await snapshot(client)).toEqual(before);
    });

    it("a stopped pool shows no volumes, which is no proof that they are gone", async () => {
      const inputs = volume("disk", thePool, { capacity: MiB });
      const state = await apply(inputs);
      await client.poolDestroy({ name: thePool.name, uuid: uuidOf("disks") });
      const trace = newTrace();
      expect(await volumeDefinition.observe(inputs, run<VolumeState>("disk", { trace }), state)).toEqual(
        state,
      );
      expect(trace.said).toEqual([expect.stringContaining("is stopped")]);
      await expect(volumeDefinition.observe(inputs, run<VolumeState>("disk"))).rejects.toThrow();
      await expect(apply(inputs, state)).rejects.toThrow(/is stopped; start it/);
    });

    it("a file that was deleted under libvirt is gone", async () => {
      const inputs = volume("disk", thePool, { capacity: MiB });
      const state = await apply(inputs);
      await client.volumeDelete({ pool: thePool.name, name: inputs.name, key: "" });
      expect(await refresh(state)).toBeUndefined();
      expect(await apply(inputs, state)).toEqual(state);
    });

    it("keeps the data of a disk that is not what was planned", async () => {
      const base = volume("base", thePool, { source: file("b.qcow2", qcow2(MiB)) });
      await apply(base);
      await apply(volume("disk", thePool, { capacity: MiB }));
      const overlay = volume("disk", thePool, { capacity: MiB, backing: base.name });
      await expect(apply(overlay)).rejects.toThrow(
        /exists with backing \(none\), planned .*Its data are kept/,
      );
    });
  });
}

/** The same image, saying that it lies on /etc/passwd. */
function withBase(image: Buffer): Buffer {
  const copy = Buffer.from(image);
  copy.writeBigUInt64BE(200n, 8);
  copy.writeUInt32BE(11, 16);
  copy.write("/etc/passwd", 200);
  return copy;
}
