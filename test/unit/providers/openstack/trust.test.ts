import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Link, type LinkOptions } from "../../../../providers/openstack/http";
import { makeCertificates } from "../../../systems/ldap/tls";

/** A server with a certificate of its own CA, reached as it is through an SSH connection. */
describe("a cloud behind TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "labplan-trust-"));
  const links: Link[] = [];
  let server: Server;
  let caText: string;
  let asked: (string | false | undefined)[] = [];

  beforeAll(async () => {
    const { caFile, certificateFile, keyFile } = makeCertificates(
      folder,
      "DNS:ctl.lab,IP:10.20.0.2,IP:fd00::2",
    );
    caText = readFileSync(caFile, "utf8");
    server = createServer(
      { key: readFileSync(keyFile), cert: readFileSync(certificateFile) },
      (request, response) => {
        asked.push((request.socket as { servername?: string | false }).servername);
        response.end("{}");
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    for (const link of links.splice(0)) link.close();
    asked = [];
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  /** Whatever the address, the way there leads to the server. */
  const ask = (url: string, trust: Pick<LinkOptions, "caText" | "verify"> = { caText, verify: true }) => {
    const dial = async () => connect((server.address() as AddressInfo).port, "127.0.0.1");
    const link = new Link("devstack-admin", { ...trust, deadlineMs: 5_000, dial });
    links.push(link);
    return link.send({ method: "GET", url, headers: {} });
  };

  test.each([
    ["a name", "https://ctl.lab/identity/v3", "ctl.lab"],
    // An address is no name to ask for.
    ["an address", "https://10.20.0.2/identity/v3", false],
    ["an IPv6 address", "https://[fd00::2]/identity/v3", false],
  ])("is trusted by the text of its CA, and asked for the host of its URL: %s", async (_, url, name) => {
    expect((await ask(url)).status).toBe(200);
    expect(asked).toEqual([name]);
  });

  test("is not trusted where the certificate is for other hosts, and another CA is not what is advised", async () => {
    for (const url of ["https://other.lab/", "https://10.20.0.3/"])
      await expect(ask(url)).rejects.toThrow(/^cloud "devstack-admin": GET .* for other names and addresses/);
    expect(asked).toEqual([]);
  });

  test("is not trusted without its CA, unless nobody wants to know", async () => {
    const asking = ask("https://ctl.lab/", { verify: true });
    await expect(asking).rejects.toThrow(/not trusted .* `cacert` in clouds.yaml/);
    expect((await ask("https://ctl.lab/", { verify: false })).status).toBe(200);
  });
});
