import { Readable } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import type { LibvirtClient } from "../../../../../providers/libvirt/client";
import { RpcConnection } from "../../../../../providers/libvirt/rpc/connection";
import type { Packet } from "../../../../../providers/libvirt/rpc/framing";
import { MESSAGE_STATUS, MESSAGE_TYPE, PROCEDURE } from "../../../../../providers/libvirt/rpc/procedures";
import { readNetwork, readVolume, writeDomain } from "../../../../../providers/libvirt/rpc/references";
import { openDriver, rpcClient } from "../../../../../providers/libvirt/rpc/rpc-client";
import { XdrReader } from "../../../../../providers/libvirt/rpc/xdr";
import { FakeServer } from "./fake-server";

const DOMAIN = { name: "w1", uuid: "8a5b3c1e-0000-4000-8000-000000000001", id: -1 };
const NETWORK = { name: "admin", uuid: "8a5b3c1e-0000-4000-8000-000000000002" };
const VOLUME = { pool: "lp", name: "disk", key: "/pool/disk" };

describe("the client", () => {
  let server: FakeServer;
  let client: LibvirtClient;
  beforeEach(() => {
    server = new FakeServer();
    const rpc = new RpcConnection(server.stream, { label: "qemu:///system" });
    client = rpcClient(
      "qemu:///system",
      async () => rpc,
      async () => rpc.destroy("closed"),
      [1, 2, 3],
    );
  });
  const calls = (name: keyof typeof PROCEDURE) =>
    server.received.filter(({ procedure }) => procedure === PROCEDURE[name]);

  it.each([87, 68])(
    "trap libvirt#39: tries again when libvirt is busy (code %i): nothing was done yet",
    async (code) => {
      let busy = 2;
      server.answer({
        domainDefineXml: (call) =>
          busy-- > 0
            ? server.refuse(call, code, "cannot acquire state change lock")
            : server.reply(call, (body) => writeDomain(body, DOMAIN)),
      });
      expect(await client.domainDefine("<domain/>")).toEqual(DOMAIN);
      expect(calls("domainDefineXml")).toHaveLength(3);
    },
  );

  it("trap libvirt#39: gives up in the end, with libvirt's words", async () => {
    server.answer({ networkCreate: (call) => server.refuse(call, 87, "resource busy") });
    await expect(client.networkStart(NETWORK)).rejects.toMatchObject({ code: 87, message: "resource busy" });
    expect(calls("networkCreate")).toHaveLength(4);
  });

  it("tries nothing else again", async () => {
    server.answer({ networkCreate: (call) => server.refuse(call, 55, "network is already active") });
    await expect(client.networkStart(NETWORK)).rejects.toMatchObject({ code: 55 });
    expect(calls("networkCreate")).toHaveLength(1);
  });

  it.each([
    [true, [3, 4]],
    [false, [4, 3]],
  ])(
    "trap libvirt#28: asks the server which of command and section is first (correct order: %s)",
    async (correct, words) => {
      server.answer({ connectSupportsFeature: (call) => server.reply(call, (body) => body.bool(correct)) });
      await client.networkUpdate(NETWORK, "add", "dhcp-host", "<host/>", "both");
      await client.networkUpdate(NETWORK, "add", "dhcp-host", "<host/>", "both");
      expect(calls("connectSupportsFeature")).toHaveLength(1);
      expect(new XdrReader(calls("connectSupportsFeature")[0]?.payload ?? Buffer.alloc(0)).i32()).toBe(16);
      for (const { payload } of calls("networkUpdate")) {
        const reader = new XdrReader(payload);
        expect(readNetwork(reader)).toEqual(NETWORK);
        expect([reader.u32(), reader.u32()]).toEqual(words);
        expect([reader.i32(), reader.string(), reader.u32(), reader.remaining]).toEqual([
          -1,
          "<host/>",
          3,
          0,
        ]);
      }
    },
  );

  it("trap libvirt#26: undefines with fewer flags where the driver knows fewer, and plainly in the end", async () => {
    server.answer({
      domainUndefineFlags: (call) => server.refuse(call, 8, "unsupported flags (0x37) in function"),
    });
    await client.domainUndefine(DOMAIN);
    const flags = calls("domainUndefineFlags").map(({ payload }) => payload.readUInt32BE(payload.length - 4));
    expect(flags).toEqual([1 | 2 | 4 | 16 | 32, 1 | 2 | 4 | 16, 1 | 2 | 4, 1 | 2]);
    expect(calls("domainUndefine")).toHaveLength(1);
  });

  it("passes on why a domain cannot be undefined", async () => {
    server.answer({
      domainUndefineFlags: (call) => server.refuse(call, 55, "cannot undefine domain with …"),
    });
    await expect(client.domainUndefine(DOMAIN)).rejects.toMatchObject({ code: 55 });
    expect(calls("domainUndefineFlags")).toHaveLength(1);
  });

  it("takes only a definite answer for gone: any other refusal of a look-up throws", async () => {
    for (const [name, look, gone] of [
      ["domainLookupByName", () => client.domainByName("x"), 42],
      ["networkLookupByName", () => client.networkByName("x"), 43],
      ["poolLookupByName", () => client.poolByName("x"), 49],
      ["volumeLookupByPath", () => client.volumeByPath("/x"), 50],
    ] as const) {
      server.answer({ [name]: (call: Packet) => server.refuse(call, gone, "not found") });
      expect(await look()).toBeUndefined();
      server.answer({ [name]: (call: Packet) => server.refuse(call, 38, "access denied") });
      await expect(look()).rejects.toMatchObject({ code: 38 });
    }
  });

  it("pushes an upload in packets that every server takes", async () => {
    server.answer({
      volumeGetXmlDesc: (call) => server.reply(call, (body) => body.string("<volume/>")),
      volumeGetInfo: (call) => server.reply(call, (body) => body.u32(0).u64(1_000_000).u64(0)),
    });
    const respond = server.onPacket;
    server.onPacket = (packet) => {
      respond(packet);
      if (packet.type === MESSAGE_TYPE.stream && packet.status === MESSAGE_STATUS.ok) server.send(packet);
    };
    await client.volumeUpload(VOLUME, Readable.from([Buffer.alloc(1_000_000, 1)]), 1_000_000);
    const [call, ...packets] = calls("volumeUpload") as [Packet, ...Packet[]];
    const reader = new XdrReader(call.payload);
    expect([readVolume(reader), reader.u64(), reader.u64(), reader.u32()]).toEqual([
      VOLUME,
      0n,
      1_000_000n,
      0,
    ]);
    const sizes = packets.map(({ payload }) => payload.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(262_120);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000_000);
  });

  it("fails an upload that the server gives up half-way, with its reason", async () => {
    server.answer({
      volumeGetXmlDesc: (call) => server.reply(call, (body) => body.string("<volume/>")),
      volumeGetInfo: (call) => server.reply(call, (body) => body.u32(0).u64(4_000_000).u64(0)),
    });
    const respond = server.onPacket;
    server.onPacket = (packet) => {
      respond(packet);
      if (packet.type === MESSAGE_TYPE.stream && packet.status === MESSAGE_STATUS.continue) {
        server.refuse(packet, 38, "No space left on device", MESSAGE_TYPE.stream);
      }
    };
    const source = Readable.from([Buffer.alloc(1_000_000), Buffer.alloc(3_000_000)]);
    await expect(client.volumeUpload(VOLUME, source, 4_000_000)).rejects.toThrow("No space left on device");
    expect(source.destroyed).toBe(true);
  });
});

