/** LDAP messages on the wire (RFC 4511), read and written with the BER code of ldapts. */
import { BerReader, BerWriter } from "ldapts";
import { CODE, need, type ResultCode, refuse } from "./codes";
import { type Filter, readFilter } from "./filter";

export type AttributeList = [type: string, values: string[]][];

export interface EditRequest {
  operation: "add" | "delete" | "replace";
  type: string;
  values: string[];
}

export type Request =
  | { op: "bind"; version: number; dn: string; password: string | undefined }
  | { op: "unbind" }
  | { op: "abandon" }
  | {
      op: "search";
      base: string;
      scope: "base" | "one" | "sub";
      sizeLimit: number;
      typesOnly: boolean;
      filter: Filter;
      attributes: string[];
    }
  | { op: "add"; dn: string; attributes: AttributeList }
  | { op: "modify"; dn: string; edits: EditRequest[] }
  | { op: "delete"; dn: string }
  | { op: "rename"; dn: string; newRdn: string; deleteOldRdn: boolean; newSuperior: string | undefined }
  | { op: "compare"; dn: string; type: string; value: string }
  | { op: "extended"; oid: string; value: Buffer | undefined };

export interface Message {
  id: number;
  request: Request;
  controls: { oid: string; critical: boolean; value: Buffer | undefined }[];
}

const TAG = {
  bind: 0x60,
  unbind: 0x42,
  search: 0x63,
  modify: 0x66,
  add: 0x68,
  delete: 0x4a,
  rename: 0x6c,
  compare: 0x6e,
  abandon: 0x50,
  extended: 0x77,
  controls: 0xa0,
} as const;

/** Tag of the response to each request that has one. */
const RESPONSE = {
  bind: 0x61,
  search: 0x65,
  modify: 0x67,
  add: 0x69,
  delete: 0x6b,
  rename: 0x6d,
  compare: 0x6f,
  extended: 0x78,
} as const;

const SEARCH_ENTRY = 0x64;
const LARGEST = 16 * 1024 * 1024;

/** Length of the first whole message in `bytes`, or undefined while more must come. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  if (bytes[0] !== 0x30) return refuse(CODE.protocolError, "not an LDAP message");
  const first = bytes[1] as number;
  const count = first & 0x80 ? first & 0x7f : 0;
  if (count > 4 || first === 0x80) return refuse(CODE.protocolError, "bad message length");
  if (bytes.length < 2 + count) return undefined;
  const content = count ? bytes.readUIntBE(2, count) : first;
  if (content > LARGEST) return refuse(CODE.protocolError, "message too long");
  const total = 2 + count + content;
  return bytes.length < total ? undefined : total;
}

export function readMessage(bytes: Buffer): Message {
  const reader = new BerReader(bytes);
  reader.readSequence();
  const id = need(reader.readInt());
  const request = readRequest(reader);
  return { id, request, controls: reader.remain > 0 ? readControls(reader) : [] };
}

function readRequest(reader: BerReader): Request {
  const tag = reader.peek();
  if (tag === TAG.delete) return { op: "delete", dn: need(reader.readString(TAG.delete)) };
  if (tag === TAG.abandon) {
    reader.readString(TAG.abandon, true);
    return { op: "abandon" };
  }
  reader.readSequence();
  switch (tag) {
    case TAG.bind: {
      const version = need(reader.readInt());
      const dn = text(reader);
      // [0] is simple; [3] SASL is refused by the server.
      const password = reader.peek() === 0x80 ? need(reader.readString(0x80)) : undefined;
      if (password === undefined) skip(reader);
      return { op: "bind", version, dn, password };
    }
    case TAG.unbind:
      return { op: "unbind" };
    case TAG.search: {
      const base = text(reader);
      const scope = (["base", "one", "sub"] as const)[need(reader.readEnumeration())] ?? "sub";
      reader.readEnumeration(); // there are no aliases here
      const sizeLimit = need(reader.readInt());
      reader.readInt(); // time limit: nothing here takes long
      const typesOnly = reader.readBoolean() ?? false;
      const filter = readFilter(reader);
      return { op: "search", base, scope, sizeLimit, typesOnly, filter, attributes: list(reader, text) };
    }
    case TAG.add:
      return { op: "add", dn: text(reader), attributes: list(reader, attribute) };
    case TAG.modify:
      return { op: "modify", dn: text(reader), edits: list(reader, edit) };
    case TAG.rename: {
      const [dn, newRdn] = [text(reader), text(reader)];
      const deleteOldRdn = reader.readBoolean() ?? true;
      const newSuperior = reader.peek() === 0x80 ? need(reader.readString(0x80)) : undefined;
      return { op: "rename", dn, newRdn, deleteOldRdn, newSuperior };
    }
    case TAG.compare: {
      const dn = text(reader);
      reader.readSequence();
      return { op: "compare", dn, type: text(reader), value: text(reader) };
    }
    case TAG.extended: {
      const oid = need(reader.readString(0x80));
      const value = reader.peek() === 0x81 ? need(reader.readString(0x81, true)) : undefined;
      return { op: "extended", oid, value };
    }
    default:
      return refuse(CODE.protocolError, `unknown request 0x${tag?.toString(16)}`);
  }
}

function readControls(reader: BerReader): Message["controls"] {
  return list(reader, (controls) => {
    controls.readSequence();
    const end = controls.offset + controls.length;
    const oid = text(controls);
    const critical =
      controls.offset < end && controls.peek() === 0x01 ? (controls.readBoolean() ?? false) : false;
    const value = controls.offset < end ? need(controls.readString(0x04, true)) : undefined;
    return { oid, critical, value };
  });
}

/** The items of a sequence or set. */
function list<T>(reader: BerReader, item: (reader: BerReader) => T): T[] {
  reader.readSequence();
  const end = reader.offset + reader.length;
  const items: T[] = [];
  while (reader.offset < end) items.push(item(reader));
  return items;
}

