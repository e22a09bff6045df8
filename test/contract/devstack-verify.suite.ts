import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OnMachine } from "../../providers/core/definition";
import type { CloudApi } from "../../providers/devstack/api";
import type { JoinState, VerifyInputs, VerifyState } from "../../providers/devstack/types";
import { type CloudLab, HOME, USER } from "./devstack-cloud.lab";
import { Killed, LAB, newTrace, type RunOptions, runOn, STACK, up } from "./libvirt-handlers.run";

// As the provider process loads them: a class must be there once.
const { joinDefinition } =
  require("../../providers/devstack/join.handlers") as typeof import("../../providers/devstack/join.handlers");
const { verifyWith } =
  require("../../providers/devstack/verify.handlers") as typeof import("../../providers/devstack/verify.handlers");
const { measureOverNodes } =
  require("../../providers/devstack/verify.nodes") as typeof import("../../providers/devstack/verify.nodes");
const { patient } =
  require("../../providers/devstack/until") as typeof import("../../providers/devstack/until");
const { withController } =
  require("../../providers/devstack/cloud") as typeof import("../../providers/devstack/cloud");

const verify = verifyWith({
  patience: patient({ pollMs: 100, settleS: 2, goneS: 60 }),
  measure: measureOverNodes,
  reaches: true,
});
const STEPS = ["1/5 overlay", "2/5 services", "3/5 hypervisors", "4/5 servers", "5/5 clean up"];
const MARK = `${LAB}/${STACK}/devstack`;

