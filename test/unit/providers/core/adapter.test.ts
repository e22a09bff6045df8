import { Ajv } from "ajv";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { toDynamicProvider } from "../../../../providers/core/adapter";
import { UNKNOWN } from "../../../../providers/core/change";
import type { Definition, Run } from "../../../../providers/core/definition";
import { BackendError, DeadlineError } from "../../../../providers/core/errors";
import { providerCode } from "../../../../providers/core/resource";
import { configure } from "../../../../providers/core/settings";

interface BoxInputs {
  backend: string;
  name: string;
  size: number;
  password?: string;
}
interface BoxState extends BoxInputs {
  serial: string;
  open?: boolean;
}

/** A shelf of boxes: the smallest real thing with a life cycle. */
let shelf: Map<string, { size: number; serial: string; open: boolean }>;
let during: (step: number) => void;

const box: Definition<BoxInputs, BoxState> = {
  kind: "test:Box",
  schema: {
    type: "object",
    required: ["name", "size"],
    properties: { size: { type: "integer" }, password: { type: "string", minLength: 8 } },
  },
  changes: {
    backend: { class: "recreate", reason: "another shelf" },
    name: { class: "recreate", reason: "the label is printed" },
    size: { class: "live", reason: "boxes stretch" },
    password: { class: "ignored", reason: "never read back" },
  },
  expects: { open: { value: true, sentence: "was closed from outside: opens it" } },
  id: ({ name }) => `box:${name}`,
  async observe(inputs) {
    const found = shelf.get(inputs.name);
    return found && { ...inputs, ...found };
  },
  async precheck(inputs) {
    return shelf.has(inputs.name)
      ? [{ field: "name", message: `a foreign box "${inputs.name}" exists` }]
      : [];
  },
  async reconcile(inputs, observed, run: Run<BoxState>) {
    const serial = observed?.serial ?? "s-1";
    await run.step("1/2 make", async () => {
      if (!observed) shelf.set(inputs.name, { size: 0, serial, open: true });
    });
    run.checkpoint({ serial });
    during(2);
    await run.step("2/2 stretch", async () => {
      shelf.set(inputs.name, { size: inputs.size, serial, open: true });
    });
    return { ...inputs, serial, open: true, junk: undefined } as BoxState;
  },
  async remove(state) {
    shelf.delete(state.name);
  },
};

const kit = () => toDynamicProvider(box as unknown as Definition<object>);
const hidden = {
  __provider: providerCode("test:Box"),
  __mark: "lab12345/dev/a",
  __backend: { kind: "embedded" },
};
const wanted = { backend: "b", name: "a", size: 3, ...hidden };

beforeEach(() => {
  shelf = new Map();
  during = () => {};
  vi.stubEnv("LABPLAN_OFFLINE", "0");
});