const text = (reader: BerReader): string => need(reader.readString());

function attribute(reader: BerReader): [string, string[]] {
  reader.readSequence();
  return [text(reader), list(reader, text)];
}

function edit(reader: BerReader): EditRequest {
  reader.readSequence();
  const operation = (["add", "delete", "replace"] as const)[need(reader.readEnumeration())];
  const [type, values] = attribute(reader);
  return { operation: operation ?? refuse(CODE.protocolError, "unknown change"), type, values };
}

function skip(reader: BerReader): void {
  reader.readSequence();
  reader.offset += reader.length;
}

/** What ends every operation that has an answer. */
export interface Outcome {
  code: ResultCode;
  message?: string;
  matchedDn?: string;
  /** Of an extended operation. */
  value?: Buffer | undefined;
  /** Cookie of the next page. */
  page?: Buffer | undefined;
}

export function writeOutcome(id: number, op: keyof typeof RESPONSE, outcome: Outcome): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(RESPONSE[op]);
  writer.writeEnumeration(outcome.code);
  writer.writeString(outcome.matchedDn ?? "");
  writer.writeString(outcome.message ?? "");
  if (outcome.value) writer.writeBuffer(outcome.value, 0x8b);
  writer.endSequence();
  if (outcome.page) writePageControl(writer, outcome.page);
  writer.endSequence();
  return writer.buffer;
}

export function writeEntry(id: number, dn: string, attributes: AttributeList): Buffer {
  const writer = new BerWriter({ size: 4096 });
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(SEARCH_ENTRY);
  writer.writeString(dn);
  writer.startSequence();
  for (const [type, values] of attributes) {
    writer.startSequence();
    writer.writeString(type);
    writer.startSequence(0x31);
    for (const value of values) writer.writeString(value);
    writer.endSequence();
    writer.endSequence();
  }
  writer.endSequence();
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}

export const PAGED_RESULTS = "1.2.840.113556.1.4.319";

/** `realSearchControlValue ::= SEQUENCE { size INTEGER, cookie OCTET STRING }` (RFC 2696) */
export function readPage(value: Buffer): { size: number; cookie: Buffer } {
  const reader = new BerReader(value);
  reader.readSequence();
  return { size: need(reader.readInt()), cookie: need(reader.readString(0x04, true)) };
}

function writePageControl(writer: BerWriter, cookie: Buffer): void {
  const value = new BerWriter();
  value.startSequence();
  value.writeInt(0);
  value.writeBuffer(cookie, 0x04);
  value.endSequence();
  writer.startSequence(TAG.controls);
  writer.startSequence();
  writer.writeString(PAGED_RESULTS);
  writer.writeBuffer(value.buffer, 0x04);
  writer.endSequence();
  writer.endSequence();
}
