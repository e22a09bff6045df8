import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import type { Patience } from "../../../../providers/power/patience";
import type { PlannedPower, PowerContext } from "../../../../providers/power/power";

/** Fast, and of an end. */
export const FAST: Partial<Patience> = {
  pollMs: 5,
  retryMs: 10,
  statusS: 2,
  switchS: 2,
  bootS: 2,
  handS: 2,
  againS: 0.05,
};

export const contextOf = (more: Partial<PowerContext> = {}): PowerContext & { lines: string[] } => {
  const lines: string[] = [];
  return {
    name: "n1",
    signal: new AbortController().signal,
    secret: () => "the-password",
    progress: (line) => lines.push(line),
    lines,
    ...more,
  };
};

export const configOf = (url: string, more: object = {}): PlannedPower => ({
  kind: "redfish",
  url,
  user: "who",
  password: { env: "X" },
  ...more,
});

/** An address whose SSH port answers, for as long as `work` runs. */
export async function withSystem<T>(
  work: (ssh: { address: string; sshPort: number }) => Promise<T>,
): Promise<T> {
  const server = createTcpServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    return await work({ address: "127.0.0.1", sshPort: port });
  } finally {
    server.close();
  }
}

type Boot = Record<string, unknown>;

/** What makers of BMCs do each in their own way. */
export interface Ways {
  state: string;
  boot: Boot;
  /** What may be asked of ComputerSystem.Reset; `info` says it in an ActionInfo, `none` nowhere. */
  resets: string[];
  resetsIn: "action" | "info" | "none";
  /** ETag now, and which If-Match is taken. */
  etag: string | undefined;
  takes(ifMatch: string | undefined): boolean;
  /** How an order to boot is kept. */
  keep(boot: Boot, order: Boot): Boot | { status: number; message: string };
  /** Carry a reset out; gives the answer's status. */
  reset(type: string): number;
  /** Answers instead of anything else, while it gives one. */
  before(
    method: string,
    path: string,
  ): { status: number; text: string; headers?: Record<string, string> } | undefined;
  cards: string[];
}

export interface Bmc extends Ways {
  url: string;
  /** `POST On`, `PATCH {…}`: what changed something, in order. */
  orders: string[];
  requests: number;
  logins: Set<string>;
  close(): Promise<void>;
}

const SYSTEM = "/redfish/v1/Systems/1";
const ACTION = `${SYSTEM}/Actions/ComputerSystem.Reset`;

/** A BMC on loopback that is told how to misbehave. */
export async function startBmc(more: Partial<Ways> = {}): Promise<Bmc> {
  const bmc: Bmc = {
    state: "Off",
    boot: { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None" },
    resets: ["On", "ForceOff", "GracefulShutdown", "ForceRestart"],
    resetsIn: "action",
    etag: undefined,
    takes: () => true,
    keep: (boot, order) => ({ ...boot, ...order }),
    reset: (type) => {
      if (type === "On") bmc.state = "On";
      if (type === "ForceOff") bmc.state = "Off";
      return 204;
    },
    before: () => undefined,
    cards: [],
    ...more,
    url: "",
    orders: [],
    requests: 0,
    logins: new Set(),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  const server = createServer((request, response) => void answer(bmc, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  bmc.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return bmc;
}

async function answer(bmc: Bmc, request: IncomingMessage, response: ServerResponse): Promise<void> {
  bmc.requests++;
  const { method = "", url = "" } = request;
  const login = Buffer.from((request.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
  bmc.logins.add(login);
  let text = "";
  for await (const chunk of request) text += chunk;
  const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  const refuse = (status: number, message: string) =>
    send(status, {
      error: { code: "Base.1.0.GeneralError", "@Message.ExtendedInfo": [{ Message: message }] },
    });
  const instead = bmc.before(method, url);
  if (instead) return send(instead.status, instead.text, instead.headers);

  const link = (path: string) => ({ "@odata.id": path });
  const path = url.replace(/\/$/, "");
  if (path === "/redfish/v1") return send(200, { Systems: link("/redfish/v1/Systems") });
  if (path === "/redfish/v1/Systems") return send(200, { Members: [link(SYSTEM)] });
  if (path === `${SYSTEM}/Reset`)
    return send(200, { Parameters: [{ Name: "ResetType", AllowableValues: bmc.resets }] });
  if (path === `${SYSTEM}/Cards`) {
    // Two pages.
    const cards = bmc.cards.map((_, at) => link(`${SYSTEM}/Cards/${at}`));
    return send(200, { Members: cards.slice(0, 1), "Members@odata.nextLink": `${SYSTEM}/Cards?skip=1` });
  }
  if (path === `${SYSTEM}/Cards?skip=1`)
    return send(200, { Members: bmc.cards.slice(1).map((_, at) => link(`${SYSTEM}/Cards/${at + 1}`)) });
  const card = new RegExp(`^${SYSTEM}/Cards/(\\d+)$`).exec(path);
  if (card) return send(200, { MACAddress: bmc.cards[Number(card[1])] });
  if (path === ACTION && method === "POST") {
    const { ResetType } = JSON.parse(text) as { ResetType: string };
    bmc.orders.push(`POST ${ResetType}`);
    const status = bmc.reset(ResetType);
    return status < 300 ? send(status, "") : refuse(status, `no ${ResetType} for the-password`);
  }
  if (path !== SYSTEM) return send(404, "");
  if (method === "PATCH") {
    if (!bmc.takes(request.headers["if-match"])) return refuse(412, "precondition");
    const { Boot } = JSON.parse(text) as { Boot: Boot };
    bmc.orders.push(`PATCH ${JSON.stringify(Boot)}`);
    const kept = bmc.keep(bmc.boot, Boot);
    if (typeof kept.status === "number") return refuse(kept.status, `${kept.message}`);
    bmc.boot = kept as Boot;
    return send(204, "");
  }
  const action =
    bmc.resetsIn === "action"
      ? { "ResetType@Redfish.AllowableValues": bmc.resets }
      : bmc.resetsIn === "info"
        ? { "@Redfish.ActionInfo": `${SYSTEM}/Reset` }
        : {};
  send(
    200,
    {
      Id: "1",
      PowerState: bmc.state,
      Boot: bmc.boot,
      Actions: { "#ComputerSystem.Reset": { target: ACTION, ...action } },
      ...(bmc.cards.length > 0 ? { EthernetInterfaces: link(`${SYSTEM}/Cards`) } : {}),
    },
    bmc.etag === undefined ? {} : { etag: bmc.etag },
  );
}
