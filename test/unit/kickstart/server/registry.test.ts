import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BeginOptions, Registry } from "../../../../kickstart/server/registry";
import type { InstallFiles } from "../../../../kickstart/server/types";

const MAC = "08:00:27:aa:bb:01";
const FILES: InstallFiles = {
  installer: "kickstart",
  text: "text\n",
  kernel: "/k",
  initrd: "/i",
  cmdline: "inst.ks=http://192.0.2.1/ks ip=dhcp",
};
const ROCKY: BeginOptions = {
  machine: "rocky9",
  mac: MAC,
  purpose: "install",
  expiresInS: 60,
  install: FILES,
};

describe("the registry of machines that may call", () => {
  let folder = "";
  let now = 0;
  let registry: Registry;
  beforeEach(() => {
    folder = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "labplan-registry-")), "boot");
    now = Date.parse("2026-11-21T10:00:00Z");
    registry = new Registry(folder, { now: () => now });
  });
  afterEach(() => fs.rmSync(path.dirname(folder), { recursive: true, force: true }));

  it("trap kickstart-pxe#24: gives each build a token of 128 random bits, which ends", () => {
    const first = registry.begin(ROCKY);
    expect(first.token).toMatch(/^[0-9a-f]{32}$/);
    expect(first.expires).toBe("2026-11-21T10:01:00.000Z");
    const second = registry.begin({ ...ROCKY, fresh: true });
    expect(second.token).not.toBe(first.token);
    expect(second.build).not.toBe(first.build);
    expect(registry.byToken(first.token)).toBeUndefined();
    expect(registry.byToken(second.token)?.machine).toBe("rocky9");
    now += 60_000;
    expect(registry.isExpired(second)).toBe(true);
    expect(registry.serving(MAC)).toBeUndefined();
  });

  it("keeps tokens for this user's eyes alone", () => {
    registry.begin(ROCKY);
    const modes = ["", "registrations", "registrations/08-00-27-aa-bb-01.json"].map(
      (name) => fs.statSync(path.join(folder, name)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o600]);
  });

  it("carries on with the same build after a killed run, with the files of now", () => {
    const first = registry.begin(ROCKY);
    now += 30_000;
    const again = new Registry(folder, { now: () => now }).begin({
      ...ROCKY,
      install: { ...FILES, text: "new\n" },
    });
    expect([again.build, again.token]).toEqual([first.build, first.token]);
    expect(again.expires).toBe("2026-11-21T10:01:30.000Z");
    expect(registry.serving(MAC)?.install.text).toBe("new\n");
  });

  it("begins anew for another machine, another purpose, and once it has expired", () => {
    const { build } = registry.begin(ROCKY);
    expect(registry.begin({ ...ROCKY, machine: "alma9" }).build).not.toBe(build);
    const record = registry.begin({ machine: "alma9", mac: MAC, purpose: "record", expiresInS: 60 });
    expect(record.install).toBeUndefined();
    now += 61_000;
    const later = registry.begin({ machine: "alma9", mac: MAC, purpose: "record", expiresInS: 60 });
    expect(later.token).not.toBe(record.token);
    now += 61_000;
    const renewed = registry.begin({
      machine: "alma9",
      mac: MAC,
      purpose: "record",
      expiresInS: 60,
      renew: true,
    });
    expect(renewed.token).toBe(later.token);
    expect(registry.isExpired(renewed)).toBe(false);
  });

  it("hands the token to those who write it into the files", () => {
    const made = registry.begin({ ...ROCKY, install: ({ token }) => ({ ...FILES, text: `# ${token}\n` }) });
    expect(made.install?.text).toBe(`# ${made.token}\n`);
  });

  it("trap kickstart-pxe#26: serves a machine only until its installed event", () => {
    const made = registry.begin(ROCKY);
    expect(registry.serving(MAC)?.machine).toBe("rocky9");
    expect(registry.isServingAny()).toBe(true);
    registry.markInstalled(made);
    expect(registry.serving(MAC)).toBeUndefined();
    expect(registry.isServingAny()).toBe(false);
    // Still known: its events count.
    expect(registry.byToken(made.token)?.installedAt).toBe("2026-11-21T10:00:00.000Z");
    // A resumed run does not begin to serve again.
    registry.begin(ROCKY);
    expect(registry.serving(MAC)).toBeUndefined();
  });

  it("never serves a machine that is only recorded", () => {
    registry.begin({ ...ROCKY, purpose: "record" });
    expect(registry.serving(MAC)).toBeUndefined();
  });

  it("does not mark a newer build installed by an old one's event", () => {
    const old = registry.begin(ROCKY);
    registry.begin({ ...ROCKY, fresh: true });
    registry.markInstalled(old);
    expect(registry.serving(MAC)).toBeDefined();
  });

  it("ends only the build that is meant", () => {
    const old = registry.begin(ROCKY);
    const present = registry.begin({ ...ROCKY, fresh: true });
    registry.end(MAC, old.build);
    expect(registry.current(MAC)?.build).toBe(present.build);
    registry.end(MAC, present.build);
    expect(registry.current(MAC)).toBeUndefined();
    registry.end(MAC);
    expect(registry.byToken(present.token)).toBeUndefined();
  });

  it("sees at once what another process registers or ends", () => {
    const other = new Registry(folder, { now: () => now });
    for (let i = 0; i < 50; i++) {
      const { token } = other.begin({ ...ROCKY, fresh: true });
      expect(registry.byToken(token)?.token).toBe(token);
      other.end(MAC);
      expect(registry.byToken(token)).toBeUndefined();
    }
  });

  it("sees two changes within one tick of the file system's clock", () => {
    const other = new Registry(folder, { now: () => now });
    const tick = new Date(Date.now() + 5_000);
    const stamp = () => fs.utimesSync(path.join(folder, "registrations"), tick, tick);
    const first = other.begin(ROCKY);
    stamp();
    expect(registry.byToken(first.token)).toBeDefined();
    const second = other.begin({ ...ROCKY, fresh: true });
    stamp();
    expect(registry.byToken(second.token)).toBeDefined();
  });

  it("takes a damaged or renamed file for none, and clears away what a killed process left", () => {
    registry.begin(ROCKY);
    const files = path.join(folder, "registrations");
    fs.copyFileSync(path.join(files, "08-00-27-aa-bb-01.json"), path.join(files, "08-00-27-aa-bb-02.json"));
    fs.writeFileSync(path.join(files, "08-00-27-aa-bb-03.json"), '{"machine": "x", "tok');
    const draft = path.join(files, "08-00-27-aa-bb-04.json.1.abc");
    fs.writeFileSync(draft, "half");
    fs.utimesSync(draft, 1, 1);
    expect(registry.current("08:00:27:aa:bb:02")).toBeUndefined();
    expect(registry.current("08:00:27:aa:bb:03")).toBeUndefined();
    expect(registry.list().map(({ mac }) => mac)).toEqual([MAC]);
    new Registry(folder);
    expect(fs.existsSync(draft)).toBe(false);
  });

  it.each(["08:00:27:AA:BB:01", "08-00-27-aa-bb-01", "../../../etc/passwd", ""])(
    "takes %j for no MAC",
    (mac) => {
      expect(() => registry.begin({ ...ROCKY, mac })).toThrow("no MAC address");
      expect(registry.current(mac)).toBeUndefined();
      registry.end(mac);
    },
  );

  it.each([
    "console=ttyS0\nboot",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: iPXE's
    "a=${net0/mac}",
    "a=b || shell",
  ])("refuses the command line %j, which a boot loader would read as its own", (cmdline) => {
    expect(() => registry.begin({ ...ROCKY, install: { ...FILES, cmdline } })).toThrow(
      "command line may not hold",
    );
  });
});
