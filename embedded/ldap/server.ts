import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Journal } from "../journal";
import { Accounts, MIN_LENGTH, type Policy } from "./accounts";
import { ADMIN_DN, ensureAdminPassword } from "./admin";
import { LdapResult } from "./codes";
import type { Entry } from "./entry";
import { type Message, messageLength, type Request, readMessage } from "./messages";
import { type Directory, Session } from "./session";
import { Tree } from "./tree";

export interface LdapServerOptions {
  /** Folder of the directory's data and of the administrator's password; made with mode 0700. */
  folder: string;
  /** @default a free one */
  port?: number;
  log?: (line: string) => void;
  /** @default enforced */
  policy?: Policy;
  /** False for a server without the Password Modify operation. @default true */
  passwordModify?: boolean;
  /** Largest number of entries of one search for anyone but the administrator. @default no limit */
  sizeLimit?: number;
  /**
   * Called before each request is carried out, for scripted faults: throw an LdapResult to refuse, wait for ever to
   * hang, throw anything else to drop the connection.
   */
  intercept?: (request: Request) => Promise<void> | void;
  now?: () => Date;
}

export interface LdapServer {
  url: string;
  adminDn: string;
  adminPasswordFile: string;
  /** Every answered change is in the file already; kept for callers that stop all servers alike. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const SUFFIX = "dc=lab";

/** File of the administrator's password in a server's folder. */
export const passwordFileIn = (folder: string): string => join(folder, "admin.password");

/** Start the embedded LDAP v3 server on loopback. */
export async function startLdapServer(options: LdapServerOptions): Promise<LdapServer> {
  const { folder, port = 0, log = () => {}, policy = "enforced", now = () => new Date() } = options;
  const journal = new Journal(folder);
  const adminPasswordFile = passwordFileIn(folder);
  const tree = new Tree({
    suffix: SUFFIX,
    policyKnown: policy !== "absent",
    now,
    changed: (key, entry) => {
      if (entry) journal.set(key, { dn: entry.dn, values: Object.fromEntries(entry.values) });
      else journal.delete(key);
    },
  });
  for (const { dn, values } of journal.all<{ dn: string; values: Record<string, string[]> }>(""))
    tree.restore({ dn, values: new Map(Object.entries(values)) } satisfies Entry);
  if (!tree.get(SUFFIX)) seed(tree, policy);

  const directory: Directory = {
    tree,
    accounts: new Accounts(tree, { adminPassword: ensureAdminPassword(adminPasswordFile), policy, now }),
    suffix: SUFFIX,
    policyKnown: policy !== "absent",
    sizeLimit: options.sizeLimit ?? 0,
    passwordModify: options.passwordModify ?? true,
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(socket, directory, options.intercept ?? (() => {}), log);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  const actual = typeof address === "object" && address ? address.port : port;
  log(`LDAP on 127.0.0.1:${actual}`);
  return {
    url: `ldap://127.0.0.1:${actual}`,
    adminDn: ADMIN_DN,
    adminPasswordFile,
    flush: async () => {},
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      journal.close();
    },
  };
}

/** What a new directory holds. A group needs a member, so the administrator is one. */
function seed(tree: Tree, policy: Policy): void {
  const add = (dn: string, attributes: Record<string, string[]>) =>
    tree.add(dn, Object.entries(attributes), ADMIN_DN);
  add(SUFFIX, { objectClass: ["organization", "dcObject"], dc: ["lab"], o: ["lab"] });
  add(ADMIN_DN, { objectClass: ["organizationalRole"], cn: ["labplan"] });
  add(`ou=People,${SUFFIX}`, { objectClass: ["organizationalUnit"], ou: ["People"] });
  add(`ou=Groups,${SUFFIX}`, { objectClass: ["organizationalUnit"], ou: ["Groups"] });
  add(`cn=vpn,ou=Groups,${SUFFIX}`, {
    objectClass: ["groupOfUniqueNames"],
    cn: ["vpn"],
    uniqueMember: [ADMIN_DN],
  });
  if (policy !== "enforced") return;
  // Clients look for it to know whether end dates act by themselves.
  add(`ou=Policies,${SUFFIX}`, { objectClass: ["organizationalUnit"], ou: ["Policies"] });
  add(`cn=default,ou=Policies,${SUFFIX}`, {
    objectClass: ["device", "pwdPolicy"],
    cn: ["default"],
    pwdAttribute: ["userPassword"],
    pwdLockout: ["TRUE"],
    pwdMinLength: [String(MIN_LENGTH)],
  });
}

/** Read messages off a connection and carry them out one after the other. */
function serve(
  socket: Socket,
  directory: Directory,
  intercept: (request: Request) => Promise<void> | void,
  log: (line: string) => void,
): void {
  const session = new Session(directory, (bytes) => {
    if (socket.writable) socket.write(bytes);
  });
  let unread: Buffer = Buffer.alloc(0);
  let work: Promise<void> = Promise.resolve();
  const drop = (error: unknown) => {
    log(`LDAP connection dropped: ${error instanceof Error ? error.message : String(error)}`);
    socket.destroy();
  };
  const handle = async (message: Message) => {
    if (socket.destroyed) return;
    if (message.request.op === "unbind") {
      socket.end();
      return;
    }
    await session.handle(message, intercept);
  };
  // An entry and the end of its search are two small writes: the second would wait 40 ms for an acknowledgement.
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    unread = unread.length > 0 ? Buffer.concat([unread, bytes]) : bytes;
    try {
      for (let length = messageLength(unread); length !== undefined; length = messageLength(unread)) {
        const message = readMessage(unread.subarray(0, length));
        unread = unread.subarray(length);
        work = work.then(() => handle(message));
      }
      work.catch(drop);
    } catch (error) {
      // Not LDAP, or not whole: there is no message to answer (RFC 4511, 4.1.1).
      drop(error instanceof LdapResult ? new Error(`protocol error: ${error.message}`) : error);
    }
  });
}
