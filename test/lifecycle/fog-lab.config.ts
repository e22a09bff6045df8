import * as fs from "node:fs";
import * as path from "node:path";
import { embeddedMachines, ensureEmbedded } from "../../embedded/start";
import { connectSsh } from "../../providers/ssh/client";
import type { TestLab } from "./harness";
import { KEY } from "./lab-config";

const IMAGES = {
  clean: { ID: "centos", VERSION_ID: "7" },
  rocky9: { ID: "rocky", VERSION_ID: "9*" },
  debian12: { ID: "debian", VERSION_ID: "12" },
};

export const macOf = (n: number): string => `52:54:00:f0:01:${n.toString(16).padStart(2, "0")}`;

/** A host of the embedded FOG server, to be edited by the test. */
export const host = (n: number, parts: object = {}): Record<string, unknown> => ({
  backend: "metal",
  image: "rocky9",
  macs: [macOf(n)],
  allow: ["wipe"],
  power: { kind: "redfish", url: "embedded:" },
  onRelease: "image:clean",
  access: { sshKeys: [KEY] },
  ...parts,
});

export const metal = (machines: object, backends: object = {}): object => ({
  backends: { metal: { kind: "fog", url: "embedded:" }, ...backends },
  images: Object.fromEntries(
    Object.entries(IMAGES).map(([name, osRelease]) => [
      name,
      { fog: { backend: "metal", osRelease, marker: { path: "/etc/image-name", text: name } } },
    ]),
  ),
  machines,
});

export interface Task {
  id: string;
  name: string;
  hostID: string;
  typeID: string;
  stateID: string;
}

/** A second look at the embedded FOG server and its machines, past everything that labplan believes. */
export class MetalWorld {
  constructor(private readonly lab: TestLab) {}

  async call<T>(method: string, route: string, user: "userToken" | "otherToken" = "userToken"): Promise<T> {
    const { fogUrl, fogTokenFile } = await this.embedded();
    const tokens = JSON.parse(fs.readFileSync(fogTokenFile, "utf8"));
    const headers = { "fog-api-token": tokens.apiToken, "fog-user-token": tokens[user] };
    const answer = await fetch(`${fogUrl}${route}`, { method, headers });
    return (await answer.json()) as T;
  }

  /** All that there ever were, in the order in which they were made. */
  async tasks(): Promise<Task[]> {
    return (await this.call<{ tasks: Task[] }>("GET", "/task")).tasks;
  }

  async hosts(): Promise<{ id: string; name: string }[]> {
    return (await this.call<{ hosts: { id: string; name: string }[] }>("GET", "/host")).hosts;
  }

  async faults(...rules: object[]): Promise<void> {
    fs.writeFileSync(path.join((await this.embedded()).home, "faults.json"), JSON.stringify(rules));
  }

  /** Run something as root on the machine with this MAC, with the key that is in its image. */
  async on(n: number, ...argv: string[]): Promise<string> {
    const { fogIdentityFile } = await this.embedded();
    const machines = await embeddedMachines({ home: this.lab.embeddedHome });
    const machine = machines.find(({ macs }) => macs.includes(macOf(n)));
    if (!machine) throw new Error(`${macOf(n)} is not up`);
    const { address, sshPort: port, hostKey } = machine;
    const connection = await connectSsh({
      ...{ host: address, port, hostKey },
      ...{ user: "root", identityFile: fogIdentityFile },
    });
    try {
      return (await connection.exec(argv, { deadlineS: 20 })).stdout.trim();
    } finally {
      await connection.close();
    }
  }

  bootId(n: number): Promise<string> {
    return this.on(n, "cat", "/proc/sys/kernel/random/boot_id");
  }

  private embedded() {
    return ensureEmbedded({ home: this.lab.embeddedHome });
  }
}
