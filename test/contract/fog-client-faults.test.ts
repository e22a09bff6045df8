import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as askHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { SECRETS } from "../../embedded/fog/records";
import type { FogServerOptions } from "../../embedded/fog/server";
import { stopEmbedded } from "../../embedded/start";
import { clientFor, closeServers } from "../../providers/fog/clients";
import type { BackendConfig } from "../../stacks/config/types";
import { makeCertificates } from "../systems/ldap/tls";
import { makeHome } from "./embedded.fixtures";
import { type FogLab, startFogLab } from "./embedded-fog.lab";
import { ClientLab, failing } from "./fog-client.lab";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(options: Partial<FogServerOptions> = {}): Promise<{ fog: FogLab; lab: ClientLab }> {
  const fog = await startFogLab(options);
  open.push(fog);
  const { url, apiToken, userToken } = fog.server;
  return { fog, lab: new ClientLab({ endpoint: { url, apiToken, userToken }, stop: async () => {} }) };
}

describe("a FOG server that fails", () => {
  it("trap fog#17: an API that is switched off is told, and its page is not read as an answer", async () => {
    for (const lineVersion of ["1.5", "1.6"] as const) {
      const { lab } = await start({ enabled: false, lineVersion });
      expect(await failing(lab.client.hosts())).toEqual(["disabled", expect.stringContaining("API Enabled")]);
    }
  });

  it("trap fog#12: a create that is answered and inserts nothing is an error", async () => {
    for (const lineVersion of ["1.5", "1.6"] as const) {
      const { fog, lab } = await start({ lineVersion });
      fog.faults(
        { procedure: "fog:POST host/create", do: "lie" },
        { procedure: "fog:POST image/create", do: "lie" },
      );
      expect(await failing(lab.host("a"))).toEqual(["refused", expect.stringContaining("and has none")]);
      expect(await failing(lab.image("a"))).toEqual(["refused", expect.stringContaining("and has none")]);
    }
  });

  it("trap fog#22: 200 for a change that was not made is an error, and so is one for a removal", async () => {
    const { fog, lab } = await start();
    const host = await lab.readyHost("a");
    fog.faults(
      { procedure: "fog:PUT host/N/edit", do: "lie" },
      { procedure: "fog:DELETE host/N/delete", do: "lie" },
      { procedure: "fog:DELETE host/N/cancel", do: "lie" },
    );
    expect((await failing(lab.client.editHost(host.id, { description: "x" })))[0]).toBe("refused");
    expect((await failing(lab.client.editHost(host.id, { macs: [lab.mac()] })))[0]).toBe("refused");
    expect((await failing(lab.client.deleteHost(host.id)))[0]).toBe("refused");
    await lab.client.startTask(host, 1, "ours");
    expect(await failing(lab.client.cancelTasks(host))).toEqual([
      "refused",
      expect.stringContaining("is still active"),
    ]);
  });

  it("200 without a task is an error; two tasks of one call are told, and the first is followed", async () => {
    const { fog, lab } = await start();
    const host = await lab.readyHost("a");
    const client = lab.clientOf({}, {}, { findPausesMs: [0, 10] });
    fog.faults({ procedure: "fog:POST host/N/task", do: "lie" });
    expect(await failing(client.startTask(host, 1, "ours"))).toEqual([
      "refused",
      expect.stringContaining("and has none"),
    ]);
    fog.faults({ procedure: "fog:twice", do: "lie" });
    const task = await lab.client.startTask(host, 1, "ours");
    const active = await lab.client.activeTasks(host.id);
    expect(active.map(({ id }) => id)).toEqual([task.id, task.id + 1]);
    expect(lab.warnings).toEqual([expect.stringContaining(`${task.id} is followed`)]);
    await lab.client.cancelTasks(host);
    expect(await lab.client.activeTasks(host.id)).toEqual([]);
  });

  it("trap fog#4: an answer that is lost after the work is looked after, and nothing is done twice", async () => {
    for (const odd of [
      { do: "close", after: true },
      { do: "error", code: 500, after: true },
      { do: "error", code: 502, message: "<html>Bad Gateway</html>", after: true },
    ] as const) {
      const { fog, lab } = await start();
      fog.faults(
        { procedure: "fog:POST host/create", ...odd },
        { procedure: "fog:POST image/create", ...odd },
        { procedure: "fog:PUT host/N/edit", ...odd },
        { procedure: "fog:POST host/N/task", ...odd },
        { procedure: "fog:DELETE host/N/cancel", ...odd },
        { procedure: "fog:DELETE host/N/delete", ...odd },
      );
      const host = await lab.readyHost("a");
      const task = await lab.client.startTask(host, 1, "ours");
      expect((await lab.client.activeTasks()).map(({ id }) => id)).toEqual([task.id]);
      await lab.client.cancelTasks(host);
      await lab.client.deleteHost(host.id);
      expect(await lab.client.hosts()).toEqual([]);
      expect(await lab.client.images()).toHaveLength(1);
    }
  });

  it("a call that is never answered ends at its deadline", async () => {
    const { fog, lab } = await start();
    const host = await lab.readyHost("a");
    fog.faults({ procedure: "fog:GET host", do: "hang" }, { procedure: "fog:POST host/N/task", do: "hang" });
    const client = lab.clientOf({}, { deadlineMs: 300 }, { findPausesMs: [0, 10] });
    expect(await failing(client.hosts())).toEqual([
      "timeout",
      expect.stringContaining("no answer within 0."),
    ]);
    expect((await failing(client.startTask(host, 1, "ours")))[0]).toBe("timeout");
    expect(await lab.client.activeTasks(host.id)).toEqual([]);
  });

  it("a server that comes back within seconds is waited for by those who only look", async () => {
    const { fog, lab } = await start();
    fog.faults(
      { procedure: "fog:GET host", nth: 1, do: "close" },
      { procedure: "fog:GET host", nth: 2, do: "error", code: 503, message: "<html>" },
    );
    expect(await lab.client.hosts()).toEqual([]);
  });

  it("trap fog#10: no secret of the server's answers gets through, in nothing that the client gives or throws", async () => {
    const { lab } = await start();
    const host = await lab.readyHost("a");
    const { client } = lab;
    const seen: unknown[] = [
      host,
      await client.startTask(host, 1, "ours"),
      await client.activeTasks(),
      await client.hosts(),
      await client.images(),
      await client.imagings(),
      await client.task(1),
      await client.startTask(host, 1, "other").catch((error: unknown) => error),
      await lab.host("a").catch((error: unknown) => error),
      await lab.image("img").catch((error: unknown) => error),
      await client
        .createHost({ name: "too-long-for-fog-1", macs: [], description: "" })
        .catch((e: unknown) => e),
    ];
    const shown = inspect(seen, { depth: 20, maxStringLength: null, showHidden: true });
    const { apiToken, userToken } = lab.system.endpoint;
    for (const secret of [...Object.values(SECRETS), apiToken, userToken])
      expect(shown).not.toContain(secret);
  });
});

