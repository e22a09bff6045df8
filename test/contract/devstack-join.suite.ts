import { beforeAll, describe, expect, test } from "vitest";
import type { OnMachine } from "../../providers/core/definition";
import type { CloudApi } from "../../providers/devstack/api";
import type { JoinInputs, JoinState } from "../../providers/devstack/types";
import { type CloudLab, HOME, logOf, PASSWORD, USER } from "./devstack-cloud.lab";
import { Killed, newTrace, type RunOptions, runOn, up } from "./libvirt-handlers.run";

// As the provider process loads them: a class must be there once.
const { joinWith } =
  require("../../providers/devstack/join.handlers") as typeof import("../../providers/devstack/join.handlers");
const { patient } =
  require("../../providers/devstack/until") as typeof import("../../providers/devstack/until");
const { withController } =
  require("../../providers/devstack/cloud") as typeof import("../../providers/devstack/cloud");

const join = joinWith(patient({ pollMs: 100, restartS: 4 }));
const STEPS = ["1/4 register", "2/4 discover", "3/4 map", "4/4 enable"];
const REMOVAL = ["1/5 disable", "2/5 empty", "3/5 stop", "4/5 records", "5/5 mapping"];

/** What a compute's joining and leaving does, on one control plane. */
export function joinSuite(started: () => CloudLab): void {
  describe("a compute joins and leaves", { timeout: 600_000 }, () => {
    let lab: CloudLab;
    beforeAll(() => {
      lab = started();
    });

    /** The real one takes minutes for these. */
    const standIn = (title: string, work: () => Promise<void>) =>
      test(title, async (context) => {
        if (lab.isReal) context.skip("the stand-in alone: the real one takes minutes for it");
        await work();
      });

    const inputs = (more: Partial<JoinInputs> = {}): JoinInputs => ({
      ...{ name: "compute2", backend: "b", user: USER, home: HOME, hostName: "hv2" },
      login: { user: "root", identityFile: lab.controller.identityFile },
      computeLogin: { user: "root", identityFile: lab.compute.identityFile },
      ...{ cell: lab.first.cell, timeoutS: 90 },
      ...more,
    });
    const run = (options: RunOptions & { peers?: Record<string, OnMachine> } = {}) => ({
      ...runOn<JoinState>({ kind: "embedded" }, { name: "compute2", ...options }),
      on: lab.on(lab.controller),
      peers: options.peers ?? { compute2: lab.on(lab.compute) },
    });
    const joined = (known?: JoinState, options: RunOptions = {}) => up(join, inputs(), run(options), known);
    const look = (state: JoinState) => join.observe(state, run(), state);
    /** The API as the handlers have it: through the controller. */
    const ask = <T>(work: (api: CloudApi) => Promise<T>): Promise<T> =>
      withController(
        { who: "test", backend: "b", login: inputs().login, user: USER, home: HOME },
        { ...run(), progress: () => {} },
        { forLook: true },
        (controller) => work((controller as NonNullable<typeof controller>).api),
      );
    const recordOf = (host: string) =>
      ask(async (api) => (await api.services({ host })).find(({ binary }) => binary === "nova-compute"));
    const mapped = async () => (await lab.novaManage(["cell_v2", "list_hosts"])).text;
    const gone = async () => {
      expect(await recordOf("hv2")).toBeUndefined();
      expect(await mapped()).not.toContain(" hv2 ");
      expect(await ask((api) => api.provider({ name: "hv2" }))).toBeUndefined();
      expect(lab.running.has("hv2")).toBe(false);
    };

    test("trap openstack#19: a compute that registers late is waited for, then mapped, and servers can come", async () => {
      const trace = newTrace();
      const state = await joined(undefined, { trace });
      expect(trace.steps).toEqual(STEPS);
      expect(trace.progress.join("\n")).toMatch(/\[1\/4 register\] nova-compute is not in the list/);
      expect(state).toMatchObject({ enabled: true, mapped: true, cell: lab.first.cell });
      expect(await mapped()).toContain(" hv2 ");
      expect(await look(state)).toEqual(state);
      expect(await joined(state)).toEqual(state);
      const host = await ask(async (api) => (await api.hypervisors()).find(({ host }) => host === "hv2"));
      expect(state.providerId).toBe(host?.id);
      expect(await ask((api) => api.offeredVcpus(host?.id ?? ""))).toBeGreaterThan(0);
    });

    test("what an administrator disabled by hand stays so, and is told; what we disabled comes back", async () => {
      const state = await joined();
      await ask((api) => api.disable(state.serviceId, "new disk"));
      const seen = await look(state);
      expect(seen).toMatchObject({ enabled: true, heldBack: "new disk" });
      expect(join.notes?.(inputs(), seen as JoinState).join()).toMatch(
        /disabled by hand \("new disk"\) and stays so/,
      );
      const trace = newTrace();
      await joined(seen, { trace });
      expect(trace.said.join()).toMatch(/disabled by hand \("new disk"\), and stays so/);
      expect((await recordOf("hv2"))?.isEnabled).toBe(false);

      await ask((api) => api.disable(state.serviceId, "labplan ct8handl/test/other: leaves the layout"));
      expect((await look(state))?.enabled).toBe(false);
      expect((await joined(state)).enabled).toBe(true);
      expect((await recordOf("hv2"))?.isEnabled).toBe(true);
    });

    test("a compute with a server on it does not leave: its name is told, and nothing is changed", async () => {
      const state = await joined();
      const id = await ask(async (api) => {
        const [[image], [flavor], networks] = await Promise.all([
          api.images(),
          api.flavors(),
          api.networks(),
        ]);
        const network = networks.find(({ name }) => name === "private");
        const group = await api.makeSecurityGroup("somebodys", "somebody's");
        const parts = { image: image?.id ?? "", flavor: flavor?.id ?? "", network: network?.id ?? "" };
        return api.boot({ name: "precious", host: "hv2", ...parts, securityGroup: group, metadata: {} });
      });
      await ask(async (api) => {
        while ((await api.server(id))?.status === "BUILD") await new Promise((done) => setTimeout(done, 100));
      });
      await expect(join.remove(state, run())).rejects.toThrow(
        new RegExp(
          `"compute2" \\(hv2\\) cannot leave: a server is on it: precious \\(${id}\\).*migrate.*Nothing was changed`,
        ),
      );
      expect(await recordOf("hv2")).toMatchObject({ isEnabled: true, isUp: true });
      expect(lab.running.has("hv2")).toBe(true);
      // Also where an earlier removal was killed after it had disabled it.
      await expect(join.remove(state, run({ dieAt: "2/5 empty" }))).rejects.toThrow(Killed);
      expect((await recordOf("hv2"))?.isEnabled).toBe(false);
      await expect(join.remove(state, run())).rejects.toThrow(/cannot leave/);
      expect((await recordOf("hv2"))?.isEnabled).toBe(true);
      await ask(async (api) => {
        await api.removeServer(id);
        while (await api.server(id)) await new Promise((done) => setTimeout(done, 100));
        for (const group of await api.securityGroups("somebodys")) await api.removeSecurityGroup(group.id);
      });
    });

    test("leaves without a trace: service, mapping, provider, process; twice is success; it can come again", async () => {
      const state = await joined();
      const trace = newTrace();
      await join.remove(state, run({ trace }));
      expect(trace.steps).toEqual(REMOVAL);
      await gone();
      expect(await look(state)).toBeUndefined();
      await join.remove(state, run());
      const again = await joined();
      expect(again).toMatchObject({ enabled: true, mapped: true });
      if (lab.isReal) return;
      await join.remove(again, run());
      await gone();
    });

    test("trap openstack#18: where the controller was stacked anew, a running nova-compute is started again to register", async () => {
      const state = await joined();
      await ask((api) => api.removeService(state.serviceId));
      expect(await look(state)).toBeUndefined();
      expect(lab.running.has("hv2")).toBe(true);
      expect(await joined(state)).toMatchObject({ enabled: true, mapped: true });
      expect(lab.verbs).toContain("hv2 restart");
    });

    standIn("a compute that cannot be reached any more leaves as well, with a warning", async () => {
      const state = await joined();
      const trace = newTrace();
      const peers = { compute2: { ...lab.on(lab.compute), sshPort: 1 } };
      await join.remove(state, run({ trace, peers }));
      expect(trace.said.join()).toMatch(
        /cannot be reached, so its nova-compute is not stopped.*registers itself again/,
      );
      await lab.stopCompute("hv2");
      lab.running.delete("hv2");
      await gone();
    });

    standIn(
      "nobody sees the administrator's password: not in words on the controller, not in what is said",
      async () => {
        const file = lab.controller.path("/etc/openstack/clouds.yaml");
        const { readFileSync, writeFileSync } = await import("node:fs");
        const before = readFileSync(file, "utf8");
        const trace = newTrace();
        const errors: string[] = [];
        for (const text of [
          before.replace(PASSWORD, "wrong-canary"),
          `${before}\n  : [`,
          before.replace("username: admin", ""),
        ]) {
          writeFileSync(file, text);
          await joined(undefined, { trace }).catch((error: Error) =>
            errors.push(`${error.stack}${error.cause}`),
          );
        }
        writeFileSync(file, before);
        expect(errors).toHaveLength(3);
        const said = [...errors, ...trace.said, ...trace.progress, logOf(lab.controller)].join("\n");
        expect(said).not.toMatch(/canary/);
      },
    );

    standIn("a controller without clouds.yaml is told; what was joined there is taken for gone", async () => {
      const state = await joined();
      await lab.controller.inside("mv", "/etc/openstack/clouds.yaml", "/etc/openstack/away");
      await expect(joined()).rejects.toThrow(
        /"compute2" \(hv2\): the controller has no \/etc\/openstack\/clouds.yaml/,
      );
      expect(await look(state)).toBeUndefined();
      const trace = newTrace();
      await join.remove(state, run({ trace }));
      expect(trace.said.join()).toMatch(/nothing is stacked on the controller any more/);
      await lab.controller.inside("mv", "/etc/openstack/away", "/etc/openstack/clouds.yaml");
      const lost = newTrace();
      await join.remove(state, { ...run({ trace: lost }), on: {} });
      expect(lost.said.join()).toMatch(/controller is nowhere to be found any more, so it is not taken out/);
      // unstack.sh stops the APIs, and leaves clouds.yaml there.
      const sh = (text: string) => lab.controller.inside("sh", "-c", text);
      await sh(
        "cd /etc/openstack && cp -p clouds.yaml away && sed -i 's#http:[^ \",}]*#http://127.0.0.1:9/identity#' clouds.yaml",
      );
      await expect(join.remove(state, run())).rejects.toThrow(/127.0.0.1:9/);
      await sh("mkdir -p /var/lib/labplan/devstack && echo {} > /var/lib/labplan/devstack/node.json");
      const unstacked = newTrace();
      await join.remove(state, run({ trace: unstacked }));
      expect(unstacked.said.join()).toMatch(/nothing is stacked on the controller any more \(/);
      await sh("rm -r /var/lib/labplan/devstack; mv /etc/openstack/away /etc/openstack/clouds.yaml");
      await join.remove(state, run());
    });

    standIn("killed at any step of joining and of leaving: repeated, it ends as the clean run", async () => {
      const clean = await joined();
      await join.remove(clean, run());
      for (const dieAt of STEPS) {
        const trace = newTrace();
        await expect(joined(undefined, { dieAt, trace })).rejects.toThrow(Killed);
        const known = trace.saved && ({ ...inputs(), ...trace.saved } as JoinState);
        expect(await joined(known), dieAt).toEqual(clean);
        await join.remove(clean, run());
        await gone();
      }
      for (const dieAt of REMOVAL) {
        const state = await joined();
        await expect(join.remove(state, run({ dieAt }))).rejects.toThrow(Killed);
        await join.remove(state, run());
        await gone();
        // Withdrawn: the compute stays in the layout after all.
        const back = await joined();
        await expect(join.remove(back, run({ dieAt }))).rejects.toThrow(Killed);
        const after = await join.observe(back, run(), back);
        expect(await joined(after), dieAt).toEqual(clean);
        await join.remove(clean, run());
      }
    });

    standIn(
      "one that never registers, one that is never mapped, one in another cell: each in its own words",
      async () => {
        const short = inputs({ timeoutS: 1 });
        lab.trouble?.add("no-register:hv2");
        await expect(up(join, short, run())).rejects.toThrow(
          /nova-compute on "hv2" is not in the list of compute services after 1 s \(its unit was inactive\)/,
        );
        lab.trouble?.clear();
        await lab.stopCompute("hv2");
        lab.running.delete("hv2");
        lab.trouble?.add("unmapped:hv2");
        await expect(up(join, short, run())).rejects.toThrow(/is mapped to no cell after 1 s/);
        lab.trouble?.clear();
        await expect(up(join, inputs({ cell: "cell2" }), run())).rejects.toThrow(
          /is mapped to cell "cell1", and the plan says "cell2"/,
        );
        const state = await joined();
        expect(
          await join.observe(inputs({ cell: "cell2" }), run(), { ...state, cell: "cell2" }),
        ).toMatchObject({
          cell: "cell1",
        });
        lab.trouble?.add("service-down:nova-compute@hv2");
        await expect(up(join, short, run())).rejects.toThrow(/nova-compute on "hv2" is down after 1 s/);
        lab.trouble?.clear();
        await join.remove(state, run());
      },
    );

    standIn("what nova left behind when it was killed goes, too: the mapping and the provider", async () => {
      const state = await joined();
      lab.forget?.("hv2");
      expect(await look(state)).toMatchObject({ serviceId: "", enabled: false, mapped: true });
      lab.managed.length = 0;
      await join.remove(state, run());
      // The stand-in's mapping goes with its provider, so it is looked at what was asked for.
      expect(lab.managed.join()).toMatch(/cell_v2 delete_host --cell_uuid \S+ --host hv2/);
      await gone();
    });

    standIn("a server that comes at the last moment stops it, and all is put back as it was", async () => {
      const state = await joined();
      lab.faults?.set("DELETE compute/v2.1/os-services/N", 409);
      await expect(join.remove(state, run())).rejects.toThrow(
        /cannot leave: nova says that a server is on it, or on its way.*told to.*It is as it was before/,
      );
      lab.faults?.clear();
      expect((await recordOf("hv2"))?.isEnabled).toBe(true);
      expect(lab.running.has("hv2")).toBe(true);
      await joined(state);

      lab.forget?.("hv2");
      lab.faults?.set("DELETE placement/resource_providers/N", 409);
      await expect(join.remove(state, run())).rejects.toThrow(
        /resource provider "hv2" .* still has allocations.*openstack resource provider show --allocations/,
      );
      lab.faults?.clear();
      await join.remove(state, run());
      await gone();
    });

    standIn(
      "an API that has a passing trouble is asked again, and its trouble is told in the end",
      async () => {
        lab.faults?.set("GET compute/v2.1/os-services", 503);
        setTimeout(() => lab.faults?.clear(), 600);
        const state = await join.reconcile(inputs(), undefined, run());
        lab.faults?.set("GET compute/v2.1/os-services", 503);
        await expect(join.reconcile(inputs({ timeoutS: 1 }), state, run())).rejects.toThrow(/503/);
        await expect(look(state)).rejects.toThrow(/503/);
        lab.faults?.clear();
        await join.remove(state, run());
      },
    );

    standIn("twenty at once share one login to the controller", async () => {
      const state = await joined();
      const before = logOf(lab.controller).split("Accepted publickey").length;
      const looks = await Promise.all(Array.from({ length: 20 }, () => look(state)));
      expect(looks).toEqual(looks.map(() => state));
      expect(logOf(lab.controller).split("Accepted publickey").length - before).toBe(1);
      await join.remove(state, run());
    });
  });
}