/** What is found out about a layout's control plane and its hypervisors. */
export function verifySuite(started: () => CloudLab): void {
  describe("a layout is verified", { timeout: 600_000 }, () => {
    let lab: CloudLab;
    let joined: JoinState;
    const on = () => ({ on: lab.on(lab.controller), peers: { compute2: lab.on(lab.compute) } });
    const login = () => ({ user: "root", identityFile: lab.controller.identityFile });
    const computeLogin = () => ({ user: "root", identityFile: lab.compute.identityFile });

    beforeAll(async () => {
      lab = started();
      const inputs = {
        ...{ name: "compute2", backend: "b", user: USER, home: HOME, hostName: "hv2", timeoutS: 120 },
        ...{ login: login(), computeLogin: computeLogin(), cell: lab.first.cell },
      };
      const run = { ...runOn<JoinState>({ kind: "embedded" }, { name: "compute2" }), ...on() };
      joined = await up(joinDefinition, inputs, run);
    }, 200_000);
    afterAll(async () => {
      const run = { ...runOn<JoinState>({ kind: "embedded" }, { name: "compute2" }), ...on() };
      if (joined) await joinDefinition.remove(joined, run);
    }, 100_000);

    /** The real one cannot be told to, or takes minutes for it. */
    const standIn = (title: string, work: () => Promise<void>) =>
      test(title, async (context) => {
        if (lab.isReal) context.skip("the stand-in alone");
        await work();
      });

    const inputs = (more: Partial<VerifyInputs> = {}): VerifyInputs => ({
      ...{ name: "devstack", backend: "b", user: USER, home: HOME, login: login() },
      nodes: {
        ctl: { login: login(), role: "controller", hostName: lab.first.host },
        compute2: { login: computeLogin(), role: "compute", hostName: "hv2" },
      },
      ...{ pairs: [], services: lab.services, cells: { [lab.first.cell]: [lab.first.host, "hv2"] } },
      ...{ boot: { ...lab.boot, timeoutS: 60 }, edition: "e1" },
      ...more,
    });
    const run = (options: RunOptions & { on?: OnMachine; signal?: AbortSignal } = {}) => ({
      ...runOn<VerifyState>({ kind: "embedded" }, { name: "devstack", ...options }),
      ...on(),
      ...(options.on ? { on: options.on } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const verified = (more?: Partial<VerifyInputs>, options: RunOptions = {}, known?: VerifyState) =>
      up(verify, inputs(more), run(options), known);
    const look = (state: VerifyState) => verify.observe(state, run(), state);
    const ask = <T>(work: (api: CloudApi) => Promise<T>): Promise<T> =>
      withController(
        { who: "test", backend: "b", login: login(), user: USER, home: HOME },
        { ...run(), progress: () => {} },
        { forLook: true },
        (controller) => work((controller as NonNullable<typeof controller>).api),
      );
    const group = `labplan-verify-${LAB}-${STACK}-devstack`;
    const nothingLeft = () =>
      ask(async (api) => {
        expect((await api.servers()).map(({ name }) => name)).toEqual([]);
        expect(await api.securityGroups(group)).toEqual([]);
      });
    /** Lines of the error that a verification ends with. */
    const wrongOf = async (more?: Partial<VerifyInputs>, options?: RunOptions): Promise<string[]> => {
      const error = await verified(more, options).then(
        () => undefined,
        (failure: Error) => failure,
      );
      const [first, ...lines] = (error?.message ?? "").split("\n");
      expect(first).toMatch(/^devstack "devstack": (one fact is|\d facts are) not as it must be:$/);
      expect(lines.pop()).toMatch(/"pulumi up" verifies again/);
      return lines.map((line) => line.trim());
    };

    test("all is as it must be: one server on each hypervisor was booted, reached, and is gone again", async () => {
      const trace = newTrace();
      lab.pinged.length = 0;
      const state = await verified({}, { trace });
      expect(trace.steps).toEqual(STEPS);
      expect(state.wrong).toEqual([]);
      expect(state.verifiedAt).toMatch(/^\d{4}-/);
      expect(state.hypervisors).toEqual([
        { host: lab.first.host, cell: lab.first.cell, state: "up", server: expect.anything() },
        {
          host: "hv2",
          cell: lab.first.cell,
          state: "up",
          server: expect.objectContaining({ reached: true }),
        },
      ]);
      const network = (await ask((api) => api.networks())).find(({ name }) => name === "private");
      expect([...new Set(lab.pinged.map((line) => line.replace(/ [\d.]+$/, "")))].sort()).toEqual(
        [lab.first.host, "hv2"].map((host) => `${host} ovnmeta-${network?.id}`).sort(),
      );
      expect(trace.progress).toContain("[4/5 servers] 2 of 2");
      await nothingLeft();
      expect(await look(state)).toEqual(state);
    });

    test("a hypervisor that was disabled by hand is named, with why; the others are verified all the same", async () => {
      await ask((api) => api.disable(joined.serviceId, "new disk"));
      const trace = newTrace();
      const line = 'hypervisor hv2 is not schedulable, because it is disabled: "new disk"';
      expect(await wrongOf({}, { trace })).toEqual([line]);
      expect(trace.saved).toMatchObject({
        ...{ verifiedAt: "", wrong: [line] },
        hypervisors: [
          { host: lab.first.host, server: { reached: true } },
          { host: "hv2", state: "disabled" },
        ],
      });
      await ask((api) => api.enable(joined.serviceId));
      await nothingLeft();
    });

    test("a hypervisor that nobody mapped to a cell is named, and a refresh tells it, too", async () => {
      const state = await verified({ boot: false });
      const { text } = await lab.novaManage(["cell_v2", "list_hosts"]);
      const id =
        text
          .split("\n")
          .find((line) => line.includes(" hv2 "))
          ?.split("|")[2]
          ?.trim() ?? "";
      await lab.novaManage(["cell_v2", "delete_host", "--cell_uuid", id, "--host", "hv2"]);
      const line = "hypervisor hv2 is not mapped to a cell";
      expect(await wrongOf({ boot: false })).toEqual([line]);
      const seen = await look(state);
      expect(seen).toEqual({ ...state, wrong: [line] });
      expect(verify.notes?.(inputs(), seen as VerifyState)).toEqual([line]);
      await lab.novaManage(["cell_v2", "discover_hosts", "--by-service"]);
      expect((await look(state))?.wrong).toEqual([]);
    });

    test("services and hypervisors that never came, a cell that is another: all of them at once", async () => {
      const [host = ""] = Object.keys(lab.services);
      const cells = { [lab.first.cell]: [lab.first.host, "hv9"], cell7: ["hv2"] };
      expect(await wrongOf({ cells, services: { [host]: ["nova-moon"] }, boot: false })).toEqual([
        `nova-moon on ${host} is not registered`,
        "hypervisor hv9 is not registered with nova",
        `hypervisor hv2 is in cell ${lab.first.cell}, not in cell7`,
      ]);
    });

    test("an image, flavor or network that is not there is told with those that are", async () => {
      const boot = { image: "fedora", timeoutS: 60 };
      expect(await wrongOf({ boot })).toEqual([
        expect.stringMatching(/^no test servers: there is no image "fedora" \(there is .*cirros/),
      ]);
      await nothingLeft();
    });

    test("servers that a killed run left go by their mark; somebody else's of the same name stays", async () => {
      const leave = (metadata: Record<string, string>) =>
        ask(async (api) => {
          const [[image], [flavor], networks] = await Promise.all([
            api.images(),
            api.flavors(),
            api.networks(),
          ]);
          const network = networks.find(({ name }) => name === "private");
          const parts = { image: image?.id ?? "", flavor: flavor?.id ?? "", network: network?.id ?? "" };
          return api.boot({
            name: "labplan-verify-hv2",
            host: "hv2",
            ...parts,
            securityGroup: "default",
            metadata,
          });
        });
      const ours = await leave({ labplan_verify: MARK });
      const others = await leave({ labplan_verify: "otherlab/test/devstack" });
      const trace = newTrace();
      const state = await verified({}, { trace });
      expect(trace.said.join()).toMatch(/1 test servers of a run that was cut off were deleted/);
      expect(await ask((api) => api.server(ours))).toBeUndefined();
      expect((await ask((api) => api.server(others)))?.name).toBe("labplan-verify-hv2");
      const again = await leave({ labplan_verify: MARK });
      await verify.remove(state, run());
      expect(await ask((api) => api.server(again))).toBeUndefined();
      await ask((api) => api.removeServer(others));
      await ask(async (api) => {
        while (await api.server(others)) await new Promise((done) => setTimeout(done, 100));
      });
      await nothingLeft();
    });

    standIn(
      "nothing is stacked any more: a refresh says so, a verification refuses, a removal is done",
      async () => {
        const state = await verified({ boot: false });
        await lab.controller.inside("mv", "/etc/openstack/clouds.yaml", "/etc/openstack/away");
        try {
          expect((await look(state))?.wrong.join()).toMatch(/has no \/etc\/openstack\/clouds.yaml/);
          await expect(verified()).rejects.toThrow(/devstack "devstack": the controller has no/);
          await verify.remove(state, run());
        } finally {
          await lab.controller.inside("mv", "/etc/openstack/away", "/etc/openstack/clouds.yaml");
        }
        const trace = newTrace();
        const away = { ...lab.on(lab.controller), sshPort: 1 };
        await verify.remove({ ...state, boot: { timeoutS: 60 } }, run({ trace, on: away }));
        expect(trace.said.join()).toMatch(/not looked for test servers of a run that was cut off/);
        const lost = newTrace();
        await verify.remove(state, run({ trace: lost, on: {} }));
        expect(lost.said.join()).toMatch(/its controller is nowhere to be found any more/);
      },
    );

    const troubled = async (troubles: string[], work: () => Promise<void>) => {
      for (const trouble of troubles) lab.trouble?.add(trouble);
      try {
        await work();
      } finally {
        lab.trouble?.clear();
      }
    };

    standIn(
      "a service and a hypervisor that are down, a server in ERROR: each by its name, in one error",
      () =>
        troubled(["service-down:nova-scheduler@ctl", "hypervisor-down:hv2", "server-error:hv1"], async () => {
          expect(await wrongOf()).toEqual([
            "nova-scheduler on ctl is down",
            "hypervisor hv2 is down",
            expect.stringMatching(/^server on hv1: ERROR: Exceeded maximum number of retries/),
          ]);
          await nothingLeft();
        }),
    );

    standIn("a server that does not come up, one that answers no ping: with what was waited for", () =>
      troubled(["server-stuck:hv1"], async () => {
        lab.deaf.add("hv2");
        const lines = await wrongOf({ boot: { timeoutS: 2 } });
        lab.deaf.clear();
        expect(lines.sort()).toEqual([
          "server on hv1: still BUILD after 2 s",
          expect.stringMatching(
            /^server on hv2: not reached within 2 s: no answer to a ping of 10\.0\.0\.\d+ from namespace ovnmeta-/,
          ),
        ]);
        await nothingLeft();
      }),
    );

    standIn("what is wrong right after stacking and comes right in a moment is no failure", () =>
      troubled(["hypervisor-down:hv2"], async () => {
        const trace = newTrace();
        setTimeout(() => lab.trouble?.clear(), 700);
        expect((await verified({ boot: false }, { trace })).wrong).toEqual([]);
        expect(trace.progress).toContain("[3/5 hypervisors] 1 of 2");
      }),
    );

    standIn("stopped while servers are booted: they are deleted before it ends", () =>
      troubled(["server-stuck:hv1", "server-stuck:hv2"], async () => {
        const stop = new AbortController();
        setTimeout(() => stop.abort(new Error("the engine went away")), 1_500);
        const stopped = run({ signal: stop.signal });
        await expect(verify.reconcile(inputs(), undefined, stopped)).rejects.toThrow(/engine went away/);
        await nothingLeft();
      }),
    );

    standIn("killed at any step, and repeated: the same end", async () => {
      const fixed = ({ verifiedAt: _, hypervisors, ...rest }: VerifyState) => ({
        ...rest,
        hypervisors: hypervisors.map(({ server, ...row }) => ({ ...row, reached: server?.reached })),
      });
      const clean = fixed(await verified());
      for (const dieAt of STEPS) {
        await expect(verified({}, { dieAt })).rejects.toThrow(Killed);
        expect(fixed(await verified()), dieAt).toEqual(clean);
        await nothingLeft();
      }
    });
  });
}
