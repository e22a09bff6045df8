import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { closePool, connectLibvirt, libvirtFor } from "../../providers/libvirt/connect";
import { encode } from "../../providers/libvirt/rpc/call";
import { readError } from "../../providers/libvirt/rpc/errors";
import { FEATURE, MESSAGE_STATUS, MESSAGE_TYPE, PROCEDURE } from "../../providers/libvirt/rpc/procedures";
import { readDomain } from "../../providers/libvirt/rpc/references";
import { XdrReader } from "../../providers/libvirt/rpc/xdr";
import { connectRpc, domainXml, type LibvirtSystem, RawLink } from "./libvirt-client.fixtures";

export function linkContract(system: () => LibvirtSystem, connect: () => Promise<LibvirtClient>): void {
  describe("the host", () => {
    it("says who it is", async () => {
      const client = await connect();
      expect(await client.hostName()).toMatch(/./);
      expect(await client.version()).toBeGreaterThan(6_000_000);
      expect(await client.capabilities()).toMatch(/<capabilities>[\s\S]*<arch[\s\S]*x86_64/);
    });
  });

  describe("the link", () => {
    let client: LibvirtClient;
    beforeAll(async () => {
      client = await connect();
    });

    it("carries 100 calls at once and gives each its own answer", async () => {
      const domains = await Promise.all(Array.from({ length: 10 }, () => client.domainDefine(domainXml())));
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          index % 2
            ? client.domainByName(domains[index % 10]?.name ?? "")
            : client.domainByName(`none-${index}`),
        ),
      );
      for (const [index, answer] of answers.entries()) {
        expect(answer).toEqual(index % 2 ? domains[index % 10] : undefined);
      }
    });

    it("trap libvirt#42: carries 20 definitions at once, which the server then makes in turn", async () => {
      const domains = await Promise.all(Array.from({ length: 20 }, () => client.domainDefine(domainXml())));
      expect(new Set(domains.map((domain) => domain.uuid)).size).toBe(20);
      await Promise.all(domains.map((domain) => client.domainUndefine(domain)));
    });

    it("trap libvirt#20: answers an unknown procedure with code 39", async () => {
      const raw = await opened(system());
      const reply = await raw.call(9999);
      expect(reply.status).toBe(MESSAGE_STATUS.error);
      expect(readError(reply.payload).code).toBe(39);
      raw.close();
    });

    it("trap libvirt#24: serves no one who has not opened a driver", async () => {
      const raw = new RawLink(system().socket);
      const early = await raw.call(PROCEDURE.connectGetHostname);
      expect(early.status).toBe(MESSAGE_STATUS.error);
      const auth = new XdrReader((await raw.call(PROCEDURE.authList)).payload);
      expect(auth.array((reader) => reader.i32())).toEqual([0]);
      raw.close();
    });

    it("trap libvirt#22: answers a list with the items and then their number", async () => {
      const domain = await client.domainDefine(domainXml());
      const raw = await opened(system());
      const list = async (need: number) =>
        new XdrReader(
          (
            await raw.call(
              PROCEDURE.connectListAllDomains,
              encode((a) => a.i32(need).u32(0)),
            )
          ).payload,
        );
      const reply = await list(1);
      const items = reply.array(readDomain);
      expect(items).toContainEqual(domain);
      expect([reply.u32(), reply.remaining]).toEqual([items.length, 0]);
      // Without need_results there is only the number.
      const bare = await list(0);
      expect([bare.array(readDomain), bare.u32()]).toEqual([[], items.length]);
      raw.close();
    });

    it("trap libvirt#18: gets events of type 2 whose serial may be that of a call", async () => {
      const raw = await opened(system());
      const register = await raw.call(
        PROCEDURE.domainEventRegister,
        encode((a) => a.i32(0).u32(0)),
      );
      expect(register.status).toBe(MESSAGE_STATUS.ok);
      await client.domainDefine(domainXml());
      const event = await raw.wait((packet) => packet.procedure === PROCEDURE.domainEventLifecycle);
      expect(event.type).toBe(MESSAGE_TYPE.event);
      expect(event.serial).toBe(1);
      raw.close();
    });

    it("trap libvirt#28: tells that network update takes its arguments in the right order", async () => {
      const rpc = await connectRpc(system());
      const ask = encode((args) => args.i32(FEATURE.networkUpdateHasCorrectOrder));
      expect((await rpc.call("connectSupportsFeature", ask)).bool()).toBe(true);
      await rpc.close();
    });

    it("rejects all that waits when it breaks, and all that comes after", async () => {
      await viaProxy(system(), async (uri, cut) => {
        const own = await connectLibvirt(uri);
        const waiting = [...Array(5)].map(() => own.capabilities());
        const settled = Promise.allSettled(waiting);
        cut();
        for (const result of await settled) {
          expect(result).toMatchObject({ status: "rejected", reason: { name: "BackendError" } });
        }
        await expect(own.hostName()).rejects.toThrow(/the libvirt connection broke/);
      });
    });

    it("is made again by the next call when it broke while idle", async () => {
      await viaProxy(system(), async (uri, cut) => {
        const shared = await libvirtFor(uri);
        expect(await libvirtFor(uri)).toBe(shared);
        const seen: string[] = [];
        await shared.onDomainEvent((domain, event) => seen.push(`${domain.name} ${event}`));
        cut();
        expect(await shared.hostName()).toMatch(/./);
        const domain = await shared.domainDefine(domainXml());
        await expect.poll(() => seen).toContain(`${domain.name} defined`);
        cut();
        await new Promise((resolve) => setTimeout(resolve, 20));
        await shared.domainUndefine(domain);
        await closePool();
      });
    });

    it("ends with its signal, and says so", async () => {
      const abort = new AbortController();
      const own = await connectLibvirt(system().uri, { signal: abort.signal });
      const waiting = own.capabilities();
      abort.abort();
      await expect(waiting).rejects.toThrow(/the run was stopped/);
      await expect(connectLibvirt(system().uri, { signal: abort.signal })).rejects.toThrow(/abort/i);
    });
  });
}

async function opened(system: LibvirtSystem): Promise<RawLink> {
  const raw = new RawLink(system.socket);
  await raw.call(PROCEDURE.authList);
  const open = await raw.call(
    PROCEDURE.connectOpen,
    encode((a) => a.optionalString("qemu:///system").u32(0)),
  );
  expect(open.status).toBe(MESSAGE_STATUS.ok);
  return raw;
}

/** The system behind a socket whose links can be cut. */
async function viaProxy(
  system: LibvirtSystem,
  work: (uri: string, cut: () => void) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "labplan-proxy-"));
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connectSocket(system.socket);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  const path = join(folder, "sock");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  try {
    await work(`qemu+unix:///system?socket=${path}`, cut);
  } finally {
    cut();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
