import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BootLog } from "../../../../kickstart/server/log";
import { Registry } from "../../../../kickstart/server/registry";
import type { BuildInputs, BuildState } from "../../../../providers/boot/build";
import { buildDefinition } from "../../../../providers/boot/build.handlers";
import { changesOf } from "../../../../providers/core/change";
import type { Run } from "../../../../providers/core/definition";
import { LabError } from "../../../../providers/core/errors";
import { freePort } from "../../../systems/loopback";
import { FakeBackend, type FakeMachine, type Life } from "./fake-backend";

const MAC = "52:54:00:00:00:01";
const CANARY = "$6$canary$hashOfTheRootPassword";

/** What iPXE and an installer do, stage by stage. */
const steps = {
  async boot({ mac, signal }: FakeMachine, url: string) {
    const script = await (await fetch(`${url}/ipxe/${mac.replaceAll(":", "-")}`, { signal })).text();
    const config = /inst\.ks=(\S+)/.exec(script)?.[1] ?? "";
    const answer = await fetch(config, { signal });
    return answer.ok ? answer.text() : undefined;
  },
  async tell(text: string, stage: string, { mac, signal }: FakeMachine, detail = "") {
    const [url, token] = [/^url=(.*)$/m.exec(text)?.[1], /^token=(.*)$/m.exec(text)?.[1]];
    await fetch(`${url}/events/${stage}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ mac, detail }),
      signal,
    });
  },
};

describe("an image's installation", () => {
  let folder: string;
  let backend: FakeBackend;
  let port: number;
  let url: string;
  let text: string;
  const said: string[] = [];
  const shown: string[] = [];
  let saved: object | undefined;

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(tmpdir(), "labplan-build-"));
    process.env.LABPLAN_BOOT_HOME = path.join(folder, "boot");
    backend = new FakeBackend();
    backend.install();
    backend.disks.set("disk", { text: "" });
    for (const name of ["kernel", "initrd"]) fs.writeFileSync(path.join(folder, name), name);
    port = await freePort();
    url = `http://127.0.0.1:${port}`;
    text = "url={{boot:url}}\ntoken={{boot:token}}\nrootpw --iscrypted {{secret:rootHash}}\n# /events/pre\n";
    backend.life = good;
    said.length = 0;
    shown.length = 0;
    saved = undefined;
  });
  afterEach(() => {
    backend.uninstall();
    delete process.env.LABPLAN_BOOT_HOME;
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const inputs = (more: Partial<BuildInputs> = {}): BuildInputs => ({
    name: "rocky9",
    backend: "b",
    family: "rocky",
    release: "9",
    installer: "kickstart",
    text,
    kernel: { source: { path: path.join(folder, "kernel") } },
    initrd: { source: { path: path.join(folder, "initrd") } },
    cmdline: "inst.ks={{boot:config}} ip=dhcp",
    mac: MAC,
    server: { url, bind: "127.0.0.1", httpPort: port, tftpPort: 0 },
    builder: {
      kind: "test:Machine" as never,
      inputs: { name: "builder", nics: [{ mac: MAC }], disk: "disk" },
    },
    disk: { kind: "test:Disk" as never, inputs: { name: "disk", capacity: 1 } },
    via: "ipxe",
    generation: 1,
    timeoutS: 60,
    ...more,
  });

  const run = (options: { signal?: AbortSignal; dieAt?: string; root?: string } = {}): Run<BuildState> => ({
    signal: options.signal ?? new AbortController().signal,
    backend: { kind: "embedded" },
    mark: { lab: "k3v9q2x7", stack: "dev", name: "rocky9" },
    dryRun: false,
    secret: (ref) => {
      if ("secret" in ref && ref.secret === "rootHash") return options.root ?? CANARY;
      throw new LabError("no such secret");
    },
    progress: (message) => shown.push(message),
    say: (message) => said.push(message),
    step: async (title, work) => {
      if (title === options.dieAt) throw new LabError(`killed before "${title}"`);
      return work();
    },
    checkpoint: (partial) => {
      saved = { ...saved, ...partial };
    },
    now: () => new Date(),
    random: randomBytes,
  });
  const up = async (more: Partial<BuildInputs> = {}, known?: BuildState, options = {}) => {
    const wanted = inputs(more);
    const observed = await buildDefinition.observe(wanted, run(options), known);
    return buildDefinition.reconcile(wanted, observed, run(options));
  };

  /** Installs what its disk does not have yet. */
  const good: Life = async (machine) => {
    const served = await steps.boot(machine, url);
    if (!served) throw new Error("nothing was served");
    await steps.tell(served, "pre", machine);
    machine.disk.text += "installed";
    await steps.tell(served, "installed", machine);
  };
  const registered = () => new Registry(path.join(folder, "boot")).current(MAC);
  const stages = () => new BootLog(path.join(folder, "boot")).read().map(({ stage }) => stage);

  it("installs it, shows its stages, and leaves the disk and nothing else", async () => {
    const state = await up();
    expect(state).toMatchObject({ installed: true, installedAt: expect.any(String) });
    expect(stages()).toEqual(["pxe", "config", "pre", "installed"]);
    expect(backend.disks.get("disk")?.text).toBe("installed");
    expect([backend.defined.size, backend.running.size, registered()]).toEqual([0, 0, undefined]);
    expect(shown.some((line) => line.startsWith("[6/7 install] rocky9: "))).toBe(true);
    expect(saved).toMatchObject({ installed: false });
  });

  it("trap kickstart-pxe#24: neither its token nor the root password's hash is kept, shown or told", async () => {
    let token = "";
    backend.life = async (machine) => {
      token = registered()?.token ?? "";
      const served = (await steps.boot(machine, url)) ?? "";
      await steps.tell(served, "pre", machine, `the installer quotes ${CANARY} and ${token}`);
      await steps.tell(served, "installed", machine);
    };
    const state = await up();
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    const everything = [
      JSON.stringify([state, said, shown, saved]),
      ...filesBelow(path.join(folder, "boot")),
    ].join("\n");
    expect(everything).toContain("rocky9");
    for (const secret of [token, CANARY]) expect(everything).not.toContain(secret);
  });

  it("refuses a root password that is not crypted, by name, before anything boots", async () => {
    await expect(up({}, undefined, { root: "hunter2" })).rejects.toThrow(/\{\{secret:rootHash\}\} in line 3/);
    await expect(up({}, undefined, { root: "hunter2" })).rejects.not.toThrow(/hunter2/);
    expect(backend.starts).toBe(0);
  });

  it("ends with the installer's log when it fails, keeps the builder for a look, and begins on a blank disk", async () => {
    backend.life = async (machine) => {
      const served = (await steps.boot(machine, url)) ?? "";
      machine.disk.text += "half";
      await steps.tell(served, "failed", machine, `mirror is down\nrootpw ${CANARY}`);
      await sleep(10_000, undefined, { signal: machine.signal });
    };
    const failure = await up().catch((error: Error) => error.message);
    expect(failure).toMatch(
      /image "rocky9": its installer failed after "config":\nmirror is down\nrootpw \*\*\*/,
    );
    expect(failure).not.toContain(CANARY);
    expect(backend.running.has("builder")).toBe(true);

    backend.life = good;
    const state = await up({}, { ...inputs(), installed: false });
    expect(state.installed).toBe(true);
    // Nothing of the half is left.
    expect(backend.disks.get("disk")?.text).toBe("installed");
    expect(backend.starts).toBe(2);
  });

  it("says so when the builder goes off without a word", async () => {
    backend.life = async (machine) => void (await steps.boot(machine, url));
    await expect(up()).rejects.toThrow(
      /is off and never said that the installation is done; last stage seen: config/,
    );
  });

  it("carries on with the builder of a killed run, and starts no second one", async () => {
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let told = () => {};
    const itTold = new Promise<void>((resolve) => {
      told = resolve;
    });
    backend.life = async (machine) => {
      const served = (await steps.boot(machine, url)) ?? "";
      await steps.tell(served, "pre", machine);
      told();
      await gate;
      // The server of the killed run is gone: the installer tries until there is one again.
      for (;;) {
        const sent = await steps.tell(served, "installed", machine).then(
          () => true,
          () => false,
        );
        if (sent) return;
        await sleep(50);
      }
    };
    const killed = new AbortController();
    const first = up({}, undefined, { signal: killed.signal }).catch((error: Error) => error);
    // Until the machine has its answer: cut off before, it would rightly give up.
    await itTold;
    killed.abort();
    await first;
    go();
    const state = await up();
    expect(state.installed).toBe(true);
    expect(backend.starts).toBe(1);
    expect(said).toEqual([expect.stringContaining("carries on with the installation under way")]);
  });

  it.each(["4/7 register", "5/7 builder", "6/7 install", "7/7 clear away"])(
    "is finished by the next run when one is killed before %s",
    async (dieAt) => {
      await expect(up({}, undefined, { dieAt })).rejects.toThrow(/killed/);
      const state = await up();
      expect(state.installed).toBe(true);
      expect(backend.disks.get("disk")?.text).toBe("installed");
      expect([backend.defined.size, registered()]).toEqual([0, undefined]);
    },
  );

  it("does nothing more once it is installed: an edit of its text is told, and only a generation acts on it", async () => {
    const state = await up();
    const edited = inputs({ text: `${text}timezone UTC\n` });
    const changes = (wanted: BuildInputs) =>
      changesOf(buildDefinition, { ...state }, { ...wanted }).fields.map(
        (change) => `${change.field} ${change.class}`,
      );
    expect(changes(edited)).toEqual([]);
    expect(buildDefinition.notes?.(edited, state)).toEqual([
      expect.stringMatching(/"rocky9" stays as it is installed.*"generation" to 2.*\n\+ timezone UTC$/s),
    ]);
    expect(buildDefinition.notes?.(inputs(), state)).toEqual([]);
    expect(changes({ ...edited, generation: 2 })).toEqual(["generation recreate"]);
    expect(buildDefinition.notes?.({ ...edited, generation: 2 }, state)).toEqual([]);
    const after = await up({ text: edited.text, timeoutS: 99 }, state);
    // What is installed stays what the state says.
    expect(after).toMatchObject({ text, timeoutS: 99, installedText: state.installedText });
    expect(backend.starts).toBe(1);
  });

  it("is installed anew where its disk was removed, or another is planned, and not where it grew", async () => {
    const state = await up();
    backend.disks.delete("disk");
    const seen = await buildDefinition.observe(inputs(), run(), state);
    expect(seen).toMatchObject({ installed: false });
    expect(changesOf(buildDefinition, { ...seen }, { ...inputs() }).drifted).toHaveLength(1);
    // Its own resource makes it again, blank, before we are called.
    backend.disks.set("disk", { text: "" });
    const again = await up({}, seen as BuildState);
    expect([again.installed, backend.disks.get("disk")?.text, backend.starts]).toEqual([
      true,
      "installed",
      2,
    ]);
    await up({ disk: { kind: "test:Disk" as never, inputs: { name: "disk", capacity: 2 } } }, again);
    expect(backend.starts).toBe(2);
    const other = { name: "builder", nics: [{ mac: MAC }], disk: "disk2" };
    await up(
      {
        disk: { kind: "test:Disk" as never, inputs: { name: "disk2", capacity: 1 } },
        builder: { kind: "test:Machine" as never, inputs: other },
      },
      again,
    );
    expect(backend.starts).toBe(3);
  });

  it("takes the builder and the registration of an unfinished one away when it is removed, and never the disk", async () => {
    await expect(up({}, undefined, { dieAt: "6/7 install" })).rejects.toThrow();
    await buildDefinition.remove({ ...inputs(), installed: false }, run());
    expect([backend.defined.size, registered(), backend.disks.size]).toEqual([0, undefined, 1]);
    await buildDefinition.remove({ ...inputs(), installed: false }, run());
  });

  it("refuses in the preview what validators find, at its line, and a password that is none", async () => {
    const bad = inputs({
      text: "%post --erroronfail\nif true; then\n%end\nrootpw --iscrypted {{secret:rootHash}}\n",
    });
    const problems = (await buildDefinition.precheck?.(bad, run({ root: "hunter2" }))) ?? [];
    const told = problems.map(({ field, message }) => `${field}: ${message}`).join("\n");
    expect(told).toMatch(/text: image "rocky9": line [23] of its config: .*(shell-syntax)/);
    expect(told).toMatch(/\{\{secret:rootHash\}\} in line 4 .*must be a crypted password/);
    expect(told + said.join()).not.toContain("hunter2");
  });

  it("says in the preview which installer's file is no good before it makes anything", async () => {
    const kernel = { source: { path: path.join(folder, "missing") } };
    await expect(up({ kernel })).rejects.toThrow(/image "rocky9": kernel: cannot read/);
    expect(backend.starts).toBe(0);
  });
});

const filesBelow = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "latin1"));
