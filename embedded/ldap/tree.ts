import { randomUUID } from "node:crypto";
import { dnKey, isUnder, parentDn, parseDn, rdnOf } from "../../providers/ldap/dn";
import { CODE, refuse } from "./codes";
import { applyEdit, type Entry, generalizedTime, type Values, writableType } from "./entry";
import { compile, type Filter } from "./filter";
import type { AttributeList, EditRequest } from "./messages";
import { attributeType, checkEntry, sameValue } from "./schema";

export interface TreeOptions {
  suffix: string;
  /** Whether the attributes of the password policy exist here. */
  policyKnown: boolean;
  now: () => Date;
  /** Called after each change with the entry, or undefined when it is gone. */
  changed: (key: string, entry: Entry | undefined) => void;
}

/** The entries, their names and their schema. Knows nothing of connections and passwords. */
export class Tree {
  private readonly entries = new Map<string, Entry>();
  private readonly children = new Map<string, Set<string>>();

  constructor(private readonly options: TreeOptions) {}

  /** Put an entry back as it was stored. */
  restore(entry: Entry): void {
    this.insert(dnKey(entry.dn), entry);
  }

  get(dn: string): Entry | undefined {
    return this.entries.get(keyOf(dn));
  }

  /** The entry, or the refusal that a client gets. */
  need(dn: string): Entry {
    return this.get(dn) ?? refuse(CODE.noSuchObject, "", this.nearest(dn));
  }

  add(dn: string, attributes: AttributeList, author: string): void {
    const key = keyOf(dn);
    const { suffix, policyKnown } = this.options;
    if (!isUnder(dn, suffix)) refuse(CODE.unwillingToPerform, "no global superior knowledge");
    const values: Values = new Map();
    for (const [type, given] of attributes) {
      const name = writableType(type, given, policyKnown);
      if (values.has(name)) refuse(CODE.attributeOrValueExists, `${type}: attribute provided more than once`);
      applyEdit(values, { operation: "add", type, values: given }, name);
    }
    if (this.entries.has(key)) refuse(CODE.entryAlreadyExists);
    if (key !== dnKey(suffix)) this.needParent(dn);
    checkNaming(dn, values);
    const structural = checkEntry(values);
    const time = generalizedTime(this.options.now());
    for (const [type, value] of Object.entries({
      structuralobjectclass: structural,
      entryuuid: randomUUID(),
      creatorsname: author,
      createtimestamp: time,
      modifiersname: author,
      modifytimestamp: time,
    }))
      values.set(type, [value]);
    const entry = { dn, values };
    this.insert(key, entry);
    this.options.changed(key, entry);
  }

  /** All edits or none. */
  modify(dn: string, edits: EditRequest[], author: string): void {
    const entry = this.need(dn);
    const values: Values = new Map([...entry.values].map(([type, list]) => [type, [...list]]));
    for (const edit of edits)
      applyEdit(values, edit, writableType(edit.type, edit.values, this.options.policyKnown));
    checkNaming(entry.dn, values);
    this.store(entry, values, author);
  }

  /** Set or take away values as the server itself does. */
  put(dn: string, changes: Record<string, string[]>): void {
    const entry = this.need(dn);
    for (const [type, values] of Object.entries(changes)) {
      if (values.length > 0) entry.values.set(type.toLowerCase(), values);
      else entry.values.delete(type.toLowerCase());
    }
    this.options.changed(dnKey(entry.dn), entry);
  }

  delete(dn: string): void {
    const key = dnKey(this.need(dn).dn);
    if (this.children.get(key)?.size)
      refuse(CODE.notAllowedOnNonLeaf, "subordinate objects must be deleted first");
    this.drop(key);
    this.options.changed(key, undefined);
  }

  rename(
    dn: string,
    newRdn: string,
    deleteOldRdn: boolean,
    newSuperior: string | undefined,
    author: string,
  ): void {
    const entry = this.need(dn);
    const [from, parent] = [dnKey(entry.dn), newSuperior ?? parentDn(entry.dn)];
    const newDn = parent ? `${newRdn},${parent}` : newRdn;
    const to = keyOf(newDn);
    if (to !== from && this.entries.has(to)) refuse(CODE.entryAlreadyExists);
    this.needParent(newDn);
    if (to !== from && isUnder(newDn, entry.dn))
      refuse(CODE.unwillingToPerform, "cannot move an entry below itself");

    const values: Values = new Map([...entry.values].map(([type, list]) => [type, [...list]]));
    if (deleteOldRdn)
      for (const { type, value } of parseDn(entry.dn)[0] ?? []) {
        const key = attributeType(type)?.name.toLowerCase() ?? type.toLowerCase();
        values.set(
          key,
          (values.get(key) ?? []).filter((one) => !sameValue(key, one, value)),
        );
      }
    for (const { type, value } of parseDn(newRdn)[0] ?? []) {
      const key = writableType(type, [value], this.options.policyKnown);
      const present = values.get(key) ?? [];
      if (!present.some((one) => sameValue(key, one, value))) values.set(key, [...present, value]);
    }
    for (const [type, list] of values) if (list.length === 0) values.delete(type);
    checkEntry(values);
    const left = this.move(entry, newDn);
    this.store(entry, values, author);
    // After the new name is on disk: a kill in between leaves two names, never none.
    for (const key of left) if (!this.entries.has(key)) this.options.changed(key, undefined);
  }

