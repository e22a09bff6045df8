import { Attribute, BerWriter, Change, type Filter, type Entry as RawEntry, ResultCodeError } from "ldapts";
import { type Connection, DEADLINES, type Deadlines, open } from "./connection";
import type { Endpoint } from "./endpoint";
import { type Attempt, classify, isFailure } from "./errors";

/** An entry as read: every value in an array, attribute names in lower case. */
export interface Entry {
  dn: string;
  /** Values of an attribute, in any case of its name; empty when there is none. */
  values(attribute: string): string[];
}

export interface Search {
  scope: "base" | "one" | "sub";
  /** Built of filter objects, never of text: values need no escaping then. */
  filter?: Filter;
  attributes: string[];
}

/** One edit of an entry; an empty list with `replace` takes the attribute away. */
export interface Edit {
  operation: "add" | "delete" | "replace";
  attribute: string;
  values: string[];
}

/** Attribute sets of one entry to be added, in the order in which they are sent. */
export type Attributes = Record<string, string[]>;

const PASSWORD_MODIFY = "1.3.6.1.4.1.4203.1.11.1";
const PAGE = 200;

/** A directory: one connection, made at the first call and again when it was lost. */
export class Directory {
  private connection: Promise<Connection> | undefined;

  constructor(
    readonly endpoint: Endpoint,
    private readonly deadlines: Deadlines = DEADLINES,
  ) {}

  /** The entry, or undefined when the server says that there is none. */
  async read(dn: string, attributes: string[], filter?: Filter): Promise<Entry | undefined> {
    try {
      const search: Search = { scope: "base", attributes, ...(filter ? { filter } : {}) };
      return (await this.search(dn, search))[0];
    } catch (error) {
      if (isFailure(error, "missing")) return undefined;
      throw error;
    }
  }

  /** All matches, page by page. Throws when the server gives only some of them. */
  search(base: string, { scope, filter, attributes }: Search): Promise<Entry[]> {
    return this.call({ action: "read", dn: base }, async ({ client }) => {
      // Never `sizeLimit`: with it, ldapts takes a cut-off answer for the whole one.
      const { searchEntries } = await client.search(base, {
        scope,
        attributes,
        ...(filter ? { filter } : {}),
        ...(scope === "base" ? {} : { paged: { pageSize: PAGE } }),
      });
      return searchEntries.map(entryOf);
    });
  }

  add(dn: string, attributes: Attributes): Promise<void> {
    return this.call({ action: "add", dn }, ({ client }) => client.add(dn, attributes));
  }

  /** All edits or none. */
  modify(dn: string, edits: Edit[]): Promise<void> {
    if (edits.length === 0) return Promise.resolve();
    const changes = edits.map(
      ({ operation, attribute, values }) =>
        new Change({ operation, modification: new Attribute({ type: attribute, values }) }),
    );
    return this.call({ action: "change", dn }, ({ client }) => client.modify(dn, changes));
  }

  /** Give the entry another name, another parent, or both. */
  rename(dn: string, newDn: string): Promise<void> {
    return this.call({ action: "rename", dn: newDn, from: dn }, ({ client }) => client.modifyDN(dn, newDn));
  }

  /** True when it was there. */
  async delete(dn: string): Promise<boolean> {
    try {
      await this.call({ action: "delete", dn }, ({ client }) => client.del(dn));
      return true;
    } catch (error) {
      if (isFailure(error, "missing")) return false;
      throw error;
    }
  }

  /** True when the entry has the value, by the server's own rules of comparing; false also for no such entry. */
  async compare(dn: string, attribute: string, value: string): Promise<boolean> {
    try {
      return await this.call({ action: "read", dn }, ({ client }) => client.compare(dn, attribute, value));
    } catch (error) {
      if (isFailure(error, "missing", "no-such-value", "unknown-attribute")) return false;
      throw error;
    }
  }

  /** Password Modify (RFC 3062): the server hashes, whatever its settings. Fails as "refused" where it is not offered. */
  setPassword(dn: string, password: string): Promise<void> {
    return this.call({ action: "set the password of", dn }, async ({ client }) => {
      // A Buffer: ldapts writes a string as UTF-8, which spoils the lengths of the BER in it.
      await client.exop(PASSWORD_MODIFY, passwordModifyValue(dn, password));
    });
  }

  async offersPasswordModify(): Promise<boolean> {
    const dse = await this.read("", ["supportedExtension"]);
    const offered = dse?.values("supportedExtension") ?? [];
    // A server that shows no list may still do it.
    return offered.length === 0 || offered.includes(PASSWORD_MODIFY);
  }

  async close(): Promise<void> {
    const connection = await this.connection?.catch(() => undefined);
    this.connection = undefined;
    await connection?.close();
  }

  private async call<T>(
    what: Pick<Attempt, "action" | "dn"> & { from?: string },
    work: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const attempt: Attempt = { url: this.endpoint.url, bindDn: this.endpoint.bindDn, ...what };
    const connection = await this.connected();
    try {
      return await work(connection);
    } catch (error) {
      // Anything but the server's own "no" leaves the link in doubt.
      if (!(error instanceof ResultCodeError)) connection.dead = true;
      throw classify(error, attempt);
    }
  }

  private async connected(): Promise<Connection> {
    const present = this.connection;
    if (present) {
      const connection = await present;
      if (!connection.dead) return connection;
    }
    // Another caller may have begun to connect while this one waited.
    if (this.connection && this.connection !== present) return this.connection;
    const opening = open(this.endpoint, this.deadlines);
    this.connection = opening;
    opening.catch(() => {
      if (this.connection === opening) this.connection = undefined;
    });
    return opening;
  }
}

/** `PasswdModifyRequestValue ::= SEQUENCE { userIdentity [0], oldPasswd [1] OPTIONAL, newPasswd [2] }` */
export function passwordModifyValue(dn: string, password: string): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeString(dn, 0x80);
  writer.writeString(password, 0x82);
  writer.endSequence();
  return writer.buffer;
}

/** ldapts gives a string for one value, an array for several and `[]` for none. */
function entryOf({ dn, ...attributes }: RawEntry): Entry {
  const byName = new Map<string, string[]>();
  for (const [name, value] of Object.entries(attributes)) {
    const values = (Array.isArray(value) ? value : [value]).map((one) =>
      Buffer.isBuffer(one) ? one.toString("utf8") : one,
    );
    byName.set(name.toLowerCase(), [...(byName.get(name.toLowerCase()) ?? []), ...values]);
  }
  return { dn, values: (attribute) => byName.get(attribute.toLowerCase()) ?? [] };
}

/** True when `dn` and `password` log in. Makes a connection of its own. */
export async function canBind(endpoint: Endpoint, dn: string, password: string): Promise<boolean> {
  try {
    await (await open({ ...endpoint, bindDn: dn, password })).close();
    return true;
  } catch (error) {
    if (isFailure(error, "wrong-password")) return false;
    throw error;
  }
}
