import { canonicalType, dnKey, foldValue } from "../../providers/ldap/dn";
import { CODE, refuse } from "./codes";

/** How values of an attribute are compared. */
type Matching = "ignore" | "exact" | "dn" | "time";

interface AttributeType {
  name: string;
  matching: Matching;
  single?: boolean;
  /** Returned for `+`, not for `*`. */
  operational?: boolean;
  /** Set by the server alone. */
  readOnly?: boolean;
  /** Part of the password policy: unknown to a server without one. */
  policy?: boolean;
}

/** The part of core, cosine, inetorgperson and nis that a directory of people and groups uses. */
const NAMES: Record<Matching, string> = {
  ignore:
    "objectClass cn sn givenName initials displayName uid mail o ou dc description title l st street postalAddress postalCode telephoneNumber mobile pager homePhone homePostalAddress facsimileTelephoneNumber employeeNumber employeeType departmentNumber businessCategory carLicense roomNumber preferredLanguage host uidNumber gidNumber gecos shadowLastChange shadowMin shadowMax shadowWarning shadowInactive shadowExpire shadowFlag",
  exact: "userPassword labeledURI memberUid homeDirectory loginShell audio jpegPhoto photo userCertificate",
  dn: "member uniqueMember owner seeAlso manager secretary roleOccupant",
  time: "",
};

const SINGLE =
  /^(dc|displayName|employeeNumber|preferredLanguage|uidNumber|gidNumber|homeDirectory|loginShell|gecos)$/u;

const OPERATIONAL: AttributeType[] = [
  { name: "structuralObjectClass", matching: "ignore", single: true, readOnly: true },
  { name: "entryUUID", matching: "ignore", single: true, readOnly: true },
  { name: "entryDN", matching: "dn", single: true, readOnly: true },
  { name: "creatorsName", matching: "dn", single: true, readOnly: true },
  { name: "createTimestamp", matching: "time", single: true, readOnly: true },
  { name: "modifiersName", matching: "dn", single: true, readOnly: true },
  { name: "modifyTimestamp", matching: "time", single: true, readOnly: true },
  { name: "subschemaSubentry", matching: "dn", single: true, readOnly: true },
  { name: "hasSubordinates", matching: "ignore", single: true, readOnly: true },
  { name: "pwdChangedTime", matching: "time", single: true, readOnly: true, policy: true },
  { name: "pwdEndTime", matching: "time", single: true, policy: true },
  { name: "pwdStartTime", matching: "time", single: true, policy: true },
  { name: "pwdAccountLockedTime", matching: "time", single: true, policy: true },
].map((type) => ({ ...type, operational: true }) as AttributeType);

const TYPES = new Map<string, AttributeType>();
for (const [matching, names] of Object.entries(NAMES))
  for (const name of names.split(" ").filter(Boolean))
    TYPES.set(name.toLowerCase(), {
      name,
      matching: matching as Matching,
      ...(SINGLE.test(name) ? { single: true } : {}),
    });
for (const name of ["pwdAttribute", "pwdLockout", "pwdMinLength", "pwdMaxFailure", "pwdCheckQuality"])
  TYPES.set(name.toLowerCase(), { name, matching: "ignore", single: true, policy: true });
for (const type of OPERATIONAL) TYPES.set(type.name.toLowerCase(), type);

/** The attribute type of that name, in whatever case or alias; undefined when the schema has none. */
export const attributeType = (name: string): AttributeType | undefined => TYPES.get(canonicalType(name));

export const attributeTypes = (): AttributeType[] => [...TYPES.values()];

/** A key that is equal for values that the attribute's matching rule takes as equal. */
export function valueKey(type: string, value: string): string {
  switch (attributeType(type)?.matching) {
    case "exact":
    case "time":
      return value;
    case "dn":
      return nameKey(value);
    default:
      return foldValue(value);
  }
}

const MOST_NAMES = 20_000;
const nameKeys = new Map<string, string>();

/** Remembered: a group of a thousand is compared with at each of its changes. */
function nameKey(dn: string): string {
  let key = nameKeys.get(dn);
  if (key === undefined) {
    try {
      key = dnKey(dn);
    } catch {
      key = dn;
    }
    if (nameKeys.size >= MOST_NAMES) nameKeys.clear();
    nameKeys.set(dn, key);
  }
  return key;
}

export const sameValue = (type: string, a: string, b: string): boolean =>
  valueKey(type, a) === valueKey(type, b);

interface ObjectClass {
  name: string;
  kind: "abstract" | "structural" | "auxiliary";
  sup?: string;
  must?: string;
  may?: string;
}

const ADDRESS = "street postalAddress postalCode l st telephoneNumber facsimileTelephoneNumber";

