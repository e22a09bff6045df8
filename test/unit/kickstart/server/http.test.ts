import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BootLab, DASHES, MAC, startBootLab, until } from "./lab";

const STRANGER = "de:ad:be:ef:00:01";
const NO_TOKEN = "0".repeat(32);
const KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), Buffer.alloc(32, 7)]).toString("base64")}`;

describe("the boot server over HTTP", () => {
  let lab: BootLab;
  beforeEach(async () => {
    lab = await startBootLab();
  });
  afterEach(() => lab.stop());
  const stages = () => lab.events().map(({ stage }) => stage);

  it("takes a machine from its boot script to its booted event", async () => {
    const { token, build } = lab.register();
    expect((await lab.ask("GET", "/boot.ipxe")).body).toMatch(/^#!ipxe\n/);
    expect((await lab.ask("GET", `/ipxe/${DASHES}`)).body).toContain(`/files/${DASHES}/vmlinuz`);
    const kernel = await lab.ask("GET", `/files/${DASHES}/vmlinuz`);
    expect(Buffer.from(kernel.body, "latin1").equals(lab.kernel)).toBe(true);
    expect(kernel.headers["content-length"]).toBe("300000");
    expect((await lab.ask("GET", `/files/${DASHES}/initrd`)).body).toBe("initrd\n");
    expect((await lab.ask("GET", `/config/${token}/ks.cfg`)).body).toBe(`# token ${token}\n`);
    for (const stage of ["pre", "installed", "booted"])
      expect(await lab.tell(stage, token, { mac: MAC, host: "rocky9", hostKey: KEY })).toMatchObject({
        status: 204,
        body: "",
      });
    expect(stages()).toEqual(["pxe", "config", "pre", "installed", "booted"]);
    expect(lab.events().at(-1)).toEqual({
      at: expect.any(String),
      stage: "booted",
      machine: "rocky9",
      build,
      mac: MAC,
      address: "127.0.0.1",
      hostName: "rocky9",
      sshHostKey: KEY,
    });
  });

  it("trap kickstart-pxe#26: serves nothing before it is registered, nor after it is installed, expired or ended", async () => {
    const targets = (token: string) => [
      "/boot.ipxe",
      `/ipxe/${DASHES}`,
      `/files/${DASHES}/initrd`,
      `/config/${token}/ks.cfg`,
    ];
    const statuses = (token: string) =>
      Promise.all(targets(token).map(async (target) => (await lab.ask("GET", target)).status));
    expect(await statuses(NO_TOKEN)).toEqual([404, 404, 404, 404]);
    const { token } = lab.register();
    expect(await statuses(token)).toEqual([200, 200, 200, 200]);
    await lab.tell("installed", token);
    expect(await statuses(token)).toEqual([404, 404, 404, 404]);

    const short = lab.register({ fresh: true, expiresInS: 0.05 });
    await until(() => lab.server.registry.isExpired(short));
    expect(await statuses(short.token)).toEqual([404, 404, 404, 404]);

    const ended = lab.register({ fresh: true });
    lab.server.registry.end(MAC);
    expect(await statuses(ended.token)).toEqual([404, 404, 404, 404]);
  });

  it("trap kickstart-pxe#27: tells of an unknown MAC and of an unknown token", async () => {
    lab.register();
    expect((await lab.ask("GET", "/ipxe/de-ad-be-ef-00-01")).status).toBe(404);
    expect((await lab.ask("GET", `/config/${NO_TOKEN}/ks.cfg`)).status).toBe(404);
    expect((await lab.tell("booted", NO_TOKEN, { mac: STRANGER, host: "w1" })).status).toBe(404);
    await until(() => lab.events().length === 3);
    expect(lab.events()).toMatchObject([
      {
        stage: "refused",
        mac: STRANGER,
        detail: "asked for its boot script; no machine of ours has this MAC",
      },
      { stage: "refused", detail: "asked for a config with an unknown token" },
      { stage: "refused", mac: STRANGER, detail: 'sent "booted" with an unknown token' },
    ]);
    expect(lab.events().some(({ machine }) => machine)).toBe(false);
  });

  it("refuses a copy of a machine's disk, which has its token and another MAC", async () => {
    const { token } = lab.register({ purpose: "record" });
    expect((await lab.tell("booted", token, { mac: STRANGER })).status).toBe(404);
    expect((await lab.tell("booted", token, { mac: `${STRANGER} ${MAC}` })).status).toBe(204);
    expect((await lab.tell("booted", token)).status).toBe(204);
    await until(() => lab.events().length === 3);
    expect(lab.events().find(({ stage }) => stage === "refused")).toMatchObject({ mac: STRANGER });
    expect(stages().filter((stage) => stage === "booted")).toHaveLength(2);
  });

  it("trap kickstart-pxe#30: hears a slow installation after its token has expired, and serves it no more", async () => {
    const { token, ...made } = lab.register({ expiresInS: 0.05 });
    await until(() => lab.server.registry.isExpired({ token, ...made }));
    for (const stage of ["installed", "booted", "failed"])
      expect((await lab.tell(stage, token)).status).toBe(204);
    expect((await lab.tell("pre", token)).status).toBe(404);
    lab.register({ fresh: true });
    // Of a build that is over, nothing is taken.
    expect((await lab.tell("installed", token)).status).toBe(404);
  });

  it("trap kickstart-pxe#28, kickstart-pxe#32: takes events by POST only, and none without the token", async () => {
    const { token } = lab.register();
    const headers = { authorization: `Bearer ${token}` };
    for (const method of ["GET", "HEAD", "PUT", "DELETE"])
      expect((await lab.ask(method, "/events/installed", { headers })).status).toBe(404);
    for (const authorization of ["", `Basic ${token}`, `Bearer ${token}x`, "Bearer"])
      expect((await lab.ask("POST", "/events/installed", { headers: { authorization } })).status).toBe(404);
    for (const stage of ["pxe", "config", "refused", "constructor", ""])
      expect((await lab.tell(stage, token)).status).toBe(404);
    expect(lab.server.registry.serving(MAC)).toBeDefined();
    expect(stages().filter((stage) => stage !== "refused")).toEqual([]);
  });

  it("trap kickstart-pxe#28: takes no body over 64 KiB; of a failure it takes at least that it failed", async () => {
    const { token } = lab.register();
    const headers = { authorization: `Bearer ${token}`, "content-type": "text/plain" };
    const post = (stage: string, length: number) =>
      lab.ask("POST", `/events/${stage}`, { headers, body: "x".repeat(length) });
    expect((await post("pre", 64 << 10)).status).toBe(204);
    expect((await post("pre", (64 << 10) + 1)).status).toBe(413);
    expect((await post("failed", 100_000)).status).toBe(413);
    expect(lab.events()).toMatchObject([
      { stage: "pre", detail: "x".repeat(16 << 10) },
      { stage: "failed", detail: "its log was too long to be sent" },
    ]);
    // Without an end: cut off.
    const socket = net.connect(lab.server.httpPort, "127.0.0.1");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.write("POST /events/pre HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    const chunk = `10000\r\n${"y".repeat(0x10000)}\r\n`;
    const pump = setInterval(() => socket.write(chunk), 1);
    await closed;
    clearInterval(pump);
  });

  it("trap kickstart-pxe#18, kickstart-pxe#33: believes no header that names a MAC or an address", async () => {
    const { token } = lab.register();
    const headers = {
      "x-rhn-provisioning-mac-0": `eth0 ${MAC}`,
      "x-forwarded-for": "192.0.2.77",
      forwarded: "for=192.0.2.77",
    };
    expect((await lab.ask("GET", `/config/${NO_TOKEN}/ks.cfg`, { headers })).status).toBe(404);
    expect((await lab.ask("GET", "/ipxe/de-ad-be-ef-00-01", { headers })).status).toBe(404);
    expect((await lab.ask("GET", `/config/${token}/ks.cfg`, { headers })).status).toBe(200);
    await until(() => lab.events().length === 3);
    expect(lab.events().map(({ address }) => address)).toEqual(["127.0.0.1", "127.0.0.1", "127.0.0.1"]);
  });

  it("trap kickstart-pxe#25: writes no token anywhere, and looks at no query", async () => {
    const { token } = lab.register();
    await lab.ask("GET", `/config/${token}/ks.cfg`);
    await lab.ask("GET", `/config/${token}/other.cfg`);
    await lab.ask("GET", `/Config/${token}`);
    await lab.ask("GET", `/nowhere/${token}/x`);
    await lab.ask("GET", `/config?token=${token}`);
    await lab.ask("POST", `/events/installed?token=${token}`);
    await lab.tell("failed", token, { detail: `GET /config/${token}/ks.cfg` });
    await lab.tell(token, token);
    lab.server.registry.end(MAC);
    await lab.ask("GET", `/config/${token}/ks.cfg`);
    await until(() => lab.events().length >= 7);
    expect(fs.readFileSync(lab.server.log.file, "utf8")).not.toContain(token);
    expect(lab.said.join("\n")).not.toContain(token);
    expect(stages()).not.toContain("installed");
  });

  it("serves autoinstall its three files, and a preseed its one", async () => {
    const install = { text: "#cloud-config\n", kernel: "/k", initrd: "/i", cmdline: "x" };
    const auto = lab.register({ fresh: true, install: { ...install, installer: "autoinstall" } });
    const get = async (token: string, name: string) => {
      const { status, body } = await lab.ask("GET", `/config/${token}/${name}`);
      return status === 200 ? body : status;
    };
    expect(await get(auto.token, "user-data")).toBe("#cloud-config\n");
    expect(await get(auto.token, "meta-data")).toBe(`instance-id: ${auto.build}\n`);
    expect(await get(auto.token, "vendor-data")).toMatch(/^#cloud-config\n/);
    expect(await get(auto.token, "network-config")).toBe(404);
    expect(await get(auto.token, "ks.cfg")).toBe(404);
    const pre = lab.register({ fresh: true, install: { ...install, installer: "preseed" } });
    expect(await get(pre.token, "preseed.cfg")).toBe("#cloud-config\n");
    expect(await get(pre.token, "user-data")).toBe(404);
    // What cloud-init asks for in vain is no stranger.
    await lab.server.log.flush();
    expect(stages()).toEqual(["config", "config"]);
  });

  it("answers ranges and HEAD as iPXE and Anaconda use them", async () => {
    lab.register();
    const target = `/files/${DASHES}/vmlinuz`;
    const part = async (range: string, more: Record<string, string> = {}) => {
      const { status, headers, body } = await lab.ask("GET", target, { headers: { range, ...more } });
      return [status, headers["content-range"], body.length];
    };
    const head = await lab.ask("HEAD", target);
    expect([head.status, head.headers["content-length"], head.headers["accept-ranges"], head.body]).toEqual([
      200,
      "300000",
      "bytes",
      "",
    ]);
    expect(await part("bytes=0-0")).toEqual([206, "bytes 0-0/300000", 1]);
    expect(await part("bytes=299990-")).toEqual([206, "bytes 299990-299999/300000", 10]);
    expect(await part("bytes=-5")).toEqual([206, "bytes 299995-299999/300000", 5]);
    expect(await part("bytes=10-999999")).toEqual([206, "bytes 10-299999/300000", 299_990]);
    expect(await part("bytes=300000-")).toEqual([416, "bytes */300000", 0]);
    for (const odd of ["bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=-"])
      expect(await part(odd)).toEqual([200, undefined, 300_000]);
    expect(await part("bytes=0-0", { "if-range": `${head.headers.etag}` })).toEqual([
      206,
      "bytes 0-0/300000",
      1,
    ]);
    expect(await part("bytes=0-0", { "if-range": '"another"' })).toEqual([200, undefined, 300_000]);
    const middle = await lab.ask("GET", target, { headers: { range: "bytes=1000-1999" } });
    expect(Buffer.from(middle.body, "latin1").equals(lab.kernel.subarray(1000, 2000))).toBe(true);
    expect(stages()).toEqual([]);
  });

  it("a HEAD for the config is no fetch", async () => {
    const { token } = lab.register();
    const { status, body } = await lab.ask("HEAD", `/config/${token}/ks.cfg`);
    await lab.server.log.flush();
    expect([status, body, stages()]).toEqual([200, "", []]);
  });

  it("serves others while a client takes nothing, and holds little for it", async () => {
    const big = path.join(lab.folder, "initrd");
    fs.truncateSync(big, 256 << 20);
    lab.register();
    const stuck = Array.from({ length: 20 }, () =>
      http.get({ port: lab.server.httpPort, path: `/files/${DASHES}/initrd`, agent: false }, (response) =>
        response.pause(),
      ),
    );
    for (const request of stuck) request.on("error", () => {});
    const before = process.memoryUsage().rss;
    expect((await lab.ask("GET", `/files/${DASHES}/vmlinuz`)).body).toHaveLength(300_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
    for (const request of stuck) request.destroy();
  });

  it("closes nothing in another's face when a client goes away in the middle", async () => {
    fs.truncateSync(path.join(lab.folder, "initrd"), 64 << 20);
    lab.register();
    await new Promise<void>((resolve) => {
      const request = http.get({ port: lab.server.httpPort, path: `/files/${DASHES}/initrd` }, (response) => {
        response.once("data", () => request.destroy());
        response.on("error", () => resolve());
      });
      request.on("error", () => resolve());
    });
    expect((await lab.ask("GET", "/health")).status).toBe(200);
    expect(lab.said.filter((line) => /failed|sent/.test(line))).toEqual([]);
  });

  it("refuses paths that lead elsewhere", async () => {
    lab.register();
    for (const target of [
      `/files/${DASHES}/../../etc/passwd`,
      `/files/${DASHES}/%2e%2e%2fetc%2fpasswd`,
      `/files/../boot/registrations/${DASHES}.json`,
      `/files/${DASHES}/vmlinuz/`,
      "//boot.ipxe",
      "/registrations",
      "/boot-log.jsonl",
      "/",
      "http://elsewhere/boot.ipxe",
      "*",
    ])
      expect([target, (await lab.ask("GET", target)).status]).toEqual([target, 404]);
  });

  it("tells of a machine of ours at the wrong time by its name", async () => {
    const { token } = lab.register();
    await lab.tell("installed", token);
    await lab.ask("GET", `/ipxe/${DASHES}`);
    await until(() => lab.events().length === 2);
    expect(lab.events()[1]).toMatchObject({
      stage: "refused",
      machine: "rocky9",
      detail: "asked for its boot script, but is installed already",
    });
  });

  it("answers 503 when an event cannot be kept, so that the machine tells it again", async () => {
    const { token } = lab.register();
    fs.mkdirSync(lab.server.log.file);
    expect((await lab.tell("installed", token)).status).toBe(503);
    expect(lab.server.registry.serving(MAC)).toBeDefined();
    fs.rmdirSync(lab.server.log.file);
    expect((await lab.tell("installed", token)).status).toBe(204);
  });

  it("lets no machine fill the disk with its events", async () => {
    const { token } = lab.register();
    const statuses = new Set<number>();
    for (let i = 0; i < 130; i++) statuses.add((await lab.tell("pre", token)).status);
    expect([...statuses]).toEqual([204, 429]);
    expect(lab.events().length).toBeLessThanOrEqual(101);
  });
});
