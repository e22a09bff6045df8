import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FetchOptions, fetchInstallerFile } from "../../../../kickstart/server/files";
import { checksumIn, checksumPlaces } from "../../../../kickstart/server/mirror-checksum";

const KERNEL = Buffer.alloc(200_000, "kernel");
const hex = (kind: string, bytes: Buffer) => createHash(kind).update(bytes).digest("hex");
const SHA256 = `sha256:${hex("sha256", KERNEL)}`;
const EL = "/9-stream/BaseOS/x86_64/os";
const DEBIAN = "/debian/dists/bookworm/main/installer-amd64/current/images";

describe("files of installers", () => {
  let root = "";
  let mirror: http.Server;
  let base = "";
  let asked: string[] = [];
  let pages: Record<string, string | Buffer | ((response: http.ServerResponse) => void)> = {};
  beforeEach(async () => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-files-"));
    asked = [];
    pages = {
      [`${EL}/images/pxeboot/vmlinuz`]: KERNEL,
      [`${DEBIAN}/netboot/debian-installer/amd64/linux`]: KERNEL,
    };
    mirror = http.createServer(({ url = "" }, response) => {
      asked.push(url);
      const page = pages[url];
      if (typeof page === "function") page(response);
      else if (page === undefined) response.writeHead(404).end("no");
      else response.end(page);
    });
    await new Promise<void>((resolve) => mirror.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    mirror.closeAllConnections();
    await new Promise((resolve) => mirror.close(resolve));
    fs.rmSync(root, { recursive: true, force: true });
  });
  const fetchFile = (target: string, checksum?: string, more: Partial<FetchOptions> = {}) =>
    fetchInstallerFile(
      { source: { url: `${base}${target}` }, ...(checksum && { checksum }) },
      { folder: root, name: "rocky9: kernel", ...more },
    );
  const kept = () => fs.readdirSync(path.join(root, "files"));

  it("are fetched once, and kept by their checksum", async () => {
    const steps: [number, number | undefined][] = [];
    const got = await fetchFile(`${EL}/images/pxeboot/vmlinuz`, SHA256, {
      onProgress: (...step) => steps.push(step),
    });
    expect(got).toEqual({
      path: path.join(root, "files", SHA256.slice(7)),
      checksum: SHA256,
      from: "config",
    });
    expect(fs.readFileSync(got.path).equals(KERNEL)).toBe(true);
    expect(fs.statSync(got.path).mode & 0o777).toBe(0o600);
    expect(steps.at(-1)?.[0]).toBe(KERNEL.length);
    await fetchFile(`${EL}/images/pxeboot/vmlinuz`, SHA256);
    expect(asked).toHaveLength(1);
    await fetchFile(`${EL}/images/pxeboot/vmlinuz`, `sha512:${hex("sha512", KERNEL)}`);
    expect(kept()).toHaveLength(2);
  });

  it("are fetched once for two images at the same time", async () => {
    const target = `${EL}/images/pxeboot/vmlinuz`;
    await Promise.all([fetchFile(target, SHA256), fetchFile(target, SHA256)]);
    expect(asked).toHaveLength(1);
  });

  it.each([0, 1])("one that gives up takes nobody with it, whoever began: number %i", async (quitter) => {
    const target = "/slow";
    let served = 0;
    pages[target] = (response) => {
      if (served++ === 0) return response.write("k");
      return response.end(KERNEL);
    };
    const stop = new AbortController();
    const begin = (number: number) =>
      fetchFile(target, SHA256, number === quitter ? { signal: stop.signal } : { silenceS: 0.3 });
    const one = begin(0);
    while (served === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const two = begin(1);
    setTimeout(() => stop.abort(new Error("stopped")), 50);
    const [quit, stayed] = quitter === 0 ? [one, two] : [two, one];
    await expect(quit).rejects.toThrow("stopped");
    if (quitter === 0) expect((await stayed).checksum).toBe(SHA256);
    else await expect(stayed).rejects.toThrow("sent nothing for 0.3 s");
  });

  it("are checked by the mirror's own .treeinfo, where the config has no checksum", async () => {
    pages[`${EL}/.treeinfo`] = [
      "[checksums]",
      `images/pxeboot/initrd.img = sha256:${"0".repeat(64)}`,
      `images/pxeboot/vmlinuz = ${SHA256}`,
      "[images-x86_64]",
      "kernel = images/pxeboot/vmlinuz",
    ].join("\n");
    const got = await fetchFile(`${EL}/images/pxeboot/vmlinuz`);
    expect(got).toMatchObject({ checksum: SHA256, from: `${base}${EL}/.treeinfo` });
  });

  it("are checked by Debian's SHA256SUMS in the same way", async () => {
    pages[`${DEBIAN}/SHA256SUMS`] =
      `${"1".repeat(64)}  ./cdrom/vmlinuz\n${SHA256.slice(7)}  ./netboot/debian-installer/amd64/linux\n`;
    const got = await fetchFile(`${DEBIAN}/netboot/debian-installer/amd64/linux`);
    expect(got).toMatchObject({ checksum: SHA256, from: `${base}${DEBIAN}/SHA256SUMS` });
  });

  it("are refused without any checksum, with the line to add, and nothing is fetched", async () => {
    await expect(fetchFile(`${EL}/images/pxeboot/vmlinuz`)).rejects.toThrow(
      /rocky9: kernel: the mirror lists no checksum of .*put the line "checksum: sha256:<hex>" beside its url/,
    );
    expect(asked).not.toContain(`${EL}/images/pxeboot/vmlinuz`);
  });

  it("are thrown away when they are not what they should be", async () => {
    const wanted = `sha256:${"a".repeat(64)}`;
    await expect(fetchFile(`${EL}/images/pxeboot/vmlinuz`, wanted)).rejects.toThrow(
      `it has ${SHA256}, expected ${wanted}`,
    );
    expect(kept()).toEqual([]);
  });

  it("are never used when they are not whole", async () => {
    pages["/cut"] = (response) => {
      response.writeHead(200, { "content-length": KERNEL.length });
      response.write(KERNEL.subarray(0, 1_000), () => response.destroy());
    };
    await expect(fetchFile("/cut", SHA256)).rejects.toThrow(/rocky9: kernel: .*could not be fetched/);
    expect(kept()).toEqual([]);
    // As much was written, and the process was killed.
    const left = path.join(root, "files", `${SHA256.slice(7)}.part-999999999-ab`);
    fs.writeFileSync(left, KERNEL.subarray(0, 1_000));
    await fetchFile(`${EL}/images/pxeboot/vmlinuz`, SHA256);
    expect(kept()).toEqual([SHA256.slice(7)]);
  });

  it("are waited for no longer than the mirror sends something", async () => {
    pages["/silent"] = (response) => response.write("x");
    pages["/mute"] = () => {};
    for (const target of ["/silent", "/mute"])
      await expect(fetchFile(target, SHA256, { silenceS: 0.1 })).rejects.toThrow("sent nothing for 0.1 s");
    expect(kept()).toEqual([]);
  });

  it("name the mirror's answer", async () => {
    await expect(fetchFile("/nowhere", SHA256)).rejects.toThrow(/\/nowhere answered 404/);
    await new Promise((resolve) => mirror.close(resolve));
    await expect(fetchFile("/nowhere", SHA256)).rejects.toThrow(/could not be fetched: .*ECONNREFUSED/);
  });

  it("say no password of a mirror's URL", async () => {
    const file = { source: { url: "http://me:geheim@127.0.0.1:1/k" }, checksum: SHA256 };
    const failure = await fetchInstallerFile(file, { folder: root, name: "k" }).catch(
      (error: Error) => error,
    );
    expect(String(failure)).toMatch(/no user or password/);
    expect(String(failure)).not.toContain("geheim");
  });

  it("of this machine are used where they lie, once they are checked", async () => {
    const file = path.join(root, "vmlinuz");
    fs.writeFileSync(file, KERNEL);
    const get = (checksum?: string) =>
      fetchInstallerFile(
        { source: { path: file }, ...(checksum && { checksum }) },
        { folder: root, name: "k" },
      );
    expect(await get()).toEqual({ path: file, checksum: SHA256, from: "config" });
    expect((await get(SHA256)).path).toBe(file);
    await expect(get(`sha256:${"a".repeat(64)}`)).rejects.toThrow("is not the file that the config means");
    fs.rmSync(file);
    await expect(get()).rejects.toThrow(/k: cannot read .*ENOENT/);
  });

  it.each(["md5:00", "sha256:xyz", "../../etc/passwd"])("take %j for no checksum", async (checksum) => {
    await expect(fetchFile("/x", checksum)).rejects.toThrow("is no checksum");
  });
});

describe("a mirror's lists", () => {
  it("are looked for from the file's own folder upwards", () => {
    const places = checksumPlaces("http://mirror.example/a/b/c.img?x=1");
    expect(places.map(({ url, name }) => [url, name])).toEqual([
      ["http://mirror.example/a/b/.treeinfo", "c.img"],
      ["http://mirror.example/a/b/SHA256SUMS", "c.img"],
      ["http://mirror.example/a/.treeinfo", "b/c.img"],
      ["http://mirror.example/a/SHA256SUMS", "b/c.img"],
      ["http://mirror.example/.treeinfo", "a/b/c.img"],
      ["http://mirror.example/SHA256SUMS", "a/b/c.img"],
    ]);
  });

  it("give a checksum for the very name alone", () => {
    const sums = `${"1".repeat(64)} *x/linux\n${"2".repeat(64)}  linux\nbad  linux\n`;
    expect(checksumIn("SHA256SUMS", sums, "linux")).toBe(`sha256:${"2".repeat(64)}`);
    expect(checksumIn("SHA256SUMS", sums, "nux")).toBeUndefined();
    const tree = `[other]\nk = sha256:${"1".repeat(64)}\n[checksums]\nk2 = md5:12\n`;
    expect(checksumIn(".treeinfo", tree, "k")).toBeUndefined();
    expect(checksumIn(".treeinfo", tree, "k2")).toBeUndefined();
  });
});
