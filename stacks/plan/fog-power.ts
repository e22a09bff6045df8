import type { PlannedPower } from "../../providers/power/power";
import { isEmbedded } from "../config/place";
import type { ConfigPath, FogBackend, MachineConfig, PowerConfig } from "../config/types";
import { backendFor } from "./backends";
import type { Context } from "./context";
import { badMac } from "./identity";
import { given } from "./stable";

const LOOPBACK = /^(localhost|127\.|\[?::1)/;

/** How a host is switched; undefined after a problem. */
export function planPower(
  context: Context,
  logical: string,
  config: MachineConfig,
  backend: FogBackend,
): PlannedPower | undefined {
  const path = ["machines", logical, "power"];
  const { power } = config;
  if (!power) {
    // Hosts of the embedded server have a BMC of its own.
    if (isEmbedded(backend)) return { kind: "redfish", url: "embedded:" };
    context.problems.add(
      ["machines", logical],
      "FOG switches nothing, and how this host is switched is not said. Add `power`, like `power: { kind: ipmi, host: bmc1.example, user: admin, password: { secret: bmcPassword } }`; if somebody presses the button, `power: { kind: none }`.",
    );
    return undefined;
  }
  const add = (field: ConfigPath, message: string) => context.problems.add([...path, ...field], message);
  switch (power.kind) {
    case "redfish":
      return redfish(context, logical, power, backend, add);
    case "ipmi":
      return power;
    case "wol":
      return wakeOnLan(power, config, add);
    case "libvirt": {
      const found = backendFor(context, power.backend, ["libvirt", "embedded"], [...path, "backend"]);
      return found && { kind: "libvirt", backend: found, domain: power.domain };
    }
    case "virtualbox": {
      const found = backendFor(context, power.backend, ["virtualbox", "embedded"], [...path, "backend"]);
      return found && { kind: "virtualbox", backend: found, machine: power.machine };
    }
    default:
      return power;
  }
}

type Add = (field: ConfigPath, message: string) => void;

function redfish(
  { notes }: Context,
  logical: string,
  power: Extract<PowerConfig, { kind: "redfish" }>,
  backend: FogBackend,
  add: Add,
): PlannedPower | undefined {
  if (power.url === "embedded:") {
    if (isEmbedded(backend)) return power;
    add(
      ["url"],
      "the embedded BMC is of the embedded FOG server's hosts. Write the address of this host's own.",
    );
    return undefined;
  }
  if ((power.user === undefined) !== (power.password === undefined))
    add(
      [power.user === undefined ? "password" : "user"],
      "a login at the BMC is a user and a password. Give both, or none.",
    );
  if (power.ca !== undefined && power.fingerprint !== undefined)
    add(["fingerprint"], "a certificate is checked by its CA or by its fingerprint. Give one of them.");
  const url = URL.canParse(power.url) ? new URL(power.url) : undefined;
  if (url?.protocol === "http:") {
    for (const field of ["ca", "fingerprint"] as const)
      if (power[field] !== undefined)
        add([field], `${field} is for https, and the URL says http. Take one out.`);
    if (power.password !== undefined && !LOOPBACK.test(url.hostname))
      notes.push(
        `${logical}: the password of its BMC goes over the network in clear, because its URL says http.`,
      );
  }
  return {
    ...power,
    ...(power.fingerprint === undefined
      ? {}
      : { fingerprint: power.fingerprint.replaceAll(":", "").toLowerCase() }),
  };
}

function wakeOnLan(
  power: Extract<PowerConfig, { kind: "wol" }>,
  { macs, onRelease }: MachineConfig,
  add: Add,
): PlannedPower | undefined {
  const mac = power.mac?.toLowerCase() ?? macs?.[0];
  if (mac === undefined) {
    add([], "whom to wake is not said. Add its `mac`, or give the host its `macs`.");
    return undefined;
  }
  const bad = power.mac === undefined ? undefined : badMac(power.mac);
  if (bad && !mac.startsWith("fe:")) add(["mac"], `MAC address "${power.mac}": ${bad}.`);
  if (onRelease?.do === "poweroff")
    add(
      [],
      "wake-on-LAN cannot switch off, and `onRelease: poweroff` needs that. Take another kind of power.",
    );
  return { kind: "wol", mac, ...given(power, ["broadcast", "port"]) };
}

/** What one switch switches: two hosts with the same one would be switched together. */
export function switchOf(power: PlannedPower, mac: string | undefined): string | undefined {
  switch (power.kind) {
    case "redfish":
      if (power.url === "embedded:") return undefined;
      return `redfish ${power.url.replace(/\/+$/, "").toLowerCase()} ${power.system ?? mac ?? ""}`;
    case "ipmi":
      return `ipmi ${power.host.toLowerCase()}:${power.port ?? 623}`;
    case "wol":
      return `wol ${power.mac}`;
    case "libvirt":
      return `libvirt ${JSON.stringify(power.backend)} ${power.domain}`;
    case "virtualbox":
      return `virtualbox ${JSON.stringify(power.backend)} ${power.machine}`;
    default:
      return undefined;
  }
}
