/** XDR (RFC 4506) as libvirt's RPC uses it: big-endian, padded to 4 bytes. Shared by the client and the embedded server. */

const padding = (length: number): number => (4 - (length & 3)) & 3;

export class XdrWriter {
  private readonly parts: Buffer[] = [];

  u32(value: number): this {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(value >>> 0);
    return this.push(buffer);
  }
  i32(value: number): this {
    const buffer = Buffer.alloc(4);
    buffer.writeInt32BE(value | 0);
    return this.push(buffer);
  }
  u64(value: bigint | number): this {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64BE(BigInt(value));
    return this.push(buffer);
  }
  i64(value: bigint | number): this {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64BE(BigInt(value));
    return this.push(buffer);
  }
  bool(value: boolean): this {
    return this.u32(value ? 1 : 0);
  }
  string(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    return this.u32(bytes.length).push(bytes, Buffer.alloc(padding(bytes.length)));
  }
  /** Fixed-length opaque data, such as a UUID. */
  fixed(bytes: Buffer): this {
    return this.push(bytes, Buffer.alloc(padding(bytes.length)));
  }
  optional<T>(value: T | undefined, write: (writer: XdrWriter, value: T) => void): this {
    if (value === undefined) return this.u32(0);
    this.u32(1);
    write(this, value);
    return this;
  }
  optionalString(value: string | undefined): this {
    return this.optional(value, (writer, text) => writer.string(text));
  }
  array<T>(values: readonly T[], write: (writer: XdrWriter, value: T) => void): this {
    this.u32(values.length);
    for (const value of values) write(this, value);
    return this;
  }
  bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
  private push(...buffers: Buffer[]): this {
    this.parts.push(...buffers);
    return this;
  }
}

export class XdrReader {
  private offset = 0;
  constructor(private readonly buffer: Buffer) {}

  u32(): number {
    return this.take(4).readUInt32BE(0);
  }
  i32(): number {
    return this.take(4).readInt32BE(0);
  }
  u64(): bigint {
    return this.take(8).readBigUInt64BE(0);
  }
  i64(): bigint {
    return this.take(8).readBigInt64BE(0);
  }
  bool(): boolean {
    return this.u32() !== 0;
  }
  string(): string {
    return this.fixed(this.u32()).toString("utf8");
  }
  fixed(length: number): Buffer {
    const bytes = this.take(length);
    this.take(padding(length));
    return bytes;
  }
  optional<T>(read: (reader: XdrReader) => T): T | undefined {
    return this.u32() ? read(this) : undefined;
  }
  optionalString(): string | undefined {
    return this.optional((reader) => reader.string());
  }
  array<T>(read: (reader: XdrReader) => T): T[] {
    return Array.from({ length: this.u32() }, () => read(this));
  }
  get remaining(): number {
    return this.buffer.length - this.offset;
  }
  private take(length: number): Buffer {
    if (this.remaining < length) throw new RangeError(`XDR: ${length} bytes wanted, ${this.remaining} left`);
    this.offset += length;
    return this.buffer.subarray(this.offset - length, this.offset);
  }
}
