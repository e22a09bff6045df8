import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Directory } from "../../../../providers/ldap/client";
import { failure } from "../../../../providers/ldap/errors";

/** An answer to a bind, or to any other request with the same message id, that says "success". */
const success = (id: number, tag: number) => Buffer.from([0x30, 12, 2, 1, id, tag, 7, 10, 1, 0, 4, 0, 4, 0]);
const BIND_RESPONSE = 0x61;
const MODIFY_RESPONSE = 0x67;

const servers: Server[] = [];
const links: Socket[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function serve(onLink: (socket: Socket, nth: number) => void): Promise<string> {
  let count = 0;
  const server = createServer((socket) => {
    links.push(socket);
    socket.on("error", () => {});
    onLink(socket, ++count);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `ldap://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const directory = (url: string) =>
  new Directory({ url, bindDn: "cn=a", password: "secret" }, { connectMs: 300, callMs: 300 });

describe("the connection to a directory", () => {
  it("a server that is not there is unreachable, and the message says what to check", async () => {
    const url = await serve(() => {});
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    await expect(directory(url).read("dc=lab", ["dc"])).rejects.toMatchObject({
      failure: "unreachable",
      message: `${url} cannot be reached (ECONNREFUSED). Check the host, the port and the network; nothing was changed by this call.`,
    });
  });

  it("a server that never answers is given up in time", async () => {
    const url = await serve(() => {});
    await expect(directory(url).read("dc=lab", ["dc"])).rejects.toMatchObject({ failure: "late" });
  });

  it("a server that speaks something else is given up too", async () => {
    const url = await serve((socket) => {
      socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
      socket.end();
    });
    await expect(directory(url).read("dc=lab", ["dc"])).rejects.toThrow(/cannot be reached|did not answer/);
  });

  it("trap ldap-vpn#28: a lost link is bound again before the next call, never used as it is", async () => {
    const requests: string[] = [];
    const url = await serve((socket, nth) => {
      socket.on("data", (bytes) => {
        const [id = 0, tag = 0] = [bytes[4], bytes[5]];
        requests.push(`${nth}:${tag === 0x60 ? "bind" : "other"}`);
        if (tag === 0x60) socket.write(success(id, BIND_RESPONSE));
        else if (nth === 1) socket.destroy();
        else socket.write(success(id, MODIFY_RESPONSE));
      });
    });
    const own = directory(url);
    const edit = () => own.modify("dc=lab", [{ operation: "replace", attribute: "o", values: ["x"] }]);
    await expect(edit()).rejects.toMatchObject({ failure: "unreachable" });
    await edit();
    expect(requests).toEqual(["1:bind", "1:other", "2:bind", "2:other"]);
    await own.close();
  });

  it("callers that begin together share one connection, and its failure", async () => {
    let count = 0;
    const url = await serve((socket) => {
      count++;
      socket.destroy();
    });
    const own = directory(url);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => own.read("dc=lab", ["dc"])));
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    expect(count).toBe(1);
  });

  it("a bind without a password is not sent", async () => {
    let sent = 0;
    const url = await serve((socket) => socket.on("data", () => sent++));
    await expect(new Directory({ url, bindDn: "cn=a" }).read("", [])).rejects.toMatchObject({
      failure: "wrong-password",
    });
    expect(sent).toBe(0);
  });

  it("each kind of failure has words of its own, without a stray mark", () => {
    const attempt = { url: "ldaps://x", bindDn: "cn=a", dn: "uid=b", action: "add" } as const;
    const kinds = [
      "missing",
      "taken",
      "wrong-password",
      "unreachable",
      "untrusted",
      "insecure",
      "rights",
      "schema",
      "policy",
      "size-limit",
      "busy",
      "late",
      "value-exists",
      "no-such-value",
      "unknown-attribute",
      "not-empty",
      "syntax",
      "refused",
    ] as const;
    const messages = kinds.map((kind) => failure(kind, attempt, "why").message);
    expect(new Set(messages).size).toBe(kinds.length);
    for (const message of messages) expect(message).not.toMatch(/undefined|\(\)|\s\./);
  });
});
