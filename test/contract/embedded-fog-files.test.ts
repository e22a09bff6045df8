import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type FogLab, startFogLab } from "./embedded-fog.lab";

/** What real machines need of the embedded FOG server, and FOG gives by TFTP and NFS. */

const MAC = "52:54:00:aa:00:01";

describe("files of the embedded FOG server", () => {
  let fog: FogLab;
  afterEach(() => fog?.close());
  const at = (route: string): string => new URL(route, fog.server.url).href;
  const get = (route: string, headers: Record<string, string> = {}) => fetch(at(route), { headers });

  it("boots a machine from its first script to kernel and initrd, with the names under which it was asked", async () => {
    fog = await startFogLab({
      kernel: __filename,
      initrd: "http://elsewhere/init.xz",
      cmdline: "console=ttyS0",
    });
    await fog.image("rocky9");
    await fog.host("node1", MAC, { imageID: "1", kernelArgs: "quiet" });
    const first = await (await get("/fog/service/ipxe/default.ipxe")).text();
    const boot = /chain (\S+)/.exec(first)?.[1]?.replace("$" + "{net0/mac}", MAC) ?? "";
    expect(boot).toContain(`${fog.server.url}/service/ipxe/boot.php?mac0=${MAC}`);
    expect(await (await fetch(boot)).text()).toContain("exit");
    await fog.ask("POST", "host/1/task", { taskTypeID: 1, taskName: "x" });
    const script = await (await fetch(boot)).text();
    const [, kernel = "", words] = /^kernel (\S+) (.*)$/m.exec(script) ?? [];
    expect(words).toMatch(/ type=down console=ttyS0 quiet$/);
    expect(script).toContain("http://elsewhere/init.xz");
    expect(await (await fetch(kernel)).text()).toBe(fs.readFileSync(__filename, "utf8"));
  });

  it("has a stand-in for a kernel where none was given", async () => {
    fog = await startFogLab();
    expect((await get("/fog/service/ipxe/bzImage")).status).toBe(200);
    expect((await get("/fog/service/ipxe/init.xz")).status).toBe(200);
    expect((await get("/fog/service/ipxe/other")).status).toBe(404);
  });

  it("gives an image whole or in part, takes one, and nothing outside of its store", async () => {
    fog = await startFogLab();
    const sent = await fetch(at("/images/golden/d1.img"), { method: "PUT", body: "0123456789" });
    expect(sent.status).toBe(201);
    expect(await (await get("/images/golden/d1.img")).text()).toBe("0123456789");
    const part = await get("/images/golden/d1.img", { range: "bytes=2-4" });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([
      206,
      "bytes 2-4/10",
      "234",
    ]);
    expect((await get("/images/golden/d1.img", { range: "bytes=20-" })).status).toBe(416);
    expect((await get("/images/nothing")).status).toBe(404);
    for (const route of ["/images/..%2Ftokens.json", "/images/..%2Fimage.key"])
      expect((await get(route)).status, route).toBe(404);
    const out = await fetch(at("/images/..%2Fevil"), { method: "PUT", body: "x" });
    expect(out.status).toBe(404);
    expect(fs.existsSync(path.join(fog.folder, "evil"))).toBe(false);
  });

  it("keeps what opens it from other users", async () => {
    fog = await startFogLab();
    for (const file of [fog.server.tokenFile, fog.server.identityFile])
      expect(fs.statSync(file).mode & 0o777, file).toBe(0o600);
  });
});