describe("life cycle", () => {
  test("creates, reads and deletes; a second delete is success", async () => {
    const { id, outs } = await kit().create(wanted);
    expect(shelf.get("a")).toMatchObject({ size: 3 });
    expect(await kit().read?.(id, outs)).toMatchObject({ id, props: { serial: "s-1" } });
    await kit().delete?.(id, outs);
    await kit().delete?.(id, outs);
    expect(shelf.size).toBe(0);
  });

  test("trap pulumi-dynamic#4, pulumi-dynamic#12: create, update and read all return the hidden keys", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(wanted);
    const updated = await provider.update?.(id, outs, { ...wanted, size: 4 });
    const read = await provider.read?.(id, outs);
    for (const bag of [outs, updated?.outs, read?.props, read?.inputs]) expect(bag).toMatchObject(hidden);
    const diff = await provider.diff?.(id, outs, {
      ...wanted,
      __mark: "other/dev/a",
      __backend: { kind: "x" },
    });
    expect(diff?.changes).toBe(false);
  });

  test("trap pulumi-dynamic#13: undefined in what a handler returns is pruned", async () => {
    const { outs } = await kit().create(wanted);
    expect(Object.keys(outs as object)).not.toContain("junk");
  });

  test("trap pulumi-dynamic#14: gone is an empty answer; could not look is an error", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(wanted);
    shelf.clear();
    expect(await provider.read?.(id, outs)).toEqual({});
    const blind = toDynamicProvider({
      ...box,
      observe: async () => {
        throw new Error("connection refused");
      },
    } as unknown as Definition<object>);
    await expect(blind.read?.(id, outs)).rejects.toThrow("connection refused");
  });

  test("trap pulumi-dynamic#15: drift comes back as inputs", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(wanted);
    shelf.set("a", { size: 9, serial: "s-1", open: true });
    const read = await provider.read?.(id, outs);
    expect(read?.inputs).toMatchObject({ size: 9 });
    expect(read?.inputs).not.toHaveProperty("serial");
    expect(await provider.diff?.(id, read?.props as object, wanted)).toMatchObject({
      changes: true,
      replaces: [],
    });
  });

  test("what was found of a field that was left open is no input, and no difference of the refresh", async () => {
    const finding = toDynamicProvider({
      ...box,
      observe: async (inputs: BoxInputs, _run: Run, known?: BoxState) => known ?? inputs,
      reconcile: async (inputs: BoxInputs) => ({ password: "found-password", ...inputs, serial: "s-1" }),
    } as unknown as Definition<object>);
    const { id, outs } = await finding.create(wanted);
    expect(outs).toMatchObject({ password: "found-password" });
    const read = await finding.read?.(id, outs);
    expect(read?.props).toMatchObject({ password: "found-password" });
    expect(read?.inputs).toEqual(wanted);
    const given = await finding.create({ ...wanted, password: "given-password" });
    expect((await finding.read?.(given.id, given.outs))?.inputs).toMatchObject({
      password: "given-password",
    });
  });

  test("a field that is gone from the real thing is drift", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(wanted);
    const without = toDynamicProvider({
      ...box,
      observe: async () => ({ backend: "b", name: "a", serial: "s-1", open: true }),
    } as never);
    const read = await without.read?.(id, outs);
    expect(read?.props).not.toHaveProperty("size");
    expect((await provider.diff?.(id, read?.props as object, wanted))?.changes).toBe(true);
  });

  test("nothing at a backend that moved is not taken for gone", async () => {
    const at = (uri: string) => configure({ get: () => JSON.stringify({ b: { kind: "libvirt", uri } }) });
    const made = { ...wanted, __backend: { kind: "libvirt", uri: "qemu+ssh://rack1/system" } };
    const provider = kit();
    at("qemu+ssh://rack1/system");
    const { id, outs } = await provider.create(made);
    at("qemu+ssh://rack2/system");
    const read = await provider.read?.(id, outs);
    expect(read?.props).toMatchObject({ __backend: { uri: "qemu+ssh://rack2/system" } });
    shelf.clear();
    await expect(provider.read?.(id, outs)).rejects.toThrow(/made at .*rack1.* now points to .*rack2/);
    at("qemu+ssh://rack1/system");
    expect(await provider.read?.(id, outs)).toEqual({});
    configure({ get: () => undefined });
  });

  test("offline, nothing is made, changed or removed", async () => {
    const { id, outs } = await kit().create(wanted);
    vi.stubEnv("LABPLAN_OFFLINE", "1");
    configure({ get: () => undefined });
    await expect(kit().create(wanted)).rejects.toThrow("offline");
    await expect(kit().update?.(id, outs, wanted)).rejects.toThrow("offline");
    await expect(kit().delete?.(id, outs)).rejects.toThrow("offline");
    vi.stubEnv("LABPLAN_OFFLINE", "0");
    configure({ get: () => undefined });
    expect(shelf.size).toBe(1);
  });

  test("an output with one right value is drift when it is found otherwise", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(wanted);
    expect((await provider.diff?.(id, outs, wanted))?.changes).toBe(false);
    expect((await provider.diff?.(id, { ...(outs as object), open: false }, wanted))?.changes).toBe(true);
  });
});

