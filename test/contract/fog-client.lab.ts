import { randomBytes } from "node:crypto";
import type { FogClient, FogHost } from "../../providers/fog/client";
import type { FogEndpoint } from "../../providers/fog/endpoint";
import { FogError, type FogReason } from "../../providers/fog/errors";
import { type RestClientOptions, restClient } from "../../providers/fog/rest-client";
import { FogServer, type ServerSettings } from "../../providers/fog/server";

/** A FOG server to test on. What was in it before is nobody's to change. */
export interface FogSystem {
  endpoint: FogEndpoint;
  stop(): Promise<void>;
}

export type Start = () => Promise<FogSystem>;

/** One run's things in a server: their names and descriptions say that they are its own. */
export class ClientLab {
  readonly run = randomBytes(3).toString("hex");
  readonly mark = `[labplan contract/${this.run}/x]`;
  readonly warnings: string[] = [];
  readonly client: FogClient;
  private readonly servers: FogServer[] = [];
  private before: string[] = [];

  constructor(readonly system: FogSystem) {
    this.client = this.clientOf({});
  }

  clientOf(
    change: Partial<FogEndpoint>,
    settings: ServerSettings = {},
    options: RestClientOptions = {},
  ): FogClient {
    const server = new FogServer({ ...this.system.endpoint, ...change }, settings);
    this.servers.push(server);
    const warn = (line: string) => this.warnings.push(line);
    return restClient(server, { findPausesMs: [0, 50, 200, 1_000, 2_000], warn, ...options });
  }

  /** At most 15 characters with the run's own beginning. */
  name = (suffix: string): string => `lp${this.run}-${suffix}`;

  mac = (): string =>
    `52:54:00:${[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;

  host(suffix: string, macs = [this.mac()]): Promise<FogHost> {
    return this.client.createHost({ name: this.name(suffix), macs, description: this.mark });
  }

  image(suffix: string, more: Partial<Parameters<FogClient["createImage"]>[0]> = {}) {
    const name = this.name(suffix);
    const usual = { path: name, osId: 50, imageType: 1, partitionType: 1, enabled: true };
    return this.client.createImage({ name, description: this.mark, ...usual, ...more });
  }

  /** A host with an image, ready for a task. */
  async readyHost(suffix: string): Promise<FogHost> {
    const image =
      (await this.client.imageByName(this.name("img"))) ??
      (await this.image("img", { path: this.name("img") }));
    const { id } = await this.host(suffix);
    return this.client.editHost(id, { imageId: image.id });
  }

  private isOurs = ({ name }: { name: string }): boolean => name.startsWith(`lp${this.run}`);

  /** Everything that is not this run's, as far as a test could have changed it. */
  private async others(): Promise<string[]> {
    const hosts = await this.client.hosts();
    const images = await this.client.images();
    return [...hosts, ...images]
      .filter((one) => !this.isOurs(one))
      .map((one) => JSON.stringify({ ...one, ip: undefined, deployed: undefined }));
  }

  async open(): Promise<void> {
    this.before = await this.others();
  }

  /** Takes away what this run made, and says what else is different. */
  async close(): Promise<string[]> {
    for (const host of (await this.client.hosts()).filter(this.isOurs)) {
      await this.client.cancelTasks(host);
      await this.client.deleteHost(host.id);
    }
    for (const image of (await this.client.images()).filter(this.isOurs))
      await this.client.deleteImage(image.id);
    const after = await this.others();
    for (const server of this.servers) server.close();
    return [
      ...this.before.filter((one) => !after.includes(one)),
      ...after.filter((one) => !this.before.includes(one)),
    ];
  }
}

/** The reason and the message of a call that must fail. */
export async function failing(work: Promise<unknown>): Promise<[FogReason, string]> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (error instanceof FogError) return [error.reason, error.message];
  throw error;
}
