import type { Readable } from "node:stream";
import { LabError } from "../../core/errors";
import type { LibvirtClient, VolumeRef } from "../client";
import { encode, type Link } from "./call";
import { STREAM_CHUNK_BYTES } from "./procedures";
import { writeVolume } from "./references";
import type { RpcStream } from "./stream";

export type TransferCalls = Pick<LibvirtClient, "volumeUpload" | "volumeDownload">;

/** Contents of volumes, in and out. */
export function transferCalls(
  link: Link,
  volumes: Pick<LibvirtClient, "volumeXml" | "volumeInfo">,
): TransferCalls {
  /** Raw volumes grow past their capacity without an error, so the size is ours to check. */
  const checkRoom = async (volume: VolumeRef, length: number): Promise<void> => {
    const [xml, { capacity }] = await Promise.all([volumes.volumeXml(volume), volumes.volumeInfo(volume)]);
    const format = /<target>[\s\S]*?<format type=['"](\w+)['"]/.exec(xml)?.[1] ?? "raw";
    if ((format === "raw" || format === "iso") && BigInt(length) > capacity) {
      throw new LabError(
        `volume "${volume.name}": ${length} bytes do not fit into its capacity of ${capacity} bytes. Make it at least as large as its source, or leave its size out.`,
      );
    }
  };

  const open = async (
    procedure: "volumeUpload" | "volumeDownload",
    volume: VolumeRef,
    length: number,
    signal: AbortSignal | undefined,
    work: (stream: RpcStream) => Promise<void>,
  ): Promise<void> => {
    signal?.throwIfAborted();
    const payload = encode((args) => writeVolume(args, volume).u64(0).u64(length).u32(0));
    const stream = await (await link()).openStream(procedure, payload);
    const stop = () => stream.abort();
    signal?.addEventListener("abort", stop);
    try {
      await work(stream);
      await stream.finish();
    } catch (error) {
      stream.abort();
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  };

  return {
    async volumeUpload(volume, source, length, onProgress, signal) {
      const stop = () => source.destroy();
      try {
        await checkRoom(volume, length);
        signal?.addEventListener("abort", stop);
        await open("volumeUpload", volume, length, signal, async (stream) => {
          let sent = 0;
          for await (const chunk of slices(source)) {
            sent += chunk.length;
            if (sent > length) break;
            await stream.write(chunk);
            onProgress?.(sent);
          }
          if (sent !== length) throw wrongLength(volume, length, sent);
        });
      } finally {
        signal?.removeEventListener("abort", stop);
        source.destroy();
      }
    },
    async volumeDownload(volume, signal) {
      const chunks: Buffer[] = [];
      await open("volumeDownload", volume, 0, signal, async (stream) => {
        for (let data = await stream.read(); data; data = await stream.read()) chunks.push(data);
      });
      return Buffer.concat(chunks);
    },
  };
}

async function* slices(source: Readable): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece as string | Uint8Array);
    for (let start = 0; start < chunk.length; start += STREAM_CHUNK_BYTES) {
      yield chunk.subarray(start, start + STREAM_CHUNK_BYTES);
    }
  }
}

function wrongLength(volume: VolumeRef, length: number, sent: number): LabError {
  const how = sent > length ? "more" : `only ${sent}`;
  return new LabError(
    `volume "${volume.name}": the source gave ${how} of the ${length} bytes announced; it changed while it was read. Check it, and run again to repeat the upload.`,
  );
}