describe("diff", () => {
  test("classes decide: live updates, recreate replaces and deletes first, ignored is nothing", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(wanted);
    expect(await provider.diff?.(id, outs, { ...wanted, size: 4 })).toMatchObject({
      changes: true,
      replaces: [],
    });
    expect(await provider.diff?.(id, outs, { ...wanted, name: "b" })).toMatchObject({
      replaces: ["name"],
      deleteBeforeReplace: true,
    });
    expect((await provider.diff?.(id, outs, { ...wanted, password: "new-password" }))?.changes).toBe(false);
  });

  test("trap pulumi-dynamic#9: an unknown value claims a change, but no replacement", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(wanted);
    expect(await provider.diff?.(id, outs, { ...wanted, name: UNKNOWN })).toMatchObject({
      changes: true,
      replaces: [],
    });
    expect(await provider.check?.({}, { ...wanted, size: UNKNOWN })).toEqual({
      inputs: { ...wanted, size: UNKNOWN },
    });
  });

  test("goes down with a replaced network: the engine asks with an unknown edge", async () => {
    const provider = kit();
    const { id, outs } = await provider.create({ ...wanted, __with: 1 });
    expect(await provider.diff?.(id, outs, { ...wanted, __with: UNKNOWN })).toMatchObject({
      replaces: ["__with"],
    });
    expect(await provider.diff?.(id, outs, { ...wanted, __with: 1 })).toMatchObject({
      changes: false,
      replaces: [],
    });
  });

  test("what a kind notes is asked of the state and the wish, and is no change", async () => {
    const asked: object[] = [];
    const notes = (inputs: object, state: object) => {
      asked.push([inputs, state]);
      return ["the password stays as it is"];
    };
    const provider = toDynamicProvider({ ...box, notes } as unknown as Definition<object>);
    const { id, outs } = await provider.create(wanted);
    const diff = await provider.diff?.(id, outs, { ...wanted, password: "new-password" });
    expect(diff).toMatchObject({ changes: false, replaces: [] });
    expect(asked).toEqual([
      [
        { backend: "b", name: "a", size: 3, password: "new-password" },
        { backend: "b", name: "a", size: 3, serial: "s-1", open: true },
      ],
    ]);
  });

  test("trap pulumi-dynamic#5: a provider of changed code sees no difference", async () => {
    const { id, outs } = await kit().create(wanted);
    const changed = toDynamicProvider({ ...box, id: () => "another way" } as unknown as Definition<object>);
    expect((await changed.diff?.(id, outs, wanted))?.changes).toBe(false);
  });
});

