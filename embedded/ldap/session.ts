import { randomBytes } from "node:crypto";
import { sameDn } from "../../providers/ldap/dn";
import type { Accounts } from "./accounts";
import { ADMIN_DN } from "./admin";
import { CODE, LdapResult, refuse } from "./codes";
import type { Entry } from "./entry";
import { compile } from "./filter";
import {
  type AttributeList,
  type Message,
  type Outcome,
  PAGED_RESULTS,
  type Request,
  readPage,
  writeEntry,
  writeOutcome,
} from "./messages";
import { attributeType, attributeTypes } from "./schema";
import type { Tree } from "./tree";

export interface Directory {
  tree: Tree;
  accounts: Accounts;
  suffix: string;
  policyKnown: boolean;
  /** Largest number of entries of one search for anyone but the administrator. */
  sizeLimit: number;
  passwordModify: boolean;
}

const PASSWORD_MODIFY = "1.3.6.1.4.1.4203.1.11.1";
const WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3";
const SUBSCHEMA = "cn=Subschema";
/** Searches whose next page may still be asked for. */
const OPEN_PAGES = 8;

type Answered = Exclude<Request["op"], "unbind" | "abandon">;

/** One connection: who is bound, and what is left of paged searches. */
export class Session {
  private who = "";
  private readonly pages = new Map<string, [dn: string, attributes: AttributeList][]>();

  constructor(
    private readonly directory: Directory,
    private readonly send: (bytes: Buffer) => void,
  ) {}

  /** Carry out one request and send all of its answer. */
  async handle(message: Message, intercept: (request: Request) => Promise<void> | void): Promise<void> {
    const { id, request, controls } = message;
    if (request.op === "unbind" || request.op === "abandon") return;
    const { op } = request;
    try {
      await intercept(request);
      const strange = controls.find(({ oid, critical }) => critical && oid !== PAGED_RESULTS);
      if (strange) refuse(CODE.unavailableCriticalExtension, `control ${strange.oid} is not supported`);
      this.send(writeOutcome(id, op, await this.carryOut(id, request, controls)));
    } catch (error) {
      if (!(error instanceof LdapResult)) throw error;
      this.send(
        writeOutcome(id, op, { code: error.code, message: error.message, matchedDn: error.matchedDn }),
      );
    }
  }

  private async carryOut(
    id: number,
    request: Request & { op: Answered },
    controls: Message["controls"],
  ): Promise<Outcome> {
    const { tree, accounts } = this.directory;
    const done: Outcome = { code: CODE.success };
    switch (request.op) {
      case "bind":
        this.who = "";
        if (request.version !== 3) return refuse(CODE.protocolError, "only LDAP version 3 is spoken");
        if (request.password === undefined) return refuse(CODE.authMethodNotSupported, "only simple binds");
        this.who = await accounts.bind(request.dn, request.password);
        return done;
      case "search":
        return this.search(id, request, controls);
      case "compare": {
        this.mustRead();
        if (/^userPassword$/iu.test(request.type)) return refuse(CODE.insufficientAccessRights);
        const same = tree.compare(request.dn, request.type, request.value);
        return { code: same ? CODE.compareTrue : CODE.compareFalse };
      }
      case "add":
        this.mustAdminister("no write access to parent");
        tree.add(request.dn, await this.hashed(request.attributes), this.who);
        return done;
      case "modify": {
        this.mustAdminister();
        const lists = await this.hashed(request.edits.map(({ type, values }) => [type, values]));
        const edits = request.edits.map((edit, index) => ({ ...edit, values: lists[index]?.[1] ?? [] }));
        tree.modify(request.dn, edits, this.who);
        return done;
      }
      case "delete":
        this.mustAdminister("no write access to parent");
        tree.delete(request.dn);
        return done;
      case "rename":
        this.mustAdminister();
        tree.rename(request.dn, request.newRdn, request.deleteOldRdn, request.newSuperior, this.who);
        return done;
      case "extended":
        return this.extended(request.oid, request.value);
    }
  }

  private async extended(oid: string, value: Buffer | undefined): Promise<Outcome> {
    if (oid === WHO_AM_I) return { code: CODE.success, value: Buffer.from(this.who ? `dn:${this.who}` : "") };
    if (oid === PASSWORD_MODIFY && this.directory.passwordModify) {
      await this.directory.accounts.modifyPassword(value, this.who);
      return { code: CODE.success };
    }
    return refuse(CODE.protocolError, "unsupported extended operation");
  }

