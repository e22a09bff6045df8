import * as fs from "node:fs";
import * as path from "node:path";
import type { FaultRule } from "../../embedded/faults";
import { type EmbeddedLab, embeddedMachines, ensureEmbedded, stopEmbedded } from "../../embedded/start";
import { login, makeHome, until } from "./embedded.fixtures";
import { ask } from "./embedded-fog.lab";

/** The daemon's own FOG server, with hosts that are sandboxes. */
export interface MetalLab {
  home: string;
  lab: EmbeddedLab;
  /** Of FOG's REST interface. */
  json(method: string, route: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Of Redfish, below `/redfish/v1/`; status and JSON, if any. */
  redfish(
    method: string,
    route: string,
    body?: unknown,
    password?: string,
  ): Promise<{ status: number; json: Record<string, unknown> }>;
  /** Make a host with an image, both by name; gives its id. */
  host(name: string, mac: string, image: string): Promise<number>;
  deploy(id: number, type?: number, more?: object): Promise<void>;
  power(mac: string, type: string): Promise<void>;
  /** Its only task that has not ended, or the latest. */
  task(hostID: number): Promise<{ id: number; state: number; percent: number }>;
  ended(hostID: number): Promise<number>;
  /** Where it answers; waits for it. */
  up(mac: string): Promise<{ address: string; sshPort: number; hostKey: string }>;
  /** What a command prints inside, as root with the stock images' key. */
  run(mac: string, command: string): Promise<string>;
  faults(...rules: FaultRule[]): void;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startMetalLab(durationMs = 400): Promise<MetalLab> {
  const { home, remove } = makeHome();
  const begin = async () => {
    process.env.LABPLAN_EMBEDDED_FOG_MS = String(durationMs);
    const lab = await ensureEmbedded({ home });
    delete process.env.LABPLAN_EMBEDDED_FOG_MS;
    return { lab, tokens: JSON.parse(fs.readFileSync(lab.fogTokenFile, "utf8")) };
  };
  let { lab, tokens } = await begin();
  const json: MetalLab["json"] = async (method, route, body) =>
    JSON.parse((await ask({ url: lab.fogUrl, ...tokens }, method, route, body)).body);
  const redfish: MetalLab["redfish"] = async (method, route, body, password = tokens.redfish.password) => {
    const response = await fetch(new URL(`/redfish/v1/${route}`, lab.fogUrl), {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${tokens.redfish.user}:${password}`).toString("base64")}`,
        "content-type": "application/json",
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text ? JSON.parse(text) : {} };
  };
  const idOf = (mac: string): string => mac.replaceAll(":", "-");
  const tasksOf = async (hostID: number) => {
    const { tasks } = (await json("GET", "task")) as { tasks: Record<string, string>[] };
    return tasks
      .filter((one) => Number(one.hostID) === hostID)
      .map((one) => ({ id: Number(one.id), state: Number(one.stateID), percent: Number(one.percent) }));
  };
  const up: MetalLab["up"] = (mac) =>
    until(`${mac} answers`, async () =>
      (await embeddedMachines({ home })).find((machine) => machine.macs.includes(mac)),
    );
  return {
    home,
    get lab() {
      return lab;
    },
    json,
    redfish,
    host: async (name, mac, image) => {
      const { images } = (await json("GET", "image")) as { images: Record<string, string>[] };
      const imageID = images.find((one) => one.name === image)?.id;
      return Number((await json("POST", "host/create", { name, macs: [mac], imageID })).id);
    },
    deploy: async (id, type = 1, more = {}) => {
      await json("POST", `host/${id}/task`, { taskTypeID: type, taskName: "test", ...more });
    },
    power: async (mac, type) => {
      const route = `Systems/${idOf(mac)}/Actions/ComputerSystem.Reset`;
      await redfish("POST", route, { ResetType: type });
    },
    task: async (hostID) => {
      const last = (await tasksOf(hostID)).at(-1);
      if (!last) throw new Error(`host ${hostID} has no task`);
      return last;
    },
    ended: (hostID) =>
      until(`the task of host ${hostID} ends`, async () => {
        const state = (await tasksOf(hostID)).at(-1)?.state ?? 0;
        return state > 3 && state;
      }),
    up,
    run: async (mac, command) => {
      const ssh = await login(
        await up(mac),
        { privateKey: fs.readFileSync(lab.fogIdentityFile, "utf8") },
        "root",
      );
      try {
        return (await ssh.run(command)).out;
      } finally {
        ssh.end();
      }
    },
    faults: (...rules) => fs.writeFileSync(path.join(lab.home, "faults.json"), JSON.stringify(rules)),
    restart: async () => {
      await stopEmbedded({ home });
      ({ lab, tokens } = await begin());
    },
    close: remove,
  };
}
