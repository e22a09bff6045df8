import { ensureEmbedded } from "../../embedded/start";
import { LabError } from "../core/errors";
import { isLoopback } from "../ldap/endpoint";
import { embeddedBmc } from "./embedded";
import { PowerError } from "./errors";
import { bring, offAndOn, type Patience, persist, type RawSwitch, type Waiting } from "./patience";
import type { PlannedPower, Power, PowerContext, PowerStatus } from "./power";
import { orderBoot } from "./redfish-boot";
import { type Json, RedfishClient } from "./redfish-client";
import { findSystem } from "./redfish-system";
import { trustOf } from "./redfish-tls";

type Config = Extract<PlannedPower, { kind: "redfish" }>;

/** `PowerState` of DSP0268; what is on its way is not there yet. */
const STATES: Readonly<Record<string, PowerStatus>> = { On: "on", Off: "off", Paused: "on" };

/** ResetTypes that do it, the best first. None asks the system inside. */
const RESETS = {
  on: ["On", "ForceOn", "PushPowerButton"],
  off: ["ForceOff"],
  cycle: ["PowerCycle", "ForceRestart"],
} as const;

/** It answers at once, and its machines start at once. */
const EMBEDDED_POLL_MS = 100;

/** A machine with a Redfish service (DMTF DSP0266). */
export function redfishPower(config: Config, context: PowerContext, given: Patience): Power {
  const embedded = config.url.startsWith("embedded:");
  const patience = embedded ? { ...given, pollMs: Math.min(given.pollMs, EMBEDDED_POLL_MS) } : given;
  const url = embedded ? undefined : addressOf(config.url, context.name);
  const peer = embedded ? "the embedded BMC" : `BMC ${url?.host}`;
  const who = `${context.name}: ${peer}`;
  const waiting: Waiting = { context, patience, peer };
  let opened: Promise<{ client: RedfishClient; path: string }> | undefined;
  let client: RedfishClient | undefined;

  const makeClient = async (): Promise<RedfishClient> => {
    if (embedded) {
      const bmc = embeddedBmc(await ensureEmbedded({ signal: context.signal }));
      return new RedfishClient({ who, trust: {}, clock: patience.clock, ...bmc });
    }
    return new RedfishClient({
      who,
      url: url as URL,
      user: config.user ?? "",
      password: config.password === undefined ? "" : context.secret(config.password),
      trust: trustOf(who, config),
      clock: patience.clock,
    });
  };
  /** The system, looked for once. */
  const open = (signal: AbortSignal) => {
    opened ??= (async () => {
      client ??= await makeClient();
      const path = await findSystem(
        client,
        { who, ...pick("system", config.system), ...pick("mac", context.mac?.toLowerCase()) },
        signal,
      );
      return { client, path };
    })();
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };
  const look = async (signal: AbortSignal): Promise<PowerStatus> => {
    const { client, path } = await open(signal);
    const { body } = await client.get(path, signal);
    return STATES[`${body.PowerState}`] ?? "unknown";
  };
  const reset = async (order: keyof typeof RESETS, signal: AbortSignal): Promise<void> => {
    const { client, path } = await open(signal);
    const { body } = await client.get(path, signal);
    const { target, types } = await resetsOf(client, who, body, signal);
    const type = RESETS[order].find((one) => types === undefined || types.includes(one));
    if (type === undefined)
      throw new PowerError(
        "unable",
        `${who} cannot switch the machine ${order === "cycle" ? "off and on" : order} without asking its system: it allows ${types?.join(", ")}. Another way to switch it is needed, as "power: { kind: none }", by hand.`,
      );
    await client.post(target, { ResetType: type }, signal);
  };
  const raw: RawSwitch = { look, press: reset };

  return {
    can: { status: true, off: true, networkOnce: true },
    status: () => persist(waiting, patience.statusS, "tell its state", look),
    on: () => bring(waiting, "on", raw),
    off: () => bring(waiting, "off", raw),
    cycle: async () => {
      const canOff = await persist(waiting, patience.statusS, "tell what it can do", async (signal) => {
        const { client, path } = await open(signal);
        const { body } = await client.get(path, signal);
        const { types } = await resetsOf(client, who, body, signal);
        return types === undefined || RESETS.off.some((type) => types.includes(type));
      });
      // One step, such as ForceRestart, cannot be seen to have happened, and does nothing to a machine that is off.
      if (canOff) return offAndOn(waiting, raw);
      const isOn = (await persist(waiting, patience.statusS, "tell its state", look)) === "on";
      if (isOn) await persist(waiting, patience.switchS, "restart", (signal) => reset("cycle", signal));
      return bring(waiting, "on", raw);
    },
    bootOnce: (device) =>
      persist(waiting, patience.bootS, "take the order for the next boot", async (signal) => {
        const { client, path } = await open(signal);
        const order = { who, path, device, ...pick("firmware", context.firmware) };
        if (await orderBoot(client, order, signal))
          context.progress(`${peer} keeps the ${device} first for every boot, not for one`);
      }),
    close: async () => client?.close(),
  };
}

/** `{ [name]: value }`, or nothing where there is no value. */
const pick = <N extends string, T>(name: N, value: T | undefined): { [K in N]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { [K in N]?: T };

/** Scheme, host and port; what would show a password to others is refused before any packet. */
function addressOf(text: string, name: string): URL {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new LabError(
      `${name}: "${text}" is no address of a BMC. Write url: https://bmc.example or embedded:.`,
    );
  const url = new URL(text);
  if (url.username || url.password)
    throw new LabError(
      `${name}: the address of its BMC holds a login. Take it out; use "user" and "password: { secret: … }".`,
    );
  if (url.protocol === "http:" && !isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1")))
    throw new LabError(
      `${name}: http:// would send the password of its BMC in clear. Write https://, with "ca" or "fingerprint" where no known CA signed its certificate.`,
    );
  return url;
}

/** Where a reset is asked for, and what may be asked: said with the action, or in its ActionInfo. */
async function resetsOf(
  client: RedfishClient,
  who: string,
  body: Json,
  signal: AbortSignal,
): Promise<{ target: string; types: string[] | undefined }> {
  const actions = (body.Actions ?? {}) as Json;
  const action = (actions["#ComputerSystem.Reset"] ?? {}) as Json;
  if (typeof action.target !== "string" || !action.target.startsWith("/"))
    throw new PowerError("unable", `${who} does not offer to switch the machine. Has the user the right to?`);
  const info = action["@Redfish.ActionInfo"];
  let types = action["ResetType@Redfish.AllowableValues"];
  if (!Array.isArray(types) && typeof info === "string" && info.startsWith("/")) {
    const { body: told } = await client.get(info, signal);
    const parameters = Array.isArray(told.Parameters) ? (told.Parameters as Json[]) : [];
    types = parameters.find(({ Name }) => Name === "ResetType")?.AllowableValues;
  }
  return { target: action.target, types: Array.isArray(types) ? types.map(String) : undefined };
}
