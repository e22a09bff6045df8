/**
 * Distinguished names (RFC 4514). A server gives a DN back in its own spelling (`\2C` for `\,`, other case, other
 * spaces), so DNs are compared by `sameDn` only.
 */

/** One `type=value` pair of an RDN, as written; the value unescaped. */
export interface NamePart {
  type: string;
  value: string;
}

const SPECIAL = new Set([",", "+", '"', "\\", "<", ">", ";", "=", "#"]);

/**
 * A value as it stands in a DN. Hexadecimal escapes only: ldapts looks for the first `,` that does not follow a
 * backslash when it renames, and would cut a value that ends in an escaped backslash.
 */
export function escapeValue(value: string): string {
  const characters = [...value];
  return characters
    .map((character, index) => {
      const edge = character === " " && (index === 0 || index === characters.length - 1);
      return edge || SPECIAL.has(character) || character < " " || character === "\u007f"
        ? hexEscape(character)
        : character;
    })
    .join("");
}

const hexEscape = (character: string): string =>
  [...Buffer.from(character, "utf8")]
    .map((byte) => `\\${byte.toString(16).padStart(2, "0").toUpperCase()}`)
    .join("");

/** DN of the entry named `type=value` under `parent`. */
export const childDn = (type: string, value: string, parent: string): string =>
  `${type}=${escapeValue(value)},${parent}`;

/** The RDNs of a DN, nearest first. Throws a RangeError on what is no DN. */
export function parseDn(dn: string): NamePart[][] {
  if (dn.trim() === "") return [];
  return split(dn, [",", ";"]).map((rdn) => split(rdn, ["+"]).map(parsePart));
}

/** Parent of an entry, in the spelling of `dn`; "" for a root. */
export function parentDn(dn: string): string {
  const [first = ""] = split(dn, [",", ";"]);
  return trimSpaces(dn.slice(first.length + 1));
}

/** The nearest RDN, in the spelling of `dn`. */
export const rdnOf = (dn: string): string => trimSpaces(split(dn, [",", ";"])[0] ?? "");

/** A key that is equal for DNs that name the same entry. */
export function dnKey(dn: string): string {
  return parseDn(dn)
    .map((rdn) =>
      rdn
        .map(({ type, value }) => `${canonicalType(type)}=${escapeValue(foldValue(value))}`)
        .sort()
        .join("+"),
    )
    .join(",");
}

export const sameDn = (a: string, b: string): boolean => dnKey(a) === dnKey(b);

/** True for an entry below `ancestor`, at any depth, and for `ancestor` itself. */
export function isUnder(dn: string, ancestor: string): boolean {
  const [own, top] = [dnKey(dn), dnKey(ancestor)];
  return top === "" || own === top || own.endsWith(`,${top}`);
}

/** caseIgnoreMatch (RFC 4518) as far as names need it: case, composed forms and insignificant spaces. */
export const foldValue = (value: string): string =>
  value.normalize("NFKC").toLowerCase().trim().replace(/\s+/gu, " ");

export const sameName = (a: string, b: string): boolean => foldValue(a) === foldValue(b);

/** Long names and OIDs that servers take for the same attribute type (RFC 4519). */
const TYPE_ALIASES: Record<string, string> = {
  "0.9.2342.19200300.100.1.1": "uid",
  userid: "uid",
  "2.5.4.3": "cn",
  commonname: "cn",
  "2.5.4.4": "sn",
  surname: "sn",
  "2.5.4.10": "o",
  organizationname: "o",
  "2.5.4.11": "ou",
  organizationalunitname: "ou",
  "0.9.2342.19200300.100.1.25": "dc",
  domaincomponent: "dc",
};

/** Lower-case name of an attribute type, the same for its aliases. */
export function canonicalType(type: string): string {
  const name = type.trim().toLowerCase();
  return TYPE_ALIASES[name] ?? name;
}

/** Cut at separators that are neither escaped nor quoted. */
function split(text: string, separators: readonly string[]): string[] {
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === "\\") i++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && separators.includes(character)) {
      pieces.push(text.slice(start, i));
      start = i + 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}

const TYPE = /^\s*(?<type>[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=(?<rest>.*)$/su;

function parsePart(text: string): NamePart {
  const match = TYPE.exec(text);
  if (!match?.groups) throw new RangeError(`"${text}" is no part of a DN`);
  return { type: match.groups.type as string, value: unescapeValue(match.groups.rest as string) };
}

/** Value behind its escapes, or behind the quotes of the older form (RFC 2253). */
function unescapeValue(text: string): string {
  const trimmed = trimSpaces(text);
  const body = /^".*"$/su.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
  const bytes: Buffer[] = [];
  for (let i = 0; i < body.length; ) {
    const hex = /^\\([0-9A-Fa-f]{2})/u.exec(body.slice(i, i + 3))?.[1];
    if (hex) {
      bytes.push(Buffer.from(hex, "hex"));
      i += 3;
      continue;
    }
    if (body[i] === "\\") i++;
    if (i >= body.length) throw new RangeError(`"${text}" ends in a lone backslash`);
    const character = String.fromCodePoint(body.codePointAt(i) as number);
    bytes.push(Buffer.from(character, "utf8"));
    i += character.length;
  }
  return Buffer.concat(bytes).toString("utf8");
}

/** Spaces around a value do not count, unless escaped. Other white space is the value's own. */
function trimSpaces(text: string): string {
  const start = text.replace(/^ +/u, "");
  const end = start.replace(/ +$/u, "");
  const escapes = /\\+$/u.exec(end)?.[0].length ?? 0;
  return escapes % 2 === 1 && end.length < start.length ? `${end} ` : end;
}