describe("check", () => {
  test("trap pulumi-dynamic#20: a failure names kind and field, never a bare key, and holds no value", async () => {
    const result = await kit().check?.({}, { ...wanted, password: "hunter2" });
    expect(result?.failures).toEqual([
      { property: "test:Box/password", reason: "must NOT have fewer than 8 characters" },
    ]);
  });

  test("a foreign object is found when the thing is new", async () => {
    shelf.set("a", { size: 1, serial: "foreign", open: true });
    const result = await kit().check?.({}, wanted);
    expect(result?.failures).toEqual([{ property: "test:Box/name", reason: 'a foreign box "a" exists' }]);
  });

  test("a backend that cannot be looked at is a refusal like others, told with them", async () => {
    const blind = toDynamicProvider({
      ...box,
      precheck: async () => {
        throw new Error("connection refused");
      },
    } as never);
    expect((await blind.check?.({}, wanted))?.failures).toEqual([
      { property: "test:Box", reason: "connection refused" },
    ]);
  });

  test("trap pulumi-dynamic#10: what is in the state already is not checked for foreignness", async () => {
    shelf.set("a", { size: 1, serial: "s-1", open: true });
    expect((await kit().check?.(wanted, wanted))?.failures).toEqual([]);
  });

  test("what a kind announces is asked of what is new, and of that alone; offline too", async () => {
    vi.stubEnv("LABPLAN_OFFLINE", "1");
    const asked: object[] = [];
    const announce = (inputs: object) => {
      asked.push(inputs);
      return ["its text, line for line"];
    };
    const provider = toDynamicProvider({ ...box, announce } as unknown as Definition<object>);
    expect((await provider.check?.({}, wanted))?.failures).toEqual([]);
    await provider.check?.(wanted, { ...wanted, size: 4 });
    expect(asked).toEqual([{ backend: "b", name: "a", size: 3 }]);
  });

  test("what a look at the live thing refuses of an edit is asked of edits alone, with what was before; not offline", async () => {
    const asked: unknown[] = [];
    const provider = toDynamicProvider({
      ...box,
      precheckEdit: async (inputs: BoxInputs, before: BoxInputs, run: Run) => {
        asked.push([before.size, inputs.size, run.on?.address, run.peers?.ctl?.address]);
        if (inputs.size === 9) throw new Error("no answer");
        return [{ field: "size", message: "something is in it" }];
      },
    } as unknown as Definition<object>);
    const at = (address: string, peer: string) => ({
      __on: { key: "m", edition: "1", deletedWith: false, address },
      __peers: { ctl: { address: peer } },
    });
    const old = { ...wanted, ...at("192.0.2.1", "192.0.2.2") };
    const check = async (more: object) =>
      (await provider.check?.(old, { ...old, ...more }))?.failures?.map(
        ({ property, reason }) => `${property} ${reason}`,
      );
    shelf.set("a", { size: 3, serial: "s-1", open: true });
    expect(await check({})).toEqual([]);
    expect(await check({ password: "another-one" })).toEqual([]);
    expect(await check({ size: 4 })).toEqual(["test:Box/size something is in it"]);
    // In a preview, an edit of its machine makes unknown where it is: where it was, it still is.
    await check({ size: 4, ...at(UNKNOWN, UNKNOWN) });
    await check({ size: 4, ...at("192.0.2.7", "192.0.2.8") });
    await check({ size: 4, __on: { ...at("192.0.2.9", "").__on, key: "another" } });
    expect(await check({ size: 9 })).toEqual(["test:Box no answer"]);
    expect(asked).toEqual([
      [3, 4, "192.0.2.1", "192.0.2.2"],
      [3, 4, "192.0.2.1", "192.0.2.2"],
      [3, 4, "192.0.2.7", "192.0.2.8"],
      [3, 4, "192.0.2.1", "192.0.2.2"],
      [3, 9, "192.0.2.1", "192.0.2.2"],
    ]);
    vi.stubEnv("LABPLAN_OFFLINE", "1");
    expect(await check({ size: 4 })).toEqual([]);
    expect((await provider.check?.({}, { ...wanted, name: "b" }))?.failures).toEqual([]);
    expect(asked).toHaveLength(5);
  });

  test("offline, nothing outside is looked at", async () => {
    vi.stubEnv("LABPLAN_OFFLINE", "1");
    shelf.set("a", { size: 1, serial: "foreign", open: true });
    expect((await kit().check?.({}, wanted))?.failures).toEqual([]);
    const read = await kit().read?.("box:a", { ...wanted, serial: "s-0" });
    expect(read?.props).toMatchObject({ serial: "s-0", size: 3 });
  });
});

describe("with other machines to reach", () => {
  const ctl = { address: "192.0.2.7", sshHostKey: "ssh-ed25519 AAAA" };
  const reaching = (__peers: object) => ({ ...wanted, __peers });

  test("handlers are told where they are, and the state keeps it", async () => {
    const seen: unknown[] = [];
    const told = toDynamicProvider({
      ...box,
      observe: async (inputs: BoxInputs, run: Run<BoxState>) => {
        seen.push(run.peers);
        return { ...inputs, serial: "s-1", open: true };
      },
    } as unknown as Definition<object>);
    const { outs } = await told.create(reaching({ ctl }));
    expect(seen).toEqual([{ ctl }]);
    expect(outs).toMatchObject({ __peers: { ctl } });
  });

  test("one that came is a change; the same ones are none", async () => {
    const { outs } = await kit().create(reaching({ ctl }));
    const changed = async (peers: object) => (await kit().diff?.("box:a", outs, reaching(peers)))?.changes;
    expect(await changed({ ctl })).toBe(false);
    expect(await changed({ ctl, hv1: { address: "192.0.2.8" } })).toBe(true);
  });

  test("nothing is looked at before they are there", async () => {
    const blind = toDynamicProvider({
      ...box,
      precheck: async () => [{ field: "size", message: "looked" }],
    } as unknown as Definition<object>);
    const failures = async (peers: object) => (await blind.check?.({}, reaching(peers)))?.failures;
    expect(await failures({ ctl: { ...ctl, address: UNKNOWN } })).toEqual([]);
    expect(await failures({ ctl })).toHaveLength(1);
  });
});

