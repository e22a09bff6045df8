import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { SharedLink } from "../../../bench/shared-link";

describe("the link that the boot server is measured on", () => {
  it("carries as much as it should for all clients together, however much there is to have", async () => {
    const server = http.createServer((_, response) => response.end(Buffer.alloc(1 << 20)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const link = new SharedLink(20e6);
    const stop = new AbortController();
    for (let i = 0; i < 8; i++) link.fetchForever((server.address() as AddressInfo).port, "/", stop.signal);
    await sleep(300);
    const [bytes, started] = [link.bytes, performance.now()];
    await sleep(700);
    const rate = ((link.bytes - bytes) / (performance.now() - started)) * 1_000;
    stop.abort();
    link.close();
    server.closeAllConnections();
    server.close();
    // What one client read at once may be over for a moment; a busy machine may carry less.
    expect(rate).toBeGreaterThan(8e6);
    expect(rate).toBeLessThan(23e6);
  });
});
