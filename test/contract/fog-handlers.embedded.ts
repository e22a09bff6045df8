import "tsx/cjs"; // the embedded lab is loaded by require()
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultRule } from "../../embedded/faults";
import { SECRETS } from "../../embedded/fog/records";
import { type EmbeddedLab, embeddedMachines, ensureEmbedded, stopEmbedded } from "../../embedded/start";
import type { FogClient } from "../../providers/fog/client";
import { clientFor, closeServers } from "../../providers/fog/clients";
import { restClient } from "../../providers/fog/rest-client";
import { FogServer } from "../../providers/fog/server";
import { powerFor } from "../../providers/power";
import type { PlannedPower, PowerStatus } from "../../providers/power/power";
import { makeHostKey } from "../../providers/seed/host-key";
import { connectSsh } from "../../providers/ssh/client";
import type { FogBackend } from "../../stacks/config/types";
import { runOn } from "./libvirt-handlers.run";

export const BMC: PlannedPower = { kind: "redfish", url: "embedded:" };

/** The embedded lab's FOG server with its machines, as the daemon runs it. */
export interface Metal {
  lab: EmbeddedLab;
  backend: FogBackend;
  client(): Promise<FogClient>;
  /** Another user of the server: somebody else. */
  other(): FogClient;
  faults(...rules: FaultRule[]): void;
  power(mac: string): Promise<PowerStatus>;
  switchOff(mac: string): Promise<void>;
  /** Run something as root on a machine that is up. */
  on(mac: string, ...argv: string[]): Promise<string>;
  isUp(mac: string): Promise<boolean>;
  /** As anybody on the network can: nobody asks who calls. */
  pretendComplete(mac: string): Promise<void>;
  /** Set a field of a host's record that we never do. */
  edit(hostId: number, field: Record<string, string>): Promise<void>;
  /** Put a host key into an image, so that each of its hosts has that one. */
  keepHostKey(image: string): string;
  /** A BMC that does not let us in. */
  wrongPower(): PlannedPower;
  until(is: () => Promise<boolean>): Promise<void>;
  /** Whatever must be in no state, message or log. */
  secrets(): string[];
  stop(): Promise<void>;
}

export async function startMetal(env: Record<string, string> = {}): Promise<Metal> {
  const home = mkdtempSync(join(tmpdir(), "labplan-embedded-"));
  chmodSync(home, 0o755);
  Object.assign(process.env, {
    LABPLAN_EMBEDDED_HOME: join(home, "home"),
    LABPLAN_EMBEDDED_FOG_MS: "400",
    LABPLAN_BOOT_HOME: join(home, "boot"),
    LABPLAN_FOG_POLL_MS: "50",
    ...env,
  });
  const lab = await ensureEmbedded();
  const backend: FogBackend = { kind: "fog", url: "embedded:" };
  const powerOf = (mac: string) =>
    powerFor(BMC, {
      name: mac,
      mac,
      signal: new AbortController().signal,
      secret: () => "",
      progress: () => {},
    });
  const at = async (mac: string) => (await embeddedMachines()).find(({ macs }) => macs.includes(mac));
  return {
    lab,
    backend,
    client: () => clientFor(runOn(backend)),
    other: () => {
      const { apiToken, otherToken } = JSON.parse(readFileSync(lab.fogTokenFile, "utf8"));
      const server = new FogServer({ url: lab.fogUrl, apiToken, userToken: otherToken });
      return restClient(server, { signal: new AbortController().signal, warn: () => {}, pollMs: 50 });
    },
    faults: (...rules) => writeFileSync(join(lab.home, "faults.json"), JSON.stringify(rules)),
    power: (mac) => powerOf(mac).status(),
    switchOff: (mac) => powerOf(mac).off(),
    isUp: async (mac) => (await at(mac)) !== undefined,
    async on(mac, ...argv) {
      const machine = await at(mac);
      if (!machine) throw new Error(`${mac} is not up`);
      const connection = await connectSsh({
        host: machine.address,
        port: machine.sshPort,
        user: "root",
        hostKey: machine.hostKey,
        identityFile: lab.fogIdentityFile,
      });
      try {
        return (await connection.exec(argv, { deadlineS: 20 })).stdout;
      } finally {
        await connection.close();
      }
    },
    async pretendComplete(mac) {
      for (const call of ["Pre_Stage1.php", "Post_Stage3.php"])
        await fetch(`${lab.fogUrl}/service/${call}`, {
          method: "POST",
          body: new URLSearchParams({ mac, type: "down", sysuuid: "" }),
        });
    },
    async edit(hostId, field) {
      const { apiToken, userToken } = JSON.parse(readFileSync(lab.fogTokenFile, "utf8"));
      await fetch(`${lab.fogUrl}/host/${hostId}/edit`, {
        method: "PUT",
        headers: { "fog-api-token": apiToken, "fog-user-token": userToken },
        body: JSON.stringify(field),
      });
    },
    keepHostKey(image) {
      const file = join(lab.home, "fog", "images", `${image}.json`);
      const key = makeHostKey(randomBytes, image);
      writeFileSync(
        file,
        JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), hostKey: key.privateKey }),
      );
      return key.publicKey.split(" ").slice(0, 2).join(" ");
    },
    wrongPower: () => ({ kind: "redfish", url: new URL(lab.fogUrl).origin, user: "admin" }),
    async until(is) {
      for (const end = Date.now() + 30_000; !(await is().catch(() => false)); await sleep(20))
        if (Date.now() > end) throw new Error("it did not come to that");
    },
    secrets() {
      const { apiToken, userToken, otherToken, closedToken, redfish } = JSON.parse(
        readFileSync(lab.fogTokenFile, "utf8"),
      );
      const plain = (token: string) => Buffer.from(token, "base64").toString();
      const tokens = [apiToken, userToken, otherToken, closedToken];
      return [...tokens, ...tokens.map(plain), redfish.password, ...Object.values(SECRETS)];
    },
    async stop() {
      closeServers();
      await stopEmbedded({ forget: true });
      for (const name of [
        "LABPLAN_EMBEDDED_HOME",
        "LABPLAN_EMBEDDED_FOG_MS",
        "LABPLAN_BOOT_HOME",
        "LABPLAN_FOG_POLL_MS",
        ...Object.keys(env),
      ])
        delete process.env[name];
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Everything off and gone but the stock images. */
export async function reset(metal: Metal): Promise<void> {
  metal.faults();
  const client = await metal.client();
  for (const host of await client.hosts()) {
    for (const mac of host.macs) await metal.switchOff(mac);
    await client.cancelTasks(host);
    await client.deleteHost(host.id);
  }
}