describe("on a machine of the lab", () => {
  const ON = {
    key: "fog:ImagedHost node1",
    edition: "c7 1",
    deletedWith: false,
    address: "192.0.2.7",
    sshHostKey: "ssh-ed25519 AAAA",
    since: "t1",
  };
  const on = (parts: object = {}) => ({ ...wanted, __on: { ...ON, ...parts } });
  const refusing = (error: Error) =>
    toDynamicProvider({
      ...box,
      observe: async () => {
        throw error;
      },
    } as unknown as Definition<object>);

  test("handlers are told how it is reached, and the backend has its address", async () => {
    const seen: unknown[] = [];
    const told = toDynamicProvider({
      ...box,
      observe: async (inputs: BoxInputs, run: Run<BoxState>) => {
        seen.push(run.on, run.backend);
        return { ...inputs, serial: "s-1", open: true };
      },
    } as unknown as Definition<object>);
    const backend = { kind: "libvirt", uri: "qemu+ssh://root@node1/system", machine: "node1" };
    const { outs } = await told.create({ ...on(), __backend: backend });
    expect(seen).toEqual([
      { address: "192.0.2.7", sshHostKey: "ssh-ed25519 AAAA", since: "t1" },
      { ...backend, uri: "qemu+ssh://root@192.0.2.7/system", hostKey: "ssh-ed25519 AAAA" },
    ]);
    // What is kept is what the config says: the next address is found by the machine again.
    expect((await told.read?.("x", outs))?.props).toMatchObject({ __backend: backend, __on: ON });
    shelf.clear();
    const gone = toDynamicProvider({ ...box, observe: async () => undefined } as never);
    expect(await gone.read?.("x", outs)).toEqual({});
    const lost = { ...on({ address: undefined }), __backend: backend };
    await expect(told.create(lost)).rejects.toThrow('it is on machine "node1", whose address is not known');
  });

  test("what a look there would refuse is not asked before it is there; the rest is", async () => {
    shelf.set("a", { size: 1, serial: "foreign", open: true });
    expect((await kit().check?.({}, on({ since: UNKNOWN })))?.failures).toEqual([]);
    expect((await kit().check?.({}, { ...on({ since: UNKNOWN }), size: "x" }))?.failures).toHaveLength(1);
    expect((await kit().check?.({}, on()))?.failures).toHaveLength(1);
  });

  test("who locks us out of it does not make it gone, nor unreadable", async () => {
    const { id, outs } = await kit().create(on());
    for (const error of [new BackendError("took none of our keys"), new DeadlineError("no answer")])
      expect(await refusing(error).read?.(id, outs)).toMatchObject({
        id,
        props: { serial: "s-1" },
        inputs: { size: 3 },
      });
    await expect(refusing(new Error("a mistake of ours")).read?.(id, outs)).rejects.toThrow(
      "a mistake of ours",
    );
    const elsewhere = refusing(new BackendError("connection refused"));
    await expect(elsewhere.read?.(id, { ...wanted, serial: "s-1" })).rejects.toThrow("connection refused");
  });

  test("it is made anew when that is imaged anew, and then not removed from what is there now", async () => {
    const provider = kit();
    const { id, outs } = await provider.create(on());
    expect(await provider.diff?.(id, outs, on())).toMatchObject({ changes: false, replaces: [] });
    expect(await provider.diff?.(id, outs, on({ address: "192.0.2.8" }))).toMatchObject({
      changes: true,
      replaces: [],
    });
    expect(await provider.diff?.(id, outs, on({ since: "t2" }))).toMatchObject({
      changes: true,
      replaces: ["__on"],
      deleteBeforeReplace: true,
    });
    shelf.set("a", { size: 9, serial: "new system's", open: true });
    await provider.delete?.(id, outs);
    expect(shelf.get("a")?.serial).toBe("new system's");
  });

  test("a machine's own imaging is heard, so that nothing is looked for on its new system", async () => {
    let times = 0;
    const machine = toDynamicProvider({
      ...box,
      kind: "test:Machine",
      observe: async () => undefined,
      reconcile: async (inputs: BoxInputs) => ({ ...inputs, serial: "s", imagedAt: `t${++times}` }),
    } as unknown as Definition<object>);
    await machine.create({ ...wanted, __mark: "lab12345/dev/node9" });
    const { id, outs } = await kit().create(on({ key: "test:Machine node9", since: "t1" }));
    await machine.update?.("x", wanted, { ...wanted, __mark: "lab12345/dev/old", __as: "node9" });
    await kit().delete?.(id, outs);
    expect(shelf.has("a")).toBe(true);
  });

  test("what the engine asks with the inputs of before does not make that imaging unheard", async () => {
    const node8 = { key: "test:Machine node8", since: "t1" };
    const state = { ...wanted, __mark: "lab12345/dev/node8", imagedAt: "t2" };
    const { id, outs } = await kit().create(on(node8));
    await toDynamicProvider({ ...box, kind: "test:Machine" } as never).diff?.("x", state, state);
    await kit().diff?.(id, outs, on(node8));
    await kit().diff?.(id, outs, { ...on(node8), __with: UNKNOWN });
    await kit().delete?.(id, outs);
    expect(shelf.has("a")).toBe(true);
  });
});

