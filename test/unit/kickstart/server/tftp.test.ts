import { createSocket } from "node:dgram";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BootDesk } from "../../../../kickstart/server/desk";
import { Refusals } from "../../../../kickstart/server/refusals";
import { startTftp, type TftpServer } from "../../../../kickstart/server/tftp";
import { type BootLab, DASHES, MAC, startBootLab, until } from "./lab";
import { ack, readRequest, tftpGet, tftpSend } from "./tftp-client";

const CONFIG = `pxelinux.cfg/01-${DASHES}`;
const KERNEL = `${DASHES}/vmlinuz`;
const NOT_FOUND = { code: 1 };

describe("the boot server over TFTP", () => {
  let lab: BootLab;
  let tftp: TftpServer;
  /** With short pauses, so that lost packets cost no seconds. */
  beforeEach(async () => {
    lab = await startBootLab({ tftpPort: 0 });
    const loaders = path.join(lab.folder, "loaders");
    fs.mkdirSync(loaders);
    fs.writeFileSync(path.join(loaders, "pxelinux.0"), "P".repeat(42_000));
    fs.writeFileSync(path.join(loaders, "ldlinux.c32"), "L".repeat(1_000));
    fs.writeFileSync(path.join(loaders, "secret"), "no");
    const { registry, log } = lab.server;
    const note = (line: string) => lab.said.push(line);
    const desk = new BootDesk(registry, log, new Refusals(log, note), note);
    tftp = await startTftp({ bind: "127.0.0.1", port: 0, desk, bootLoaders: loaders, retryMs: 30 });
  });
  afterEach(async () => {
    await tftp.close();
    await lab.stop();
  });
  const get = (...[file, settings]: [string, Parameters<typeof tftpGet>[2]?]) =>
    tftpGet(tftp.port, file, settings);

  it("takes pxelinux from its loader to the kernel", async () => {
    lab.register();
    const options = { tsize: 0, blksize: 1408 };
    expect((await get("pxelinux.0", { options })).accepted).toEqual({ blksize: 1408, tsize: 42_000 });
    expect((await get("ldlinux.c32", { options })).content.toString()).toBe("L".repeat(1_000));
    expect((await get(CONFIG, { options })).content.toString()).toContain(`KERNEL ${KERNEL}`);
    expect((await get(KERNEL, { options })).content.equals(lab.kernel)).toBe(true);
    expect((await get(`${DASHES}/initrd`)).content.toString()).toBe("initrd\n");
    await until(() => lab.said.some((line) => line.includes("initrd sent")));
    expect(lab.events()).toMatchObject([{ stage: "pxe", machine: "rocky9", mac: MAC, address: "127.0.0.1" }]);
    expect(lab.said).toContainEqual(expect.stringMatching(/vmlinuz sent, 300000 bytes/));
  });

  it("trap kickstart-pxe#36: has a file of its own for each machine, and none for everyone", async () => {
    lab.register();
    const asked = [
      "b8945908-d6a6-41a9-611d-74a6ab80b83d",
      "C000020B",
      "C0",
      "default",
      "01-de-ad-be-ef-00-01",
    ];
    for (const name of asked) {
      const started = performance.now();
      await expect(get(`pxelinux.cfg/${name}`)).rejects.toMatchObject(NOT_FOUND);
      expect(performance.now() - started).toBeLessThan(500);
    }
    await lab.server.log.flush();
    // The one that names a MAC is a stranger; the rest is how pxelinux asks.
    expect(lab.events()).toMatchObject([{ stage: "refused", mac: "de:ad:be:ef:00:01" }]);
  });

  it("serves nothing, not even a loader, while nothing is being installed", async () => {
    for (const file of ["pxelinux.0", CONFIG, KERNEL])
      await expect(get(file)).rejects.toMatchObject(NOT_FOUND);
    const made = lab.register();
    expect((await get("pxelinux.0")).content).toHaveLength(42_000);
    lab.server.registry.markInstalled(made);
    for (const file of ["pxelinux.0", CONFIG, KERNEL])
      await expect(get(file)).rejects.toMatchObject(NOT_FOUND);
  });

  it("trap kickstart-pxe#39: takes it for no failure when a client asks for the size and stops", async () => {
    lab.register();
    const asked = await get(KERNEL, { options: { tsize: 0 }, abort: true });
    expect(asked).toMatchObject({ accepted: { tsize: 300_000 }, aborted: true, packets: 0 });
    expect((await get(KERNEL, { options: { tsize: 0, blksize: 1408 } })).content.equals(lab.kernel)).toBe(
      true,
    );
    expect(lab.said.filter((line) => /failed|silent/.test(line))).toEqual([]);
  });

  it("trap kickstart-pxe#40: sends files of more than 65535 blocks", async () => {
    lab.register();
    // 65535 blocks of 8 bytes and more: the numbers go 65535, 0, 1.
    const big = Buffer.from(Array.from({ length: 8 * 65_540 + 3 }, (_, i) => (i * 13) % 249));
    fs.writeFileSync(path.join(lab.folder, "initrd"), big);
    const { content } = await get(`${DASHES}/initrd`, { options: { blksize: 8, windowsize: 16 } });
    expect(content.equals(big)).toBe(true);
    const single = await get(`${DASHES}/initrd`, { options: { blksize: 8 } });
    expect(single.content.equals(big)).toBe(true);
  }, 90_000);

  it("trap kickstart-pxe#41: answers from a new port, another one for each transfer", async () => {
    lab.register();
    const [one, two] = await Promise.all([get(KERNEL), get(KERNEL)]);
    expect(one.ports.size).toBe(1);
    expect(two.ports.size).toBe(1);
    expect(new Set([...one.ports, ...two.ports, tftp.port]).size).toBe(3);
  });

  it("trap kickstart-pxe#41: leaves its folder for no path", async () => {
    lab.register();
    for (const file of [
      "../kernel",
      "pxelinux.0/../secret",
      "secret",
      "..\\..\\kernel",
      `pxelinux.cfg/../../boot/registrations/${DASHES}.json`,
      `${DASHES}/../${DASHES}/vmlinuz`,
      "/etc/passwd",
      "constructor",
    ])
      await expect(get(file)).rejects.toMatchObject(NOT_FOUND);
    // Other ways to write what there is are fine.
    for (const file of [`/${KERNEL}`, `//.//${KERNEL}`, KERNEL.replace("/", "\\"), KERNEL.toUpperCase()])
      expect((await get(file)).content).toHaveLength(300_000);
  });

  it("trap kickstart-pxe#42: sends no block over 1468 bytes, and none that was not agreed on", async () => {
    lab.register();
    const huge = await get(KERNEL, { options: { blksize: 65_464 } });
    expect([huge.accepted.blksize, huge.largest]).toEqual([1_468, 1_472]);
    expect((await get(KERNEL)).largest).toBe(516);
    for (const blksize of ["7", "0", "-1", "x", "1e3.5"])
      expect((await get(CONFIG, { options: { blksize } })).accepted).toEqual({});
    expect((await get(CONFIG, { options: { windowsize: 64, timeout: 3, multicast: "" } })).accepted).toEqual({
      windowsize: 16,
    });
  });

  it("ends a file whose length is a multiple of the block with an empty block", async () => {
    lab.register();
    for (const length of [0, 512, 1_024, 1_023]) {
      const content = Buffer.alloc(length, 7);
      fs.writeFileSync(path.join(lab.folder, "initrd"), content);
      const fetched = await get(`${DASHES}/initrd`);
      expect([fetched.content.equals(content), fetched.packets]).toEqual([
        true,
        Math.floor(length / 512) + 1,
      ]);
    }
  });

  it("sends lost packets again, in windows and without", async () => {
    lab.register();
    for (const windowsize of [1, 8]) {
      const options = { blksize: 1_408, windowsize };
      const { content } = await get(KERNEL, {
        options,
        lose: (block, times) => times === 1 && block % 37 === 5,
      });
      expect(content.equals(lab.kernel)).toBe(true);
    }
  });

  it("sends little twice to a client that is slow, and finds the windows' copies no reason for more", async () => {
    lab.register();
    // Longer than the first pause: each window is sent again before it is answered.
    const { content, packets } = await get(KERNEL, {
      options: { blksize: 1_408, windowsize: 16 },
      slowMs: 45,
    });
    expect(content.equals(lab.kernel)).toBe(true);
    // 214 blocks.
    expect(packets).toBeLessThan(214 * 3);
  });

  it("sends no packet twice because an acknowledgement came twice", async () => {
    lab.register();
    const { content, packets } = await get(KERNEL, { twice: true });
    expect(content.equals(lab.kernel)).toBe(true);
    // 586 blocks; the first may come twice, as its request may.
    expect(packets).toBeLessThanOrEqual(588);
  });

  it("gives a silent client up, and says so", async () => {
    lab.register();
    const answers = await tftpSend(tftp.port, readRequest(KERNEL, "octet", { tsize: 0 }), 150);
    // Again after 30, 60 and 120 ms.
    expect(answers.length).toBeGreaterThanOrEqual(2);
    expect(answers.length).toBeLessThanOrEqual(4);
    await until(() =>
      lab.said.some((line) => /vmlinuz not finished, 127.0.0.1 fell silent after 0 bytes/.test(line)),
    );
  }, 15_000);

  it("begins anew with a client that was reset and asks from its old port", async () => {
    lab.register();
    const port = 20_000 + (process.pid % 20_000);
    // Takes the first block, and is switched off.
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(port, "127.0.0.1", resolve));
    const first = new Promise((resolve) => socket.once("message", resolve));
    socket.send(readRequest(CONFIG), tftp.port, "127.0.0.1");
    await first;
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    expect((await get(KERNEL, { port })).content.equals(lab.kernel)).toBe(true);
  });

  it("takes a request that comes twice at once for one", async () => {
    lab.register();
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const ports = new Set<number>();
    socket.on("message", (_, { port }) => ports.add(port));
    for (let i = 0; i < 3; i++) socket.send(readRequest(KERNEL), tftp.port, "127.0.0.1");
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.close();
    expect(ports.size).toBe(1);
  });

  it("tells a stranger's packet off, and goes on with its client", async () => {
    lab.register();
    const client = createSocket("udp4");
    await new Promise<void>((resolve) => client.bind(0, "127.0.0.1", resolve));
    const came = new Promise<number>((resolve) => client.once("message", (_, { port }) => resolve(port)));
    client.send(readRequest(KERNEL), tftp.port, "127.0.0.1");
    const port = await came;
    const [answer] = await tftpSend(port, ack(1));
    expect([answer?.readUInt16BE(0), answer?.readUInt16BE(2)]).toEqual([5, 5]);
    const second = new Promise<number>((resolve) =>
      client.on("message", (bytes) => bytes.readUInt16BE(2) === 2 && resolve(bytes.readUInt16BE(2))),
    );
    client.send(ack(1), port, "127.0.0.1");
    expect(await second).toBe(2);
    client.close();
  });

  it("takes read requests in octet mode only, and answers no rubbish", async () => {
    lab.register();
    await expect(get(KERNEL, { mode: "netascii" })).rejects.toThrow("octet mode only");
    expect((await get(CONFIG, { mode: "OCTET" })).content.length).toBeGreaterThan(10);
    const [written] = await tftpSend(tftp.port, Buffer.from("\0\u0002pxelinux.0\0octet\0", "latin1"));
    expect([written?.readUInt16BE(0), written?.readUInt16BE(2)]).toEqual([5, 2]);
    for (const rubbish of [
      "",
      "\0",
      "\0\u0001",
      "\0\u0001name",
      "\0\u0001\0\0",
      "\0\u0004\0\u0001",
      "\0\u0009abc",
      "x".repeat(2_000),
    ])
      expect(await tftpSend(tftp.port, Buffer.from(rubbish, "latin1"), 20)).toEqual([]);
    await lab.server.log.flush();
    expect(lab.events()).toContainEqual(
      expect.objectContaining({ stage: "refused", detail: "wanted to write a file by TFTP" }),
    );
  });

  it("ends its transfers when it is closed", async () => {
    lab.register();
    await tftpSend(tftp.port, readRequest(KERNEL), 20);
    await tftp.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(lab.said.filter((line) => /failed/.test(line))).toEqual([]);
    tftp = { port: 0, close: async () => {} };
  });
});