  private search(id: number, request: Request & { op: "search" }, controls: Message["controls"]): Outcome {
    const paged = controls.find(({ oid, value }) => oid === PAGED_RESULTS && value)?.value;
    const page = paged ? readPage(paged) : undefined;
    const cookie = page?.cookie.toString("hex") ?? "";
    const found = (cookie && this.pages.get(cookie)) || this.find(request);
    this.pages.delete(cookie);

    // A page does not lift the server's own limit.
    const limits = [request.sizeLimit, this.isAdmin() ? 0 : this.directory.sizeLimit].filter((n) => n > 0);
    const limit = Math.min(...limits, page?.size || Number.POSITIVE_INFINITY);
    const now = found.slice(0, limit);
    for (const [dn, attributes] of now) this.send(writeEntry(id, dn, attributes));
    const rest = found.slice(now.length);
    if (rest.length > 0 && limits.some((n) => now.length >= n)) return { code: CODE.sizeLimitExceeded };
    if (!page) return { code: CODE.success };
    return { code: CODE.success, page: rest.length > 0 ? this.keep(rest) : Buffer.alloc(0) };
  }

  private keep(rest: [string, AttributeList][]): Buffer {
    const cookie = randomBytes(8);
    this.pages.set(cookie.toString("hex"), rest);
    const [oldest] = this.pages.keys();
    if (this.pages.size > OPEN_PAGES && oldest !== undefined) this.pages.delete(oldest);
    return cookie;
  }

  private find(request: Request & { op: "search" }): [string, AttributeList][] {
    const { base, scope, filter, attributes, typesOnly } = request;
    const special =
      scope !== "base"
        ? undefined
        : base === ""
          ? this.rootDse()
          : sameDn(base, SUBSCHEMA)
            ? this.subschema()
            : undefined;
    if (!special) this.mustRead();
    const entries = special
      ? [special].filter((entry) => compile(filter)((type) => entry.values.get(type) ?? []))
      : this.directory.tree.search(base, scope, filter);
    return entries.map((entry) => [entry.dn, this.selected(entry, attributes, typesOnly)]);
  }

  /** The attributes asked for, without passwords for anyone but the administrator. */
  private selected(entry: Entry, wanted: readonly string[], typesOnly: boolean): AttributeList {
    const names = new Set((wanted.length > 0 ? wanted : ["*"]).map((name) => name.toLowerCase()));
    const list: AttributeList = [];
    for (const [key, values] of entry.values) {
      const type = attributeType(key) ?? { name: key, operational: true };
      const asked = names.has(key.toLowerCase()) || names.has(type.operational ? "+" : "*");
      if (asked && (key !== "userpassword" || this.isAdmin()))
        list.push([type.name, typesOnly ? [] : values]);
    }
    return list;
  }

  private rootDse(): Entry {
    return {
      dn: "",
      values: new Map([
        ["objectclass", ["top"]],
        ["namingContexts", [this.directory.suffix]],
        ["supportedLDAPVersion", ["3"]],
        ["supportedControl", [PAGED_RESULTS]],
        ["supportedExtension", [WHO_AM_I, ...(this.directory.passwordModify ? [PASSWORD_MODIFY] : [])]],
        ["vendorName", ["labplan"]],
        ["subschemasubentry", [SUBSCHEMA]],
      ]),
    };
  }

  private subschema(): Entry {
    const types = attributeTypes().filter(({ policy }) => !policy || this.directory.policyKnown);
    return {
      dn: SUBSCHEMA,
      values: new Map([
        ["objectclass", ["top"]],
        ["attributeTypes", types.map(({ name }) => `( ${name} NAME '${name}' )`)],
      ]),
    };
  }

  private async hashed(attributes: AttributeList): Promise<AttributeList> {
    return Promise.all(
      attributes.map(async ([type, values]): Promise<[string, string[]]> => {
        if (!/^userPassword$/iu.test(type)) return [type, values];
        return [type, await Promise.all(values.map((value) => this.directory.accounts.hash(value)))];
      }),
    );
  }

  private isAdmin(): boolean {
    return this.who !== "" && sameDn(this.who, ADMIN_DN);
  }

  private mustAdminister(message = ""): void {
    if (!this.isAdmin()) refuse(CODE.insufficientAccessRights, message);
  }

  /** Without a bind nothing is seen: as if it were not there. */
  private mustRead(): void {
    if (!this.who) refuse(CODE.noSuchObject);
  }
}
