import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endpoints } from "../../../../embedded/sandbox/addresses";

describe("where a sandbox answers", () => {
  it("shows the machine's own address", () => {
    expect(endpoints("52:54:00:00:00:05", "10.20.0.5")[0]).toEqual({ address: "127.20.0.5", port: 2222 });
  });

  it("is the same at every start, and does without a lease", () => {
    expect(endpoints("52:54:00:00:00:05", undefined)).toEqual(endpoints("52:54:00:00:00:05", undefined));
    expect(endpoints("52:54:00:00:00:05", undefined)).not.toEqual(endpoints("52:54:00:00:00:06", undefined));
  });

  it("is always a loopback address and an unprivileged port, and never the host's own address first", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.string(), (ip, mac) => {
        const all = endpoints(mac, ip);
        expect(
          all.every(({ address, port }) => address.startsWith("127.") && port >= 1024 && port < 65536),
        ).toBe(true);
        expect(all[0]?.address).not.toMatch(/^127\.0\./);
        // Where there is only 127.0.0.1, there are ports to try.
        expect(all.some(({ address }) => address === "127.0.0.1")).toBe(true);
      }),
    );
  });
});
