import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { formatBytes } from "../../../../providers/core/sizes";
import { checked, labelOf } from "../../../../providers/images/source";

const content = Buffer.from("the whole content of an image, longer than its header");
const sum = (algorithm: string) => `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
const source = (pieces: Buffer[], length = content.length) => ({
  label: "image",
  length,
  stream: Readable.from(pieces),
});
const drain = async (stream: Readable): Promise<Buffer> => Buffer.concat(await stream.toArray());

describe("a source on its way to the hypervisor", () => {
  it.each(["sha256", "sha512"])(
    "is passed through unchanged and has the %s that was promised",
    async (algorithm) => {
      const { stream, verify } = checked(
        source([content.subarray(0, 5), content.subarray(5)]),
        sum(algorithm),
        () => {},
      );
      expect((await drain(stream)).equals(content)).toBe(true);
      expect(verify).not.toThrow();
    },
  );

  it("is refused with both checksums when it has another", async () => {
    const { stream, verify } = checked(source([content]), sum("sha256").replace(/.$/, "x"), () => {});
    await drain(stream);
    expect(verify).toThrow(/image: its checksum is sha256:[0-9a-f]{64}, the config says sha256:/);
  });

  it("is refused when it ends early", async () => {
    const { stream, verify } = checked(source([content.subarray(0, 40)]), undefined, () => {});
    await drain(stream);
    expect(verify).toThrow(/ended after 40 of 53 bytes/);
  });

  it("shows its header whole, before any byte is passed on", async () => {
    const seen: Buffer[] = [];
    const { stream } = checked(
      source([...content].map((byte) => Buffer.from([byte]))),
      undefined,
      (header) => {
        seen.push(header);
      },
    );
    await drain(stream);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.length).toBeGreaterThanOrEqual(32);
    const refused = checked(source([content]), undefined, () => {
      throw new Error("not this one");
    });
    const passed: Buffer[] = [];
    refused.stream.on("data", (chunk) => passed.push(chunk));
    await expect(new Promise((_, reject) => refused.stream.once("error", reject))).rejects.toThrow(
      "not this one",
    );
    expect(passed).toEqual([]);
  });

  it("says of what it broke off", async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error("terminated"));
      },
    });
    const { stream } = checked({ label: "image", length: 10, stream: broken }, undefined, () => {});
    await expect(drain(stream)).rejects.toThrow(/^image broke off before its 10 bytes were read: terminated/);
  });

  it("is named without user, password and query", () => {
    expect(labelOf({ url: "https://me:secret@host/a/b.qcow2?token=secret#x" })).toBe(
      "https://host/a/b.qcow2",
    );
    expect(labelOf({ url: "not a url secret" })).toBe("the URL");
    expect(labelOf({ path: "/a" })).toBe("/a");
  });
});

it.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1024, "1 KiB"],
  [1536 * 1024, "1.5 MiB"],
  [10 * 1024 ** 3, "10 GiB"],
  [3000 * 1024 ** 4, "3000 TiB"],
])("%i bytes are written %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
