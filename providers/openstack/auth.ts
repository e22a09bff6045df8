import type { ApplicationAuth, Cloud, PasswordAuth } from "./clouds";
import { OpenStackError, reasonIn } from "./errors";
import type { Link } from "./http";

/** What keystone gives for a login. */
export interface Session {
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  projectId?: string;
  userId: string;
  catalog: CatalogEntry[];
}

interface CatalogEntry {
  type: string;
  endpoints: { interface: string; region?: string; region_id?: string; url: string }[];
}

interface TokenAnswer {
  token?: {
    expires_at?: string;
    project?: { id: string };
    user?: { id: string };
    catalog?: CatalogEntry[];
  };
}

/** Log in at keystone (Identity API v3, "Authentication and token management"). */
export async function logIn(cloud: Cloud, link: Link): Promise<Session> {
  const answer = await link.send({
    method: "POST",
    url: `${cloud.authUrl}/auth/tokens`,
    headers: {},
    body: { auth: authOf(cloud.auth) },
  });
  const { status, headers, body } = answer;
  if (status === 401)
    throw new OpenStackError(
      `cloud "${cloud.name}": keystone refuses the login of ${userName(cloud.auth)}. Check user, password and project in clouds.yaml or the OS_* variables.`,
      status,
    );
  if (status === 404 || status === 300)
    throw new OpenStackError(
      `cloud "${cloud.name}": no keystone answers at ${cloud.authUrl} (${status}). Check its auth_url.`,
      status,
    );
  const token = headers["x-subject-token"];
  if (status >= 300 || typeof token !== "string") {
    const what = reasonIn(body);
    throw new OpenStackError(
      `cloud "${cloud.name}": the login failed (${status}${what === undefined ? "" : `, "${what}"`}).`,
      status,
      what,
    );
  }
  const { token: facts = {} } = JSON.parse(body) as TokenAnswer;
  return {
    token,
    expiresAt: facts.expires_at === undefined ? Number.POSITIVE_INFINITY : Date.parse(facts.expires_at),
    ...(facts.project ? { projectId: facts.project.id } : {}),
    userId: facts.user?.id ?? "",
    catalog: facts.catalog ?? [],
  };
}

function authOf(auth: PasswordAuth | ApplicationAuth): object {
  if (auth.kind === "application")
    return {
      identity: {
        methods: ["application_credential"],
        application_credential: { ...auth.id, secret: auth.secret },
      },
    };
  return {
    identity: { methods: ["password"], password: { user: { ...auth.user, password: auth.password } } },
    ...(auth.project ? { scope: { project: auth.project } } : {}),
  };
}

function userName(auth: Cloud["auth"]): string {
  if (auth.kind === "application") return "the application credential";
  return "name" in auth.user ? `"${auth.user.name}"` : `user ${auth.user.id}`;
}

export type Service = "compute" | "network" | "image" | "identity" | "placement";

/** Below it are a service's paths; some catalogs leave the API's version out. */
export function endpointOf(cloud: Cloud, session: Session, service: Service): string {
  if (service === "identity") return cloud.authUrl;
  const entry = session.catalog.find(({ type }) => type === service);
  const inRegion = (one: CatalogEntry["endpoints"][number]) =>
    cloud.region === undefined || (one.region_id ?? one.region) === cloud.region;
  const endpoints = entry?.endpoints.filter(inRegion) ?? [];
  const found = endpoints.find((one) => one.interface === cloud.interface);
  if (!found) {
    const where = `${cloud.interface}${cloud.region === undefined ? "" : ` in region "${cloud.region}"`}`;
    const others = session.catalog.map(({ type }) => type).join(", ");
    throw new OpenStackError(
      `cloud "${cloud.name}" has no ${service} service (${where}). Its catalog has: ${others || "nothing"}.`,
    );
  }
  const base = found.url.replace(/\/+$/, "");
  const version = VERSIONS[service];
  return version === undefined || /\/v\d+(\.\d+)?(\/|$)/.test(base) ? base : `${base}/${version}`;
}

const VERSIONS: Partial<Record<Service, string>> = { compute: "v2.1", network: "v2.0", image: "v2" };