describe("a broken link", () => {
  it("lets a question be asked again on a new one, once, and no change", async () => {
    const servers = [new FakeServer(), new FakeServer(), new FakeServer()];
    const links = servers.map((each) => new RpcConnection(each.stream, { label: "qemu:///system" }));
    let next = 0;
    const link = async () => (links[next]?.broken ? links[++next] : links[next]) as RpcConnection;
    const client = rpcClient("qemu:///system", link, async () => {});
    const [first, second, third] = servers as [FakeServer, FakeServer, FakeServer];
    first.onPacket = () => first.stream.destroy(new Error("ECONNRESET"));
    second.answer({ connectGetHostname: (call) => second.reply(call, (body) => body.string("rack")) });
    expect(await client.hostName()).toBe("rack");
    second.onPacket = () => second.stream.destroy(new Error("ECONNRESET"));
    await expect(client.domainDefine("<domain/>")).rejects.toThrow(/whether a call under way took effect/i);
    expect(third.received).toEqual([]);
  });
});

describe("opening a driver", () => {
  const opening = (
    offers: number[],
    polkit: (server: FakeServer, call: Packet) => void = (s, call) => s.reply(call),
  ) => {
    const server = new FakeServer();
    server.answer({
      authList: (call) => server.reply(call, (body) => body.array(offers, (w, type) => w.i32(type))),
      authPolkit: (call) => polkit(server, call),
    });
    const rpc = new RpcConnection(server.stream, { label: "qemu:///system" });
    const names = () =>
      server.received.map(({ procedure }) => Object.entries(PROCEDURE).find(([, n]) => n === procedure)?.[0]);
    return { opened: openDriver(rpc, "qemu:///system"), names, server };
  };

  it("trap libvirt#24: asks for the kind of login first, then opens by name", async () => {
    const { opened, names, server } = opening([0]);
    await opened;
    expect(names()).toEqual(["authList", "connectOpen"]);
    const reader = new XdrReader(server.received[1]?.payload ?? Buffer.alloc(0));
    expect([reader.optionalString(), reader.u32(), reader.remaining]).toEqual(["qemu:///system", 0, 0]);
  });

  it("goes through polkit where the server asks for it", async () => {
    const { opened, names } = opening([2]);
    await opened;
    expect(names()).toEqual(["authList", "authPolkit", "connectOpen"]);
  });

  it("does not open when polkit refuses", async () => {
    const { opened, names } = opening([2], (server, call) =>
      server.refuse(call, 45, "access denied by policy"),
    );
    await expect(opened).rejects.toMatchObject({ code: 45 });
    expect(names()).not.toContain("connectOpen");
  });

  it("says what to do where only SASL is offered", async () => {
    await expect(opening([1]).opened).rejects.toThrow(/asks for a SASL login.*qemu\+ssh/);
  });
});
