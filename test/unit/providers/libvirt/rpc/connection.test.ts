import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RpcConnection } from "../../../../../providers/libvirt/rpc/connection";
import { MESSAGE_STATUS, MESSAGE_TYPE, PROCEDURE } from "../../../../../providers/libvirt/rpc/procedures";
import { body, FakeServer } from "./fake-server";

const text = (value: string) => body((writer) => writer.string(value));

describe("a connection", () => {
  let server: FakeServer;
  let holds: boolean[];
  let rpc: RpcConnection;
  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer();
    holds = [];
    rpc = new RpcConnection(server.stream, { label: "qemu:///system", hold: (busy) => holds.push(busy) });
  });
  afterEach(() => {
    rpc.destroy("the test ended");
    vi.useRealTimers();
  });

  it("matches answers by serial, in whatever order they come", async () => {
    const calls = ["a", "b", "c"].map((name) => rpc.call("domainLookupByName", text(name)));
    await vi.waitFor(() => expect(server.received).toHaveLength(3));
    expect(server.received.map(({ serial }) => serial)).toEqual([1, 2, 3]);
    for (const call of [...server.received].reverse())
      server.reply(call, (w) => w.string(`answer ${call.serial}`));
    const answers = await Promise.all(calls);
    expect(answers.map((reader) => reader.string())).toEqual(["answer 1", "answer 2", "answer 3"]);
  });

  it("trap libvirt#18: dispatches by type before serial: an event of serial 1 answers no call", async () => {
    const events: number[] = [];
    rpc.onEvent(PROCEDURE.domainEventLifecycle, (event) => events.push(event.i32()));
    const call = rpc.call("connectGetHostname");
    await vi.waitFor(() => expect(server.received).toHaveLength(1));
    const event = body((writer) => writer.i32(42));
    server.send({
      type: MESSAGE_TYPE.event,
      serial: 1,
      procedure: PROCEDURE.domainEventLifecycle,
      payload: event,
    });
    server.send({
      type: MESSAGE_TYPE.stream,
      serial: 1,
      procedure: PROCEDURE.connectGetHostname,
      payload: event,
    });
    const hole = 6; // virNetStreamHole, which we never ask for
    server.send({ type: hole, serial: 1, procedure: PROCEDURE.connectGetHostname, payload: event });
    server.reply(server.received[0] as never, (writer) => writer.string("rack"));
    expect((await call).string()).toBe("rack");
    expect(events).toEqual([42]);
  });

  it("gives no more events after the listener has gone", async () => {
    const listener = vi.fn();
    const forget = rpc.onEvent(PROCEDURE.domainEventLifecycle, listener);
    forget();
    server.send({ type: MESSAGE_TYPE.event, procedure: PROCEDURE.domainEventLifecycle });
    server.onPacket = (packet) => server.reply(packet);
    await rpc.call("connectGetHostname");
    expect(listener).not.toHaveBeenCalled();
  });

  it("passes over packets of other programs, such as keep-alive", async () => {
    const call = rpc.call("connectGetHostname");
    await vi.waitFor(() => expect(server.received).toHaveLength(1));
    server.send({ program: 0x6b656570, type: MESSAGE_TYPE.reply, serial: 1, payload: text("wrong") });
    server.reply(server.received[0] as never, (writer) => writer.string("right"));
    expect((await call).string()).toBe("right");
  });

  it("turns an error reply into libvirt's code and words", async () => {
    server.onPacket = (packet) => server.refuse(packet, 42, "Domain not found");
    await expect(rpc.call("domainLookupByName", text("x"))).rejects.toMatchObject({
      name: "LibvirtError",
      code: 42,
      domain: 10,
      message: "Domain not found",
    });
  });

  it("rejects a call without an answer after its deadline, and carries on", async () => {
    server.onPacket = (packet) => {
      if (packet.procedure !== PROCEDURE.domainCreate) server.reply(packet);
    };
    const stuck = rpc.call("domainCreate");
    const outcome = expect(stuck).rejects.toMatchObject({
      name: "DeadlineError",
      message: expect.stringContaining("qemu:///system: domainCreate had no answer for 6"),
    });
    for (let second = 0; second < 62; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      await rpc.call("connectGetHostname");
    }
    await outcome;
    expect(rpc.broken).toBeUndefined();
    // The answer that comes late belongs to no one.
    server.reply(server.received.find(({ procedure }) => procedure === PROCEDURE.domainCreate) as never);
    await rpc.call("connectGetHostname");
  });

  it("trap libvirt#43: gives a queue that the server works off slowly all the time it needs", async () => {
    const calls = Array.from({ length: 10 }, () => rpc.call("networkDestroy"));
    const all = Promise.all(calls);
    await vi.waitFor(() => expect(server.received).toHaveLength(10));
    for (const call of server.received) {
      await vi.advanceTimersByTimeAsync(50_000);
      server.reply(call);
    }
    expect(await all).toHaveLength(10);
  });

  it("takes a link on which nothing is heard for dead, and rejects all that waits", async () => {
    const calls = [rpc.call("domainCreate"), rpc.call("connectGetHostname")];
    const settled = Promise.allSettled(calls);
    await vi.advanceTimersByTimeAsync(62_000);
    const reasons = (await settled).map((result) => result.status === "rejected" && result.reason.name);
    expect(reasons).toEqual(["DeadlineError", "BackendError"]);
    expect(rpc.broken?.message).toMatch(/nothing was heard for 6\d s/);
  });

  it.each([
    ["ends", (s: FakeServer) => s.stream.push(null), /the other side ended it/],
    ["breaks", (s: FakeServer) => s.stream.destroy(new Error("ECONNRESET")), /ECONNRESET/],
    ["speaks something else", (s: FakeServer) => s.stream.push("HTTP/1.1 400 Bad Request"), /not a libvirt/],
  ])("rejects all that waits and all that follows when the other side %s", async (_, act, message) => {
    const calls = [rpc.call("domainCreate"), rpc.call("connectGetHostname")];
    const settled = Promise.allSettled(calls);
    const closed = vi.fn();
    rpc.onClose(closed);
    act(server);
    for (const result of await settled) {
      expect(result).toMatchObject({ status: "rejected", reason: { name: "BackendError" } });
    }
    expect(rpc.broken?.message).toMatch(message);
    expect(rpc.broken?.message).toContain("while domainCreate, connectGetHostname had no answer");
    await expect(rpc.call("authList")).rejects.toBe(rpc.broken);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  it("rejects a message over the limit without breaking the link", async () => {
    await expect(rpc.call("domainDefineXml", Buffer.alloc(17 * 1024 * 1024))).rejects.toThrow(
      /over the limit/,
    );
    server.onPacket = (packet) => server.reply(packet);
    await rpc.call("connectGetHostname");
  });

  it("holds the process only while something is under way", async () => {
    expect(holds).toEqual([false]);
    const calls = [rpc.call("connectGetHostname"), rpc.call("connectGetHostname")];
    await vi.waitFor(() => expect(server.received).toHaveLength(2));
    for (const call of server.received) server.reply(call);
    await Promise.all(calls);
    expect(holds).toEqual([false, true, false]);
    expect(vi.getTimerCount()).toBe(0);
  });

  describe("a stream", () => {
    const open = async (deadlineMs?: number) => {
      const opening = rpc.openStream("volumeUpload", Buffer.alloc(0), deadlineMs);
      await vi.waitFor(() => expect(server.received.length).toBeGreaterThan(0));
      const call = server.received[0] as (typeof server.received)[0];
      return { opening, call };
    };
    const data = (
      call: { serial: number; procedure: number },
      status: number,
      payload = Buffer.alloc(0),
    ) => ({
      type: MESSAGE_TYPE.stream,
      serial: call.serial,
      procedure: call.procedure,
      status,
      payload,
    });

    it("reads data that came in the same slice as the reply, to the end", async () => {
      const { opening, call } = await open();
      server.reply(call);
      server.send(data(call, MESSAGE_STATUS.continue, Buffer.from("one")));
      server.send(data(call, MESSAGE_STATUS.continue, Buffer.from("two")));
      server.send(data(call, MESSAGE_STATUS.continue));
      const stream = await opening;
      expect([`${await stream.read()}`, `${await stream.read()}`, await stream.read()]).toEqual([
        "one",
        "two",
        undefined,
      ]);
      expect(holds.at(-1)).toBe(true);
      const finish = stream.finish();
      server.send(data(call, MESSAGE_STATUS.ok));
      await finish;
      expect(holds.at(-1)).toBe(false);
    });

    it("trap libvirt#32: ends with an empty packet of status 0, and waits for the server's", async () => {
      const { opening, call } = await open();
      server.reply(call);
      const stream = await opening;
      await stream.write(Buffer.from("content"));
      let done = false;
      const finish = stream.finish().then(() => {
        done = true;
      });
      await vi.advanceTimersByTimeAsync(10);
      expect(done).toBe(false);
      expect(
        server.received
          .slice(1)
          .map(({ type, status, serial, payload }) => [type, status, serial, `${payload}`]),
      ).toEqual([
        [3, 2, call.serial, "content"],
        [3, 0, call.serial, ""],
      ]);
      server.send(data(call, MESSAGE_STATUS.ok));
      await finish;
    });

    it("waits with the next packet until the far side takes more", async () => {
      const { opening, call } = await open();
      server.reply(call);
      const stream = await opening;
      server.reading = false;
      await stream.write(Buffer.alloc(10)); // in the buffer
      let sent = false;
      const second = stream.write(Buffer.alloc(64 * 1024)).then(() => {
        sent = true;
      });
      await vi.advanceTimersByTimeAsync(1_000);
      expect(sent).toBe(false);
      server.resume();
      await second;
    });

    it("that stands still fails after its deadline, and tells the server", async () => {
      const { opening, call } = await open();
      server.reply(call);
      const stream = await opening;
      const read = expect(stream.read()).rejects.toThrow(/sent no data for 60 s/);
      await vi.advanceTimersByTimeAsync(60_001);
      await read;
      expect(server.received.at(-1)).toMatchObject({
        type: 3,
        status: MESSAGE_STATUS.error,
        serial: call.serial,
      });
      expect(rpc.broken).toBeUndefined();
    });

    it("without a deadline waits for ever", async () => {
      const { opening, call } = await open(0);
      server.reply(call);
      const stream = await opening;
      const read = stream.read();
      await vi.advanceTimersByTimeAsync(3_600_000);
      server.send(data(call, MESSAGE_STATUS.continue, Buffer.from("at last")));
      expect(`${await read}`).toBe("at last");
    });

    it("fails with the server's words, and what had come before can still be read", async () => {
      const { opening, call } = await open();
      server.reply(call);
      const stream = await opening;
      server.send(data(call, MESSAGE_STATUS.continue, Buffer.from("before")));
      server.refuse(call, 38, "No space left on device", MESSAGE_TYPE.stream);
      expect(`${await stream.read()}`).toBe("before");
      await expect(stream.read()).rejects.toMatchObject({ code: 38, message: "No space left on device" });
      await expect(stream.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 38 });
      await expect(stream.finish()).rejects.toMatchObject({ code: 38 });
    });

    it("that the server does not open holds nothing", async () => {
      const { opening, call } = await open();
      server.refuse(call, 50, "no storage vol");
      await expect(opening).rejects.toMatchObject({ code: 50 });
      expect(holds.at(-1)).toBe(false);
    });

    it("fails with the link", async () => {
      const { opening, call } = await open();
      server.reply(call);
      const stream = await opening;
      const read = stream.read();
      server.stream.destroy(new Error("ECONNRESET"));
      await expect(read).rejects.toThrow(/ECONNRESET/);
    });
  });
});
