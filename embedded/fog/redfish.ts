import { timingSafeEqual } from "node:crypto";
import type { Answer } from "./answer";
import type { BareMetal, Metal } from "./bare-metal";

/** The machines' power, as a management controller of DMTF's Redfish gives it: `/redfish/v1/`. */

export interface RedfishContext {
  metal: BareMetal;
  user: string;
  password: string;
}

export interface RedfishRequest {
  method: string;
  /** Below `/redfish`. */
  path: string;
  authorization: string | undefined;
  body: string;
  lie: boolean;
}

const RESETS = [
  "On",
  "ForceOn",
  "ForceOff",
  "GracefulShutdown",
  "GracefulRestart",
  "ForceRestart",
  "PushPowerButton",
  "PowerCycle",
] as const;
type Reset = (typeof RESETS)[number];
const TARGETS = ["None", "Pxe", "Hdd"] as const;
const OVERRIDES = ["Disabled", "Once", "Continuous"] as const;

const V1 = "/redfish/v1";
const json = (value: unknown, status = 200): Answer => ({
  status,
  body: JSON.stringify(value),
  headers: { "odata-version": "4.0" },
});
const refuse = (status: number, code: string, message: string): Answer =>
  json(
    {
      error: {
        code: `Base.1.0.${code}`,
        message,
        "@Message.ExtendedInfo": [{ MessageId: `Base.1.0.${code}`, Message: message }],
      },
    },
    status,
  );
const done: Answer = { status: 204, body: "" };

export async function answerRedfish(context: RedfishContext, request: RedfishRequest): Promise<Answer> {
  const { method, body } = request;
  const path = request.path.replace(/\/+$/, "");
  if (method === "GET" && path === "") return json({ v1: `${V1}/` });
  if (method === "GET" && path === "v1") return json(ROOT);
  if (!isAllowed(context, request.authorization)) {
    const answer = refuse(
      401,
      "NoValidSession",
      "There is no valid session established with the implementation.",
    );
    return { ...answer, headers: { ...answer.headers, "www-authenticate": 'Basic realm="Redfish"' } };
  }
  if (method === "GET" && path === "v1/Systems") return json(systems(context.metal.list()));
  const [, id = "", rest = ""] = /^v1\/Systems\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
  const metal = id === "" ? undefined : context.metal.find(decodeURIComponent(id));
  if (!metal) return refuse(404, "ResourceMissingAtURI", `The resource at the URI ${V1} was not found.`);
  const name = context.metal.nameOf(metal);
  if (method === "GET" && rest === "") return json(system(metal, name));
  if (method === "PATCH" && rest === "") return patch(context.metal, metal, body, request.lie);
  if (method === "GET" && rest === "EthernetInterfaces") return json(cards(metal));
  const card = /^EthernetInterfaces\/(.+)$/.exec(rest)?.[1];
  const mac = metal.macs.find((one) => one === card?.toLowerCase().replaceAll("-", ":"));
  if (method === "GET" && mac !== undefined) return json(ethernet(metal, mac));
  if (method === "POST" && rest === "Actions/ComputerSystem.Reset")
    return reset(context.metal, metal, body, request.lie);
  return refuse(404, "ResourceMissingAtURI", "There is nothing at this URI.");
}

function isAllowed({ user, password }: RedfishContext, authorization = ""): boolean {
  const sent = Buffer.from(Buffer.from(authorization.replace(/^Basic /i, ""), "base64").toString("utf8"));
  const own = Buffer.from(`${user}:${password}`);
  return sent.length === own.length && timingSafeEqual(sent, own);
}

const ROOT = {
  "@odata.id": `${V1}/`,
  "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
  Id: "RootService",
  Name: "labplan embedded Redfish service",
  RedfishVersion: "1.5.0",
  Systems: { "@odata.id": `${V1}/Systems` },
};

const idOf = (metal: Metal): string => (metal.macs[0] ?? metal.uuid).replaceAll(":", "-");
const uriOf = (metal: Metal): string => `${V1}/Systems/${idOf(metal)}`;