  compare(dn: string, type: string, value: string): boolean {
    const entry = this.need(dn);
    const known =
      attributeType(type) ?? refuse(CODE.undefinedAttributeType, `${type}: attribute type undefined`);
    const values = entry.values.get(known.name.toLowerCase()) ?? refuse(CODE.noSuchAttribute);
    return values.some((one) => sameValue(known.name, one, value));
  }

  search(base: string, scope: "base" | "one" | "sub", filter: Filter): Entry[] {
    const key = dnKey(this.need(base).dn);
    const matches = compile(filter);
    return this.inScope(key, scope).filter((entry) => matches((type) => entry.values.get(type) ?? []));
  }

  private inScope(key: string, scope: "base" | "one" | "sub"): Entry[] {
    const own = this.entries.get(key);
    if (scope === "base") return own ? [own] : [];
    const below = [...(this.children.get(key) ?? [])];
    if (scope === "one") return below.flatMap((child) => this.inScope(child, "base"));
    return [...(own ? [own] : []), ...below.flatMap((child) => this.inScope(child, "sub"))];
  }

  private store(entry: Entry, values: Values, author: string): void {
    const before = entry.values.get("structuralobjectclass")?.[0];
    const after = checkEntry(values);
    if (before && before !== after)
      refuse(
        CODE.objectClassModsProhibited,
        `structural object class modification from '${before}' to '${after}' not allowed`,
      );
    values.set("modifiersname", [author]);
    values.set("modifytimestamp", [generalizedTime(this.options.now())]);
    entry.values = values;
    this.options.changed(dnKey(entry.dn), entry);
  }

  /** Give an entry a new name, and with it all that lies below. Returns the names that are left. */
  private move(entry: Entry, newDn: string): string[] {
    const key = dnKey(entry.dn);
    const below = [...(this.children.get(key) ?? [])];
    this.drop(key);
    entry.dn = newDn;
    this.insert(dnKey(newDn), entry);
    const left = [key];
    for (const childKey of below) {
      const child = this.entries.get(childKey);
      if (!child) continue;
      left.push(...this.move(child, `${rdnOf(child.dn)},${newDn}`));
      this.options.changed(dnKey(child.dn), child);
    }
    return left;
  }

  private insert(key: string, entry: Entry): void {
    this.entries.set(key, entry);
    const parent = dnKey(parentDn(entry.dn));
    const siblings = this.children.get(parent) ?? new Set();
    this.children.set(parent, siblings.add(key));
  }

  private drop(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.children.get(dnKey(parentDn(entry.dn)))?.delete(key);
  }

  private needParent(dn: string): void {
    const parent = parentDn(dn);
    if (!this.entries.has(keyOf(parent))) refuse(CODE.noSuchObject, "", this.nearest(parent));
  }

  /** DN of the nearest entry above that exists, as a server tells it. */
  private nearest(dn: string): string {
    for (let up = dn; up; up = parentDn(up)) {
      const entry = this.entries.get(keyOf(up));
      if (entry) return entry.dn;
    }
    return "";
  }
}

function keyOf(dn: string): string {
  try {
    return dnKey(dn);
  } catch {
    return refuse(CODE.invalidDnSyntax, "invalid DN");
  }
}

/** The values that name an entry are among its values. */
function checkNaming(dn: string, values: Values): void {
  for (const { type, value } of parseDn(dn)[0] ?? []) {
    const known =
      attributeType(type) ?? refuse(CODE.undefinedAttributeType, `${type}: attribute type undefined`);
    const present = values.get(known.name.toLowerCase()) ?? [];
    if (!present.some((one) => sameValue(known.name, one, value)))
      refuse(CODE.namingViolation, `value of naming attribute '${known.name}' is not present in entry`);
  }
}
