import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { startDevstackApi } from "../../embedded/devstack/api";
import { novaManage } from "../../embedded/devstack/nova-manage";
import type { OnMachine } from "../../providers/core/definition";
import type { NodeLogin } from "../../providers/devstack/types";
import { startOpenStack } from "../systems/openstack/start";
import { type SshMachine, startMachine } from "../systems/ssh/machine";

/** Who devstack runs as on the controller. */
export const USER = "ops";
export const HOME = "/home/ops";
export const PASSWORD = "admin-password-canary";

/** What the scripts on the machines ask for: the text, and the exit code. */
export interface Said {
  text: string;
  code: number;
}

/** The control plane of a devstack, behind real SSH machines. */
export interface ControlPlane {
  authUrl: string;
  isReal: boolean;
  /** Services that must be up, by host. */
  services: Record<string, string[]>;
  /** A hypervisor that is there from the beginning. */
  first: { host: string; cell: string };
  /** What a boot of a test server needs to be told. */
  boot: { image?: string; network?: string };
  novaManage(words: string[]): Promise<Said>;
  startCompute(host: string): Promise<void>;
  stopCompute(host: string): Promise<void>;
  /** Sets what is wrong; none where it cannot be had. */
  trouble?: Set<string>;
  /** What is answered to a call from now on, `DELETE compute/v2.1/os-services/N`: a status. */
  faults?: Map<string, number>;
  /** Takes nova's service record of a compute away, and nothing else. */
  forget?(host: string): void;
  stop(): Promise<void>;
}

export interface CloudLab extends ControlPlane {
  controller: SshMachine;
  /** The machine of compute `hv2`. */
  compute: SshMachine;
  login: NodeLogin;
  on(machine: SshMachine): OnMachine;
  running: Set<string>;
  /** What nova-manage was asked for. */
  managed: string[];
  /** What systemctl was asked for, `host verb`. */
  verbs: string[];
  /** Addresses that were pinged from a metadata namespace, `host network address`. */
  pinged: string[];
  /** Hosts whose servers answer no ping. */
  deaf: Set<string>;
}

const COMPUTE = "hv2";

/** A program of a machine that asks the test's own process. */
const script = (port: number, call: string, host: string) => `#!/bin/sh
n=$#; while [ $n -gt 0 ]; do w=$1; shift; set -- "$@" --data-urlencode "word=$w"; n=$((n-1)); done
out=$(curl -sS --max-time 100 --data-urlencode host=${host} "$@" http://127.0.0.1:${port}/${call}) || exit 99
printf '%s\\n' "$out" | sed '$d'
exit "$(printf '%s\\n' "$out" | tail -n 1)"
`;