test("an edit of class wipe is refused without `allow: [wipe]` in the same config, also offline", async () => {
  const changes = {
    ...box.changes,
    size: { class: "wipe", reason: "cut to fit" },
    allow: { class: "live", reason: "a word" },
  };
  const cutting = toDynamicProvider({ ...box, changes } as unknown as Definition<object>);
  vi.stubEnv("LABPLAN_OFFLINE", "1");
  const check = async (news: object) => (await cutting.check?.(wanted, { ...wanted, ...news }))?.failures;
  expect(await check({ size: 4, allow: [] })).toEqual([
    { property: "test:Box/size", reason: expect.stringContaining("size 3 → 4: WIPES its data (cut to fit)") },
  ]);
  expect(await check({ size: 4, allow: ["wipe"] })).toEqual([]);
  expect(await check({ size: 3 })).toEqual([]);
  // Online, it is looked at before, as what is new is.
  vi.stubEnv("LABPLAN_OFFLINE", "0");
  shelf.set("a", { size: 1, serial: "foreign", open: true });
  expect(await check({ size: 4, allow: ["wipe"] })).toEqual([
    { property: "test:Box/name", reason: 'a foreign box "a" exists' },
  ]);
  expect(await check({ size: 3, allow: ["wipe"] })).toEqual([]);
  vi.stubEnv("LABPLAN_OFFLINE", "1");
  expect((await cutting.check?.({}, { ...wanted, size: 4 }))?.failures).toEqual([]);
});

