import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Controller } from "../../providers/devstack/cloud";
import { NODE_NOTE } from "../../providers/devstack/places";
import { type Certificates, LOOPBACK_NAMES, makeCertificates } from "../systems/ldap/tls";
import { machineAvailable, type SshMachine, startMachine } from "../systems/ssh/machine";
import { type ControlPlane, cloudsYaml, HOME, put, standInPlane, USER } from "./devstack-cloud.lab";
import { runOn } from "./libvirt-handlers.run";

// As the provider process loads them: a class must be there once.
const { CLOUDS_YAML, withController } =
  require("../../providers/devstack/cloud") as typeof import("../../providers/devstack/cloud");

/** Where tls-proxy's bundle lies, on the controller alone. */
const BUNDLE = `${HOME}/data/ca-bundle.pem`;

/** What `enable_service tls-proxy` puts before the services: the same paths behind TLS (devstack's lib/tls). */
async function tlsProxy(behind: URL, { certificateFile, keyFile }: Certificates): Promise<Server> {
  const tls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
  const server = createServer(tls, (asked, response) => {
    const { method, url: path, headers } = asked;
    const passed = request(
      {
        host: behind.hostname,
        port: behind.port,
        method,
        path,
        headers: { ...headers, "x-forwarded-proto": "https" },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const reason = machineAvailable();

describe.skipIf(reason)(`a devstack with tls-proxy${reason ? ` (not here: ${reason})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "labplan-tls-"));
  const proxies: Server[] = [];
  let plane: ControlPlane;
  let controller: SshMachine;

  beforeAll(async () => {
    [plane, controller] = await Promise.all([standInPlane(), startMachine()]);
    // Our notes lie below it, and it is this machine's own.
    await controller.inside("mount", "-t", "tmpfs", "tmpfs", "/var/lib");
  });
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    }
    await controller.inside("rm", "-rf", dirname(CLOUDS_YAML), dirname(BUNDLE), dirname(NODE_NOTE));
  });
  afterAll(async () => {
    await controller?.stop();
    await plane?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** stack.sh came to its end, with a certificate for these. */
  async function stacked(names: string): Promise<void> {
    const certificates = makeCertificates(folder, names);
    const behind = new URL(plane.authUrl);
    const proxy = await tlsProxy(behind, certificates);
    proxies.push(proxy);
    const authUrl = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}${behind.pathname}`;
    put(controller, CLOUDS_YAML, cloudsYaml(authUrl, BUNDLE));
    put(controller, BUNDLE, readFileSync(certificates.caFile, "utf8"));
  }
  const withIt = <T>(work: (controller: Controller | undefined) => Promise<T>): Promise<T> => {
    const login = { user: "root", identityFile: controller.identityFile };
    const { host: address, port: sshPort, hostKey: sshHostKey } = controller;
    const run = { ...runOn({ kind: "embedded" }, { name: "t" }), on: { address, sshPort, sshHostKey } };
    return withController(
      { who: "t", backend: "b", login, user: USER, home: HOME },
      run,
      { forLook: true },
      work,
    );
  };
  const services = () => withIt(async (found) => (await found?.api.services())?.map(({ binary }) => binary));

  test("is asked through SSH, and trusted by the CA that only its controller has", async () => {
    await stacked(LOOPBACK_NAMES);
    expect(await services()).toContain("nova-scheduler");
  });

  test("is not trusted where the certificate is another host's", async () => {
    await stacked("DNS:ctl.lab,IP:10.20.0.2");
    await expect(services()).rejects.toThrow(/127\.0\.0\.1.* other names and addresses/);
  });

  test("whose CA is gone is told with its path; taken for unstacked only where we know that it is", async () => {
    await stacked(LOOPBACK_NAMES);
    await controller.inside("rm", BUNDLE);
    await expect(services()).rejects.toThrow(`${CLOUDS_YAML} names ${BUNDLE} as its CA`);
    put(controller, NODE_NOTE, "{}");
    expect(await withIt(async (found) => found)).toBeUndefined();
  });
});
