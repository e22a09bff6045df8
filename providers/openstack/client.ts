import { setTimeout } from "node:timers/promises";
import { endpointOf, logIn, type Service, type Session } from "./auth";
import type { Cloud } from "./clouds";
import { OpenStackError, reasonIn } from "./errors";
import { type Answer, type Call, type Dial, Link } from "./http";

export type { Service } from "./auth";

export interface ClientOptions {
  /** @default sockets of this machine */
  dial?: Dial;
  signal?: AbortSignal;
  /** Of each call. @default 60_000 */
  deadlineMs?: number;
  /** Before each repetition of a question that failed in passing. @default 500 and 2_000 */
  pausesMs?: readonly number[];
}

export interface CallOptions {
  /** Of compute and placement: `2.53`. @default the service's own default */
  microversion?: string;
}

const DEADLINE_MS = 60_000;
const PAUSES_MS = [500, 2_000];
/** A token that ends within this is not begun with. */
const TOKEN_SLACK_MS = 120_000;

/** The REST APIs of one cloud, as who logs in. Logs in with the first call, and again when the token ends. */
export class OpenStackClient {
  readonly #cloud: Cloud;
  readonly #link: Link;
  readonly #pausesMs: readonly number[];
  readonly #signal: AbortSignal | undefined;
  #session: Promise<Session> | undefined;

  constructor(
    cloud: Cloud,
    { dial, signal, deadlineMs = DEADLINE_MS, pausesMs = PAUSES_MS }: ClientOptions = {},
  ) {
    this.#cloud = cloud;
    this.#pausesMs = pausesMs;
    this.#signal = signal;
    this.#link = new Link(cloud.name, {
      deadlineMs,
      verify: cloud.verify,
      ...(cloud.ca === undefined ? {} : { ca: cloud.ca }),
      ...(cloud.caText === undefined ? {} : { caText: cloud.caText }),
      ...(dial ? { dial } : {}),
      ...(signal ? { signal } : {}),
    });
  }

  close(): void {
    this.#link.close();
  }

  get name(): string {
    return this.#cloud.name;
  }

  get keystone(): string {
    return this.#cloud.authUrl;
  }

  /** Of the project that the login is for. */
  async projectId(): Promise<string> {
    const { projectId } = await this.#logIn();
    if (projectId === undefined)
      throw new OpenStackError(
        `cloud "${this.name}": the login is for no project. Name one: \`project_name\` in clouds.yaml, or OS_PROJECT_NAME.`,
      );
    return projectId;
  }

  /** Asked again when it fails in passing: a question changes nothing. */
  async get<T>(service: Service, path: string, options?: CallOptions): Promise<T> {
    for (const pauseMs of this.#pausesMs) {
      try {
        return await this.#call<T>("GET", service, path, options);
      } catch (error) {
        if (!(error instanceof OpenStackError && error.passing)) throw error;
        await setTimeout(pauseMs, undefined, this.#signal ? { signal: this.#signal } : {});
      }
    }
    return this.#call<T>("GET", service, path, options);
  }

  post<T>(service: Service, path: string, body: object, options?: CallOptions): Promise<T> {
    return this.#call<T>("POST", service, path, options, body);
  }

  put<T>(service: Service, path: string, body: object, options?: CallOptions): Promise<T> {
    return this.#call<T>("PUT", service, path, options, body);
  }

  remove<T = undefined>(service: Service, path: string, options?: CallOptions): Promise<T> {
    return this.#call<T>("DELETE", service, path, options);
  }

  /** All pages of a list: `list("compute", "/servers/detail", "servers")`. */
  async list<T>(service: Service, path: string, key: string, options?: CallOptions): Promise<T[]> {
    const found: T[] = [];
    const seen = new Set<string>();
    let next: string | undefined = path;
    while (next !== undefined && !seen.has(next)) {
      seen.add(next);
      const page: Record<string, unknown> = await this.get(service, next, options);
      found.push(...((page[key] as T[] | undefined) ?? []));
      next = nextPage(page, key, path);
    }
    return found;
  }

  async #call<T>(
    method: Call["method"],
    service: Service,
    path: string,
    { microversion }: CallOptions = {},
    body?: object,
  ): Promise<T> {
    const send = async (): Promise<Answer> => {
      const session = await this.#logIn();
      return this.#link.send({
        method,
        url: `${endpointOf(this.#cloud, session, service)}${path}`,
        headers: {
          "x-auth-token": session.token,
          ...(microversion === undefined ? {} : { "openstack-api-version": `${service} ${microversion}` }),
        },
        ...(body === undefined ? {} : { body }),
      });
    };
    let answer = await send();
    if (answer.status === 401) {
      // The token was taken back before its time.
      this.#session = undefined;
      answer = await send();
    }
    return this.#read<T>(answer, `${method} ${service} ${path.replace(/\?.*$/, "")}`);
  }

  #read<T>({ status, body }: Answer, call: string): T {
    if (status >= 300) {
      const what = reasonIn(body);
      throw new OpenStackError(
        `cloud "${this.name}": ${call} was refused (${status}${what === undefined ? "" : `, "${what}"`}).`,
        status,
        what,
      );
    }
    if (body === "") return undefined as T;
    try {
      return JSON.parse(body) as T;
    } catch (cause) {
      throw new OpenStackError(
        `cloud "${this.name}": ${call} was answered with no JSON.`,
        status,
        undefined,
        {
          cause,
        },
      );
    }
  }

  /** One login for all calls that come at once; another one when its token ends soon. */
  async #logIn(): Promise<Session> {
    const known = this.#session;
    const session = await known;
    if (session && session.expiresAt - Date.now() > TOKEN_SLACK_MS) return session;
    // Whoever waited for the same one has begun another one by now, or does it here.
    if (this.#session === known) {
      const next = logIn(this.#cloud, this.#link);
      this.#session = next;
      next.catch(() => {
        if (this.#session === next) this.#session = undefined;
      });
    }
    return this.#session as Promise<Session>;
  }
}

/** `servers_links: [{ rel: "next", href }]` of compute and network, `next: "/v2/images?…"` of image. */
function nextPage(page: Record<string, unknown>, key: string, path: string): string | undefined {
  const links = page[`${key}_links`] as { rel: string; href: string }[] | undefined;
  const href = links?.find(({ rel }) => rel === "next")?.href ?? (page.next as string | undefined);
  if (!href) return undefined;
  // What leads there is the catalog's affair: behind a proxy the link's host is another one.
  const query = href.includes("?") ? href.slice(href.indexOf("?")) : "";
  return `${path.replace(/\?.*$/, "")}${query}`;
}