const systems = (all: Metal[]) => ({
  "@odata.id": `${V1}/Systems`,
  "@odata.type": "#ComputerSystemCollection.ComputerSystemCollection",
  Name: "Computer System Collection",
  "Members@odata.count": all.length,
  Members: all.map((one) => ({ "@odata.id": uriOf(one) })),
});

const system = (metal: Metal, name: string | undefined) => ({
  "@odata.id": uriOf(metal),
  "@odata.type": "#ComputerSystem.v1_1_0.ComputerSystem",
  Id: idOf(metal),
  Name: name ?? idOf(metal),
  UUID: metal.uuid,
  Manufacturer: "labplan",
  SystemType: "Physical",
  Status: { State: "Enabled", Health: "OK", HealthRollUp: "OK" },
  PowerState: metal.isOn ? "On" : "Off",
  Boot: {
    BootSourceOverrideEnabled: metal.override,
    BootSourceOverrideTarget: metal.target,
    "BootSourceOverrideTarget@Redfish.AllowableValues": TARGETS,
    BootSourceOverrideMode: "UEFI",
  },
  EthernetInterfaces: { "@odata.id": `${uriOf(metal)}/EthernetInterfaces` },
  Actions: {
    "#ComputerSystem.Reset": {
      target: `${uriOf(metal)}/Actions/ComputerSystem.Reset`,
      "ResetType@Redfish.AllowableValues": RESETS,
    },
  },
});

const cards = (metal: Metal) => ({
  "@odata.id": `${uriOf(metal)}/EthernetInterfaces`,
  "@odata.type": "#EthernetInterfaceCollection.EthernetInterfaceCollection",
  Name: "Ethernet Interface Collection",
  "Members@odata.count": metal.macs.length,
  Members: metal.macs.map((mac) => ({ "@odata.id": cardUri(metal, mac) })),
});
const cardUri = (metal: Metal, mac: string): string =>
  `${uriOf(metal)}/EthernetInterfaces/${mac.replaceAll(":", "-")}`;

const ethernet = (metal: Metal, mac: string) => ({
  "@odata.id": cardUri(metal, mac),
  "@odata.type": "#EthernetInterface.v1_4_0.EthernetInterface",
  Id: mac.replaceAll(":", "-"),
  Name: `NIC ${metal.macs.indexOf(mac) + 1}`,
  Status: { State: "Enabled", Health: "OK" },
  PermanentMACAddress: mac,
  MACAddress: mac,
});

function fieldsOf(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body || "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function patch(all: BareMetal, metal: Metal, body: string, lie: boolean): Answer {
  const boot = fieldsOf(body).Boot as Record<string, unknown> | undefined;
  if (!boot) return refuse(400, "PropertyMissing", "Only Boot can be changed.");
  const override = OVERRIDES.find((one) => one === (boot.BootSourceOverrideEnabled ?? metal.override));
  const target = TARGETS.find((one) => one === (boot.BootSourceOverrideTarget ?? metal.target));
  if (!override || !target)
    return refuse(400, "PropertyValueNotInList", "Boot has a value that is not in its list.");
  if (!lie) all.bootNext(metal, override, target);
  return done;
}

async function reset(all: BareMetal, metal: Metal, body: string, lie: boolean): Promise<Answer> {
  const type = RESETS.find((one) => one === (fieldsOf(body).ResetType ?? "On"));
  if (!type) return refuse(400, "ActionParameterValueNotInList", "ResetType is not in its list.");
  if (!lie) await ACTIONS[type](all, metal);
  return done;
}

/** What is asked of a machine that is off already, or on, is done. */
const ACTIONS: Record<Reset, (all: BareMetal, metal: Metal) => void | Promise<void>> = {
  On: (all, metal) => all.on(metal),
  ForceOn: (all, metal) => all.on(metal),
  ForceOff: (all, metal) => all.off(metal),
  GracefulShutdown: (all, metal) => void all.shutDown(metal, "off"),
  GracefulRestart: (all, metal) => void all.shutDown(metal, "on"),
  ForceRestart: (all, metal) => (metal.isOn ? all.reset(metal) : undefined),
  PushPowerButton: (all, metal) => (metal.isOn ? void all.shutDown(metal, "off") : all.on(metal)),
  PowerCycle: (all, metal) => (metal.isOn ? all.reset(metal) : undefined),
};