describe("half-made resources", () => {
  const fail = () => {
    during = () => {
      throw Object.assign(new Error("2/2 stretch: torn"), { id: "library's own" });
    };
  };

  test("trap pulumi-dynamic#22, pulumi-dynamic#23: what exists is kept with its provider, and update carries on", async () => {
    fail();
    const error = await kit()
      .create(wanted)
      .catch((e) => e);
    expect(error).toMatchObject({
      id: "box:a",
      reasons: ["2/2 stretch: torn"],
      properties: { serial: "s-1", ...hidden },
    });
    during = () => {};
    const { outs } = (await kit().update?.(error.id, error.properties, wanted)) ?? {};
    expect(outs).toMatchObject({ size: 3, serial: "s-1" });
    expect(shelf.get("a")?.size).toBe(3);
  });

  test("an unfinished one is told and carried on by the next run, even when a refresh finds nothing missing", async () => {
    fail();
    const error = await kit()
      .create(wanted)
      .catch((e) => e);
    during = () => {};
    shelf.set("a", { size: 3, serial: "s-1", open: true });
    const read = await kit().read?.(error.id, error.properties);
    const diff = await kit().diff?.(error.id, read?.props as object, wanted);
    expect(diff).toMatchObject({ changes: true, replaces: [] });
    const { outs } = (await kit().update?.(error.id, read?.props as object, wanted)) ?? {};
    expect((await kit().diff?.(error.id, outs as object, wanted))?.changes).toBe(false);
  });

  test("what a step made before the first checkpoint is kept as well", async () => {
    const early = toDynamicProvider({
      ...box,
      reconcile: async (inputs: BoxInputs) => {
        shelf.set(inputs.name, { size: 0, serial: "s-1", open: true });
        throw new Error("torn before the checkpoint");
      },
    } as never);
    const error = await early.create(wanted).catch((e) => e);
    expect(error).toMatchObject({ id: "box:a", properties: { serial: "s-1" } });
  });

  test("trap pulumi-dynamic#24: an error before anything exists has no id, even if a library gave it one", async () => {
    const early = toDynamicProvider({
      ...box,
      observe: async () => {
        throw Object.assign(new Error("no route"), { id: 42 });
      },
    } as unknown as Definition<object>);
    const error = await early.create(wanted).catch((e) => e);
    expect(error.message).toBe("no route");
    expect(error).not.toHaveProperty("id");
  });

  test("trap pulumi-dynamic#25, pulumi-dynamic#27: create of what a killed run left gives the same end state", async () => {
    fail();
    await kit()
      .create(wanted)
      .catch(() => {});
    during = () => {};
    const { outs } = await kit().create(wanted);
    expect(outs).toMatchObject({ serial: "s-1", size: 3 });
    expect(shelf.size).toBe(1);
  });
});

describe("older and newer states", () => {
  const second = {
    ...box,
    schemaVersion: 2,
    migrate: (state: Record<string, unknown>) => ({ ...state, size: Number(state.volume) }),
  } as unknown as Definition<object>;

  test("an older state is migrated before any handler or diff sees it", async () => {
    const provider = toDynamicProvider(second);
    const old = { backend: "b", name: "a", volume: "3", ...hidden };
    expect((await provider.diff?.("x", old, wanted))?.changes).toBe(false);
    expect((await provider.create(wanted)).outs).toMatchObject({ __v: 2 });
  });

  test("a state of a newer version is refused", async () => {
    await expect(kit().diff?.("x", { ...wanted, __v: 3 }, wanted)).rejects.toThrow(
      "newer version of labplan",
    );
  });
});

test("trap pulumi-dynamic#6: a schema is compiled once for all resources of its kind", async () => {
  const compile = vi.spyOn(Ajv.prototype, "compile");
  const provider = kit();
  await provider.check?.(wanted, wanted);
  await provider.check?.(wanted, { ...wanted, size: 4 });
  expect(compile).toHaveBeenCalledTimes(1);
  compile.mockRestore();
});

test("trap pulumi-dynamic#18: what check, diff, read and delete throw has a message and no stack", async () => {
  const fail = async () => {
    throw new Error("no route to the shelf");
  };
  const broken = toDynamicProvider({ ...box, observe: fail, precheck: fail, remove: fail } as never);
  const newer = { ...wanted, __v: 9 };
  const errors = await Promise.all([
    broken
      .check?.(
        {},
        {
          ...wanted,
          get size(): number {
            throw new Error("no route to the shelf");
          },
        },
      )
      .catch((e) => e),
    broken.diff?.("x", newer, wanted).catch((e) => e),
    broken.read?.("x", wanted).catch((e) => e),
    broken.delete?.("x", wanted).catch((e) => e),
  ]);
  for (const error of errors) {
    expect(error.message).toMatch(/no route to the shelf|newer version/);
    expect(error.stack).toBe("");
  }
});

test("trap pulumi-dynamic#3: the stored code is a short constant", () => {
  expect(Buffer.byteLength(providerCode("libvirt:Network"))).toBeLessThanOrEqual(120);
  expect(providerCode("libvirt:Network")).not.toMatch(/\n/);
});
