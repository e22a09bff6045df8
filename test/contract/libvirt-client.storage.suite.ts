import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import type { LibvirtClient, PoolRef } from "../../providers/libvirt/client";
import { fresh, type LibvirtSystem, makePool, makeVolume, volumeXml } from "./libvirt-client.fixtures";

const MIB = 1024 * 1024;

export function storageContract(system: () => LibvirtSystem, connect: () => Promise<LibvirtClient>): void {
  describe("pools", () => {
    let client: LibvirtClient;
    beforeAll(async () => {
      client = await connect();
    });

    it("trap libvirt#35, libvirt#21: are defined, built, started, and tell their size", async () => {
      const name = fresh("pool");
      const path = `${system().folder}/${name}`;
      const pool = await client.poolDefine(
        `<pool type='dir'><name>${name}</name><target><path>${path}</path></target></pool>`,
      );
      expect(pool.name).toBe(name);
      expect(await client.poolByName(name)).toEqual(pool);
      expect(await client.pools()).toContainEqual(pool);
      expect((await client.poolInfo(pool)).active).toBe(false);
      // Not built: there is no folder to serve.
      await expect(client.poolStart(pool)).rejects.toMatchObject({ name: "LibvirtError" });
      await client.poolBuild(pool);
      await client.poolStart(pool);
      const { active, capacity, allocation, available } = await client.poolInfo(pool);
      expect(active).toBe(true);
      expect(capacity).toBeGreaterThan(BigInt(MIB));
      expect(allocation + available).toBe(capacity);
      expect(await client.poolXml(pool)).toContain(path);
      expect(await client.poolAutostart(pool)).toBe(false);
      await client.poolSetAutostart(pool, true);
      expect(await client.poolAutostart(pool)).toBe(true);
    });

    it("trap libvirt#38: are stopped, deleted and undefined again without an error", async () => {
      const pool = await makePool(client, system());
      for (let round = 0; round < 2; round++) {
        await client.poolDestroy(pool);
        await client.poolDelete(pool);
        await client.poolUndefine(pool);
      }
      expect(await client.poolByName(pool.name)).toBeUndefined();
    });

    it("keep their folder as long as something is in it", async () => {
      const pool = await makePool(client, system());
      const volume = await makeVolume(client, pool, MIB);
      await client.poolDestroy(pool);
      await expect(client.poolDelete(pool)).rejects.toMatchObject({ name: "LibvirtError" });
      await client.poolStart(pool);
      expect(await client.volumeByName(pool, volume.name)).toEqual(volume);
    });
  });

  describe("volumes", () => {
    let client: LibvirtClient;
    let pool: PoolRef;
    beforeAll(async () => {
      client = await connect();
      pool = await makePool(client, system());
    });

    it("live from create to delete", async () => {
      const volume = await client.volumeCreate(pool, volumeXml("life.img", 3 * MIB));
      expect(volume).toEqual({
        pool: pool.name,
        name: "life.img",
        key: `${system().folder}/${pool.name}/life.img`,
      });
      expect(await client.volumeByName(pool, "life.img")).toEqual(volume);
      expect(await client.volumeByPath(volume.key)).toEqual(volume);
      expect(await client.volumes(pool)).toContainEqual(volume);
      expect((await client.volumeInfo(volume)).capacity).toBe(BigInt(3 * MIB));
      expect(await client.volumeXml(volume)).toContain("<name>life.img</name>");
      await client.volumeResize(volume, 5 * MIB);
      expect((await client.volumeInfo(volume)).capacity).toBe(BigInt(5 * MIB));
      await client.volumeDelete(volume);
      await client.volumeDelete(volume);
      expect(await client.volumeByName(pool, "life.img")).toBeUndefined();
      expect(await client.volumeByPath(volume.key)).toBeUndefined();
    });

    it("trap libvirt#41: answer a name that is taken with code 90", async () => {
      const volume = await makeVolume(client, pool, MIB);
      await expect(client.volumeCreate(pool, volumeXml(volume.name, MIB))).rejects.toMatchObject({
        code: 90,
      });
    });

    it("trap libvirt#36: are made as an overlay in one call", async () => {
      const base = await client.volumeCreate(pool, volumeXml(fresh("base"), 2 * MIB, "qcow2"));
      const backing = `<backingStore><path>${base.key}</path><format type='qcow2'/></backingStore>`;
      const overlay = await client.volumeCreate(pool, volumeXml(fresh("overlay"), 8 * MIB, "qcow2", backing));
      expect(await client.volumeXml(overlay)).toMatch(
        new RegExp(`<backingStore>\\s*<path>${base.key}</path>`),
      );
      expect((await client.volumeInfo(overlay)).capacity).toBe(BigInt(8 * MIB));
    });

    it("trap libvirt#32: are filled with what was sent, and say how far it is; the server confirms the end", async () => {
      const content = randomBytes(4 * MIB + 123);
      const volume = await makeVolume(client, pool, content.length);
      const sent: number[] = [];
      await client.volumeUpload(volume, chunked(content, 700_000), content.length, (bytes) =>
        sent.push(bytes),
      );
      expect(sent.at(-1)).toBe(content.length);
      expect(sent.length).toBeGreaterThan(5);
      expect(sent).toEqual([...sent].sort((a, b) => a - b));
      expect((await client.volumeDownload(volume)).equals(content)).toBe(true);
    });

    it("are filled while other calls are answered", async () => {
      const content = randomBytes(8 * MIB);
      const volume = await makeVolume(client, pool, content.length);
      const upload = client.volumeUpload(volume, chunked(content, 64 * 1024), content.length);
      const names = await Promise.all(
        Array.from({ length: 20 }, () => client.volumeByName(pool, volume.name)),
      );
      expect(names).toEqual(Array(20).fill(volume));
      await upload;
      expect((await client.volumeDownload(volume)).equals(content)).toBe(true);
    });

    it("trap libvirt#33: are not filled past their capacity: refused before a byte is sent", async () => {
      const volume = await makeVolume(client, pool, MIB);
      const content = randomBytes(MIB + 1);
      await expect(client.volumeUpload(volume, chunked(content, MIB), content.length)).rejects.toThrow(
        /do not fit into its capacity of 1048576 bytes/,
      );
      await client.poolRefresh(pool);
      expect((await client.volumeInfo(volume)).capacity).toBe(BigInt(MIB));
    });

    it.each([
      ["less", MIB - 5, /gave only 1048571 of the 1048576 bytes announced/],
      ["more", MIB + 5, /gave more of the 1048576 bytes announced/],
    ])("refuse a source that gives %s than announced", async (_, given, message) => {
      const volume = await makeVolume(client, pool, MIB);
      const upload = client.volumeUpload(volume, chunked(randomBytes(given), 100_000), MIB);
      await expect(upload).rejects.toThrow(message);
      expect(await client.volumeByName(pool, volume.name)).toEqual(volume);
    });

    it("pass on the error of a source that cannot be read", async () => {
      const volume = await makeVolume(client, pool, MIB);
      const source = Readable.from(
        (async function* () {
          yield Buffer.alloc(1000);
          throw new Error("the disk is on fire");
        })(),
      );
      await expect(client.volumeUpload(volume, source, MIB)).rejects.toThrow("the disk is on fire");
      expect(await client.hostName()).not.toBe("");
    });

    it("stop being filled when told to, also while the source is silent", async () => {
      const volume = await makeVolume(client, pool, MIB);
      const silent = new Readable({ read() {} });
      silent.push(Buffer.alloc(1000));
      const abort = new AbortController();
      const upload = client.volumeUpload(
        volume,
        silent,
        MIB,
        () => abort.abort(new Error("stopped by the user")),
        abort.signal,
      );
      await expect(upload).rejects.toThrow("stopped by the user");
      expect(silent.destroyed).toBe(true);
      expect(await client.hostName()).not.toBe("");
    });

    it("that do not exist refuse to be filled or read: code 50", async () => {
      const volume = await makeVolume(client, pool, MIB);
      await client.volumeDelete(volume);
      await expect(client.volumeUpload(volume, chunked(Buffer.alloc(10), 10), 10)).rejects.toMatchObject({
        code: 50,
      });
      await expect(client.volumeDownload(volume)).rejects.toMatchObject({ code: 50 });
    });
  });
}

/** `content` in pieces that are not the protocol's. */
function chunked(content: Buffer, size: number): Readable {
  const pieces = Array.from({ length: Math.ceil(content.length / size) }, (_, index) =>
    content.subarray(index * size, (index + 1) * size),
  );
  return Readable.from(pieces);
}