const CLASSES: ObjectClass[] = [
  { name: "top", kind: "abstract", must: "objectClass" },
  {
    name: "person",
    kind: "structural",
    sup: "top",
    must: "sn cn",
    may: "userPassword telephoneNumber seeAlso description",
  },
  { name: "organizationalPerson", kind: "structural", sup: "person", may: `title ou ${ADDRESS}` },
  {
    name: "inetOrgPerson",
    kind: "structural",
    sup: "organizationalPerson",
    may: "audio businessCategory carLicense departmentNumber displayName employeeNumber employeeType givenName homePhone homePostalAddress initials jpegPhoto labeledURI mail manager mobile o pager photo preferredLanguage roomNumber secretary uid userCertificate",
  },
  { name: "account", kind: "structural", sup: "top", must: "uid", may: "description seeAlso l o ou host" },
  {
    name: "organization",
    kind: "structural",
    sup: "top",
    must: "o",
    may: `userPassword description ${ADDRESS}`,
  },
  {
    name: "organizationalUnit",
    kind: "structural",
    sup: "top",
    must: "ou",
    may: `userPassword description ${ADDRESS}`,
  },
  {
    name: "organizationalRole",
    kind: "structural",
    sup: "top",
    must: "cn",
    may: `roleOccupant description seeAlso ou ${ADDRESS}`,
  },
  { name: "device", kind: "structural", sup: "top", must: "cn", may: "owner seeAlso description l o ou" },
  {
    name: "groupOfNames",
    kind: "structural",
    sup: "top",
    must: "cn member",
    may: "description businessCategory o ou owner seeAlso",
  },
  {
    name: "groupOfUniqueNames",
    kind: "structural",
    sup: "top",
    must: "cn uniqueMember",
    may: "description businessCategory o ou owner seeAlso",
  },
  {
    name: "posixGroup",
    kind: "structural",
    sup: "top",
    must: "cn gidNumber",
    may: "userPassword memberUid description",
  },
  { name: "dcObject", kind: "auxiliary", sup: "top", must: "dc" },
  { name: "uidObject", kind: "auxiliary", sup: "top", must: "uid" },
  { name: "simpleSecurityObject", kind: "auxiliary", sup: "top", must: "userPassword" },
  { name: "labeledURIObject", kind: "auxiliary", sup: "top", may: "labeledURI" },
  {
    name: "pwdPolicy",
    kind: "auxiliary",
    sup: "top",
    must: "pwdAttribute",
    may: "pwdLockout pwdMinLength pwdMaxFailure pwdCheckQuality",
  },
  {
    name: "posixAccount",
    kind: "auxiliary",
    sup: "top",
    must: "cn uid uidNumber gidNumber homeDirectory",
    may: "userPassword loginShell gecos description",
  },
  {
    name: "shadowAccount",
    kind: "auxiliary",
    sup: "top",
    must: "uid",
    may: "userPassword description shadowLastChange shadowMin shadowMax shadowWarning shadowInactive shadowExpire shadowFlag",
  },
];

const BY_NAME = new Map(CLASSES.map((one) => [one.name.toLowerCase(), one]));

/**
 * Check an entry against its classes and say what its structural class is. The texts are slapd's, because
 * administrators know them.
 */
export function checkEntry(attributes: ReadonlyMap<string, readonly string[]>): string {
  const named = (attributes.get("objectclass") ?? []).map(
    (name, index) =>
      BY_NAME.get(name.toLowerCase()) ??
      refuse(CODE.invalidAttributeSyntax, `objectClass: value #${index} invalid per syntax`),
  );
  if (named.length === 0) refuse(CODE.objectClassViolation, "no objectClass attribute");
  const structural = structuralClass(named);
  const all = new Set(named.flatMap(lineage));

  for (const one of all)
    for (const must of words(one.must))
      if (!attributes.get(must.toLowerCase())?.length)
        refuse(CODE.objectClassViolation, `object class '${one.name}' requires attribute '${must}'`);

  const allowed = new Set(
    [...all].flatMap((one) => words(`${one.must ?? ""} ${one.may ?? ""}`)).map((n) => n.toLowerCase()),
  );
  for (const [key, values] of attributes) {
    const type = attributeType(key);
    if (!type || type.operational) continue;
    if (!allowed.has(key)) refuse(CODE.objectClassViolation, `attribute '${type.name}' not allowed`);
    if (type.single && values.length > 1)
      refuse(CODE.constraintViolation, `${type.name}: multiple values provided`);
  }
  return structural.name;
}

/** Exactly one chain: the most special class, of which every other structural one is an ancestor. */
function structuralClass(named: readonly ObjectClass[]): ObjectClass {
  const structural = named.filter((one) => one.kind === "structural");
  const [deepest] = [...structural].sort((a, b) => lineage(b).length - lineage(a).length);
  if (!deepest) return refuse(CODE.objectClassViolation, "no structural object class provided");
  const stranger = structural.find((one) => !lineage(deepest).includes(one));
  if (stranger)
    return refuse(
      CODE.objectClassViolation,
      `invalid structural object class chain (${deepest.name}/${stranger.name})`,
    );
  return deepest;
}

/** A class and what it is derived from. */
function lineage(one: ObjectClass): ObjectClass[] {
  const parent = one.sup ? BY_NAME.get(one.sup.toLowerCase()) : undefined;
  return [one, ...(parent ? lineage(parent) : [])];
}

const words = (text = ""): string[] => text.split(" ").filter(Boolean);