export function put(machine: SshMachine, path: string, text: string): void {
  const file = machine.path(path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

/** As stack.sh leaves it; with the CA's path where tls-proxy is enabled. */
export const cloudsYaml = (authUrl: string, ca?: string): string => `clouds:
  devstack:
    auth: { auth_url: "${authUrl}", username: demo, password: demo-canary, project_name: demo, user_domain_id: default, project_domain_id: default }
    identity_api_version: '3'
    region_name: RegionOne
  devstack-admin:
    auth:
      auth_url: "${authUrl}"
      password: ${PASSWORD}
      project_domain_id: default
      project_name: admin
      user_domain_id: default
      username: admin
    identity_api_version: '3'
    region_name: RegionOne
    volume_api_version: '3'
${ca === undefined ? "" : `    cacert: ${ca}\n`}`;

export async function startCloudLab(start: () => Promise<ControlPlane>): Promise<CloudLab> {
  const plane = await start();
  const [controller, compute] = [await startMachine(), await startMachine()];
  const running = new Set<string>();
  const managed: string[] = [];
  const verbs: string[] = [];
  const pinged: string[] = [];
  const deaf = new Set<string>();
  const answer = async (call: string, host: string, words: string[]): Promise<Said> => {
    if (call === "nova-manage") {
      managed.push(words.join(" "));
      return plane.novaManage(words);
    }
    if (call === "ip") {
      const [, , namespace = ""] = words;
      pinged.push(`${host} ${namespace} ${words.at(-1)}`);
      return { text: "", code: deaf.has(host) ? 1 : 0 };
    }
    const [verb, unit] = words;
    if (unit !== "devstack@n-cpu.service") return { text: "no such unit", code: 5 };
    verbs.push(`${host} ${verb}`);
    if (verb === "restart") await plane.stopCompute(host);
    if (verb === "restart") running.delete(host);
    const isRunning = running.has(host);
    if ((verb === "start" || verb === "restart") && !isRunning) {
      running.add(host);
      await plane.startCompute(host);
    }
    if (verb === "stop" && isRunning) {
      running.delete(host);
      await plane.stopCompute(host);
    }
    if (verb === "is-active") return { text: isRunning ? "active" : "inactive", code: isRunning ? 0 : 3 };
    return { text: "", code: 0 };
  };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => {
      body += piece.toString("utf8");
    });
    request.on("end", async () => {
      const form = new URLSearchParams(body);
      const call = (request.url ?? "").slice(1);
      const said = await answer(call, form.get("host") ?? "", form.getAll("word")).catch((error) => ({
        ...{ text: String(error), code: 98 },
      }));
      response.end(`${said.text.replace(/\n$/, "")}\n${said.code}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  put(controller, "/etc/openstack/clouds.yaml", cloudsYaml(plane.authUrl));
  put(controller, `${HOME}/data/venv/bin/nova-manage`, script(port, "nova-manage", "ctl"));
  for (const [machine, host] of [[controller, plane.first.host] as const, [compute, COMPUTE] as const])
    for (const [name, path] of [["systemctl", "/usr/bin/systemctl"] as const, ["ip", "/bin/ip"] as const]) {
      put(machine, `${HOME}/stubs/${name}`, script(port, name, host));
      await machine.inside("mount", "--bind", `${HOME}/stubs/${name}`, path);
    }
  return {
    ...plane,
    controller,
    compute,
    login: { user: "root" },
    on: (machine) => ({ address: machine.host, sshPort: machine.port, sshHostKey: machine.hostKey }),
    ...{ managed, running, verbs, pinged, deaf },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([controller.stop(), compute.stop()]);
      await plane.stop();
    },
  };
}

/** The stand-in's answers. */
export async function standInPlane(): Promise<ControlPlane> {
  const faults = new Map<string, number>();
  const next = (procedure: string) => {
    const code = faults.get(procedure.replace("devstack:", ""));
    return code === undefined ? undefined : { procedure, do: "error" as const, code, message: "told to" };
  };
  const api = await startDevstackApi({ registerMs: 300, faults: { next } });
  const name = "10.9.9.9";
  const tell = async (call: string, fields: Record<string, string>) => {
    const body = new URLSearchParams({ cloud: name, address: fields.host ?? "", ...fields });
    const response = await fetch(`${api.url}/stand-in/${call}`, { method: "POST", body });
    if (!response.ok) throw new Error(await response.text());
    return response.text();
  };
  const authUrl = await tell("cloud", { host: "ctl", admin_password: PASSWORD, cells: "1" });
  for (const service of ["n-sch", "n-super-cond", "n-cond-cell1"])
    await tell("start", { service, host: "ctl", cell: "1" });
  await tell("start", { service: "n-cpu", host: "hv1", cell: "1" });
  const cloud = api.clouds.get(name);
  if (!cloud) throw new Error("no cloud");
  while (cloud.hypervisors.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  cloud.discover();
  return {
    ...{ authUrl: authUrl.trim(), isReal: false, trouble: cloud.trouble, faults },
    forget(host) {
      const at = cloud.services.findIndex((one) => one.host === host && one.binary === "nova-compute");
      cloud.services.splice(at, 1);
    },
    services: { ctl: ["nova-scheduler", "nova-conductor"] },
    first: { host: "hv1", cell: "cell1" },
    boot: {},
    novaManage: async (words) => novaManage(cloud, words),
    startCompute: async (host) => void (await tell("start", { service: "n-cpu", host, cell: "1" })),
    stopCompute: async (host) => void (await tell("stop", { service: "n-cpu", host })),
    stop: () => api.close(),
  };
}

/** Nova, placement, glance and neutron themselves, with the fake driver. */
export async function realPlane(): Promise<ControlPlane> {
  const plane = await startOpenStack();
  const computes = new Map<string, Awaited<ReturnType<typeof plane.addCompute>>>();
  const novaManageOf = async (words: string[]): Promise<Said> => {
    try {
      return { text: await plane.novaManage(...words), code: 0 };
    } catch (error) {
      const { code, stdout = "", stderr = "" } = error as { code?: number; stdout?: string; stderr?: string };
      return { text: `${stdout}${stderr}`, code: typeof code === "number" ? code : 97 };
    }
  };
  const services = await plane.openstack<{ Binary: string; Host: string }[]>("compute", "service", "list");
  const wanted: Record<string, string[]> = {};
  for (const { Binary, Host } of services)
    if (Binary !== "nova-compute") wanted[Host] = [...(wanted[Host] ?? []), Binary];
  const host = services.find(({ Binary }) => Binary === "nova-compute")?.Host ?? "";
  const { text } = await novaManageOf(["cell_v2", "list_hosts"]);
  const cell =
    text
      .split("\n")
      .find((line) => line.includes(` ${host} `))
      ?.split("|")[1]
      ?.trim() ?? "";
  await plane.openstack("network", "create", "private");
  await plane.openstack(
    ...["subnet", "create", "--network", "private", "--subnet-range", "10.77.0.0/24", "private-subnet"],
  );
  return {
    ...{ authUrl: plane.authUrl, isReal: true, services: wanted, first: { host, cell } },
    boot: {},
    novaManage: novaManageOf,
    startCompute: async (name) => void computes.set(name, await plane.addCompute(name)),
    async stopCompute(name) {
      await computes.get(name)?.stop();
      computes.delete(name);
    },
    async stop() {
      await Promise.all([...computes.values()].map((compute) => compute.stop()));
      await plane.stop();
    },
  };
}

export const logOf = (machine: SshMachine): string => readFileSync(machine.path("/etc/ssh/log"), "utf8");
