import { parseHostKey } from "../../providers/ssh/known-hosts";
import { parseMac } from "./mac";

/** What a machine says of itself with an event. Everything in it was checked, and what failed was left out. */
export interface Report {
  /** All MACs that it names. */
  macs: string[];
  hostName?: string;
  bootId?: string;
  sshHostKey?: string;
  detail?: string;
}

/** How much of an installer's log is kept: its end, where the reason stands. */
const DETAIL_LENGTH = 16 << 10;
const NAMES = {
  mac: "mac",
  host: "hostName",
  hostname: "hostName",
  bootid: "bootId",
  hostkey: "sshHostKey",
  detail: "detail",
} as const;
/** Number of fields of a key's blob, and the least length of the second. */
const FIELDS: Record<string, { fields: number; least: number } | undefined> = {
  "ssh-ed25519": { fields: 2, least: 32 },
  "ecdsa-sha2-nistp256": { fields: 3, least: 8 },
  "ecdsa-sha2-nistp384": { fields: 3, least: 8 },
  "ecdsa-sha2-nistp521": { fields: 3, least: 8 },
  "ssh-rsa": { fields: 3, least: 1 },
};
type Field = (typeof NAMES)[keyof typeof NAMES];

/**
 * Read an event's body: a form (what curl and wget send), JSON, or the bare text of a log. `curl --data-binary @log`
 * calls a log a form, so a form without any name of ours is a log, too.
 */
export function readReport(body: Buffer, contentType: string | undefined, token: string): Report {
  const text = body.toString("utf8");
  const fields = /json/i.test(contentType ?? "") ? fromJson(text) : fromForm(text, contentType);
  const detail = fields.detail ?? (Object.keys(fields).length === 0 ? text : undefined);
  return checked({ ...fields, ...(detail && { detail }) }, token);
}

function checked(fields: Partial<Record<Field, string>>, token: string): Report {
  const notes: string[] = [];
  const report: Report = { macs: [] };
  for (const word of (fields.mac ?? "").split(/[\s,]+/)) {
    const mac = parseMac(word);
    if (mac) report.macs.push(mac);
  }
  if (fields.hostName !== undefined) {
    const name = fields.hostName.trim();
    if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(name) && name.length <= 253)
      report.hostName = name;
    else notes.push("its host name is none");
  }
  if (fields.bootId !== undefined) {
    const id = fields.bootId.trim().toLowerCase();
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) report.bootId = id;
    else notes.push("its boot id is none");
  }
  if (fields.sshHostKey !== undefined) {
    const key = hostKeyOf(fields.sshHostKey);
    if ("good" in key) report.sshHostKey = key.good;
    else notes.push(`its ssh host key cannot be used: ${key.bad}`);
  }
  const detail = [...notes, ...(fields.detail ? [fields.detail] : [])].join("; ");
  if (detail) report.detail = plain(detail.replaceAll(token, "***")).slice(-DETAIL_LENGTH);
  return report;
}

/** The key without its comment, else what is wrong with it. */
function hostKeyOf(text: string): { good: string } | { bad: string } {
  const key = parseHostKey(text);
  if (typeof key === "string") return { bad: key };
  // RFC 4253, 6.6: fields with their lengths before them, up to the last byte.
  const blob = Buffer.from(key.key, "base64");
  const lengths: number[] = [];
  for (let at = 0; at < blob.length; at += 4 + (lengths.at(-1) ?? 0)) {
    if (at + 4 > blob.length) return { bad: "it is cut off" };
    lengths.push(blob.readUInt32BE(at));
    if (at + 4 + (lengths.at(-1) ?? 0) > blob.length) return { bad: "it is cut off" };
  }
  const whole = FIELDS[key.type];
  if (whole === undefined) return { bad: "it is of no type that is checked" };
  return lengths.length === whole.fields && (lengths[1] ?? 0) >= whole.least
    ? { good: `${key.type} ${key.key}` }
    : { bad: "it is not whole" };
}

/** Without what a terminal would take for a command. */
const plain = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
  text.replace(/\r\n/g, "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "�");

const fieldOf = (name: string): Field | undefined => {
  const word = name.toLowerCase().replace(/[_-]/g, "");
  return Object.hasOwn(NAMES, word) ? NAMES[word as keyof typeof NAMES] : undefined;
};

function fromJson(text: string): Partial<Record<Field, string>> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof read !== "object" || read === null) return {};
  return collect(
    Object.entries(read).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}

const fromForm = (text: string, contentType: string | undefined): Partial<Record<Field, string>> =>
  contentType !== undefined && !/x-www-form-urlencoded/i.test(contentType)
    ? {}
    : collect([...new URLSearchParams(text)]);

function collect(pairs: [string, string][]): Partial<Record<Field, string>> {
  const fields: Partial<Record<Field, string>> = {};
  for (const [name, value] of pairs) {
    const field = fieldOf(name);
    if (field !== undefined) fields[field] = value;
  }
  return fields;
}
