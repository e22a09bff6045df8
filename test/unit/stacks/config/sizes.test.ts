import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDuration } from "../../../../stacks/config/durations";
import { parseInstant } from "../../../../stacks/config/instants";
import { parseSize } from "../../../../stacks/config/sizes";

describe("sizes", () => {
  test.each([
    ["8 GiB", 8 * 2 ** 30],
    ["8GiB", 8 * 2 ** 30],
    ["1.5 GiB", 1.5 * 2 ** 30],
    ["8240000 KiB", 8_240_000 * 1024],
    ["100 GB", 100e9],
    ["512 B", 512],
    ["1 TiB", 2 ** 40],
  ])("%s", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test("every whole number of each unit is read exactly", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8000 }), fc.constantFrom(1, 2, 3, 4), (n, power) => {
        expect(parseSize(`${n} ${" KMGT"[power]}iB`)).toBe(n * 1024 ** power);
      }),
    );
  });

  test.each([
    ["8", '8 is a bare number; write "8 GiB" or "8 MiB"'],
    ["8192", '8192 is a bare number; write "8192 MiB" or "8192 KiB"'],
    ["8240000", '8240000 is a bare number; write "8240000 KiB" or "8240000 B"'],
    ["8 G", 'write "8 GiB" (by 1024) or "8 GB" (by 1000)'],
    ["8 KB", 'write "8 KiB" (by 1024) or "8 kB" (by 1000)'],
    ["8 mib", '"mib" is written "MiB"'],
    ["8 floppies", '"floppies" is no unit of size'],
    ["-8 GiB", "is no size"],
    ["", "is no size"],
    ["0 GiB", "more than 0"],
    ["9000000 TiB", "more than any disk"],
  ])("refuses %j", (text, message) => {
    expect(() => parseSize(text)).toThrow(message);
  });
});

describe("durations", () => {
  test.each([
    ["90s", 90],
    ["90m", 5400],
    ["2h", 7200],
    ["1d", 86_400],
    ["1h 30m", 5400],
    ["1h30m", 5400],
    ["0.5h", 1800],
  ])("%s", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each([
    ["90", '90 is a bare number; write "90s" or "90m"'],
    ["90 minutes", "is no duration"],
    ["", "is no duration"],
    ["0s", "more than 0"],
  ])("refuses %j", (text, message) => {
    expect(() => parseDuration(text)).toThrow(message);
  });
});

describe("instants", () => {
  test.each([
    ["2026-12-24T18:00Z", "2026-12-24T18:00:00Z"],
    ["2026-12-24T18:00:30.5Z", "2026-12-24T18:00:30Z"],
    ["2026-12-24T00:30+01:00", "2026-12-23T23:30:00Z"],
    ["2026-12-24T18:00-0500", "2026-12-24T23:00:00Z"],
    ["2028-02-29T18:00Z", "2028-02-29T18:00:00Z"],
  ])("%s", (text, utc) => {
    expect(parseInstant(text)).toBe(utc);
  });

  test.each([
    ["2026-12-24", "is no instant"],
    ["24.12.2026", "is no instant"],
    ["2026-12-24T18:00", "has no zone"],
    ["2026-02-29T18:00Z", "not in the calendar"],
    ["2026-12-24T25:00Z", "not in the calendar"],
  ])("refuses %s", (text, message) => {
    expect(() => parseInstant(text)).toThrow(message);
  });
});