describe("the embedded lab's own FOG server", () => {
  it("is started when a backend means it, and keeps what it was given", async () => {
    const { home, remove } = makeHome();
    const before = process.env.LABPLAN_EMBEDDED_HOME;
    process.env.LABPLAN_EMBEDDED_HOME = home;
    try {
      const run = (backend: BackendConfig) => ({
        backend,
        signal: new AbortController().signal,
        secret: () => "",
      });
      const client = await clientFor(run({ kind: "fog", url: "embedded:" }));
      expect(client.pollMs).toBe(200);
      const made = await client.createHost({ name: "h1", macs: ["52:54:00:00:00:01"], description: "x" });
      await stopEmbedded({ home });
      closeServers();
      const again = await clientFor(run({ kind: "embedded" }));
      expect(await again.hostByName("h1")).toEqual(made);
    } finally {
      closeServers();
      if (before === undefined) delete process.env.LABPLAN_EMBEDDED_HOME;
      else process.env.LABPLAN_EMBEDDED_HOME = before;
      await remove();
    }
  });
});

describe("links to a FOG server", () => {
  it("https is checked against the CA file, by name or address, whatever the environment says", async () => {
    const { lab } = await start();
    const folder = mkdtempSync(join(tmpdir(), "labplan-fog-tls-"));
    const { caFile, certificateFile, keyFile } = makeCertificates(folder, "DNS:fog.example,IP:127.0.0.1");
    const { port: plain } = new URL(lab.system.endpoint.url);
    const front = createHttps(
      { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
      (from, to) => {
        const { method, url, headers } = from;
        const onward = askHttp({ host: "127.0.0.1", port: plain, method, path: url, headers }, (answer) => {
          to.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(to);
        });
        from.pipe(onward);
      },
    );
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    open.push({
      close: () => {
        front.closeAllConnections();
        front.close();
        rmSync(folder, { recursive: true });
      },
    });
    const url = `https://127.0.0.1:${(front.address() as AddressInfo).port}/fog`;
    expect(await lab.clientOf({ url, caFile }).hosts()).toEqual([]);
    await lab.clientOf({ url, caFile }).createHost({ name: "tls", macs: [lab.mac()], description: "x" });
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      expect(await failing(lab.clientOf({ url }).hosts())).toEqual([
        "unreachable",
        expect.stringContaining("its certificate is not trusted"),
      ]);
      const byName = url.replace("127.0.0.1", "localhost");
      expect(await failing(lab.clientOf({ url: byName, caFile }).hosts())).toEqual([
        "unreachable",
        expect.stringContaining("use the name that the certificate is for"),
      ]);
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
    const clear = url.replace("https:", "http:");
    expect((await failing(lab.clientOf({ url: clear }, { pausesMs: [] }).hosts()))[0]).toBe("unreachable");
  });

  it("an idle connection does not keep the process alive", async () => {
    const { lab } = await start();
    const program = `
      const { FogServer } = require("./providers/fog/server");
      const { restClient } = require("./providers/fog/rest-client");
      const client = restClient(new FogServer(JSON.parse(process.env.ENDPOINT)));
      client.hosts().then((hosts) => console.log("hosts", hosts.length));`;
    const child = spawn(process.execPath, ["--require", "tsx/cjs", "--eval", program], {
      env: { ...process.env, ENDPOINT: JSON.stringify(lab.system.endpoint) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (bytes) => {
      output += bytes;
    });
    const deadline = setTimeout(() => child.kill("SIGKILL"), 15_000);
    const code = await new Promise((resolve) => child.once("exit", resolve));
    clearTimeout(deadline);
    expect({ code, output }).toEqual({ code: 0, output: "hosts 0\n" });
  });
});
