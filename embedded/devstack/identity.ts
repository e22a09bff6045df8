import { randomBytes, timingSafeEqual } from "node:crypto";
import { type Answer, type Ask, fault, none, objectIn, ok, type Route, routed } from "./answer";
import type { Cloud } from "./cloud";

const TOKEN_HOURS = 3;

/** Path of each service's endpoint below the cloud's URL. */
export const ENDPOINTS = {
  identity: "identity",
  compute: "compute/v2.1",
  placement: "placement",
  image: "image",
  network: "networking",
} as const;

const NAMES = {
  identity: "keystone",
  compute: "nova",
  placement: "placement",
  image: "glance",
  network: "neutron",
};

export function answerIdentity(cloud: Cloud, ask: Ask): Answer {
  const isOpen = ask.method === "POST" ? ask.path === "/v3/auth/tokens" : /^(\/v3)?\/?$/.test(ask.path);
  if (!isOpen && !isAllowed(cloud, ask)) return unauthorized();
  return routed(ROUTES, cloud, ask) ?? fault(404, "error", "The resource could not be found.");
}

export const isAllowed = (cloud: Cloud, { headers }: Ask): boolean =>
  cloud.tokens.has(String(headers["x-auth-token"] ?? ""));

export const unauthorized = (): Answer => ({
  status: 401,
  body: {
    error: {
      code: 401,
      title: "Unauthorized",
      message: "The request you have made requires authentication.",
    },
  },
  headers: { "www-authenticate": 'Keystone uri="identity"' },
});

const version = ({ base }: Ask) => ({
  id: "v3.14",
  status: "stable",
  updated: "2020-04-07T00:00:00Z",
  links: [{ rel: "self", href: `${base}/identity/v3/` }],
  "media-types": [{ base: "application/json", type: "application/vnd.openstack.identity-v3+json" }],
});

const ROUTES: readonly Route<Cloud>[] = [
  ["GET", /^\/?$/, (_cloud, ask) => ok({ versions: { values: [version(ask)] } }, 300)],
  ["GET", /^\/v3$/, (_cloud, ask) => ok({ version: version(ask) })],
  ["POST", /^\/v3\/auth\/tokens$/, logIn],
  [
    "DELETE",
    /^\/v3\/auth\/tokens$/,
    (cloud, { headers }) => {
      cloud.tokens.delete(String(headers["x-subject-token"] ?? headers["x-auth-token"]));
      return none();
    },
  ],
  ["GET", /^\/v3\/(?:auth\/)?projects$/, (cloud) => ok({ projects: [projectOf(cloud, "admin")], links: {} })],
];

const projectOf = (cloud: Cloud, name: string) => ({
  id: name === "admin" ? cloud.projectId : cloud.id("project", name).replaceAll("-", ""),
  name,
  domain: { id: "default", name: "Default" },
});

function logIn(cloud: Cloud, ask: Ask): Answer {
  const auth = objectIn(ask.body, "auth");
  const user = objectIn(objectIn(objectIn(auth, "identity"), "password"), "user");
  const name = String(user.name ?? "");
  if (
    !["admin", "demo", "alt_demo"].includes(name) ||
    !isSame(String(user.password ?? ""), cloud.adminPassword)
  )
    return unauthorized();
  const token = randomBytes(24).toString("base64url");
  cloud.tokens.add(token);
  const scope = objectIn(objectIn(auth, "scope"), "project");
  const now = cloud.options.now();
  const issued = now.toISOString().replace("Z", "000Z");
  const expires = new Date(now.getTime() + TOKEN_HOURS * 3_600_000).toISOString().replace("Z", "000Z");
  const roles = ["admin", "manager", "member", "reader"].map((role) => ({
    id: cloud.id("role", role),
    name: role,
  }));
  return {
    status: 201,
    headers: { "x-subject-token": token },
    body: {
      token: {
        methods: ["password"],
        user: {
          domain: { id: "default", name: "Default" },
          id: cloud.id("user", name).replaceAll("-", ""),
          name,
          password_expires_at: null,
        },
        audit_ids: [randomBytes(16).toString("base64url")],
        issued_at: issued,
        expires_at: expires,
        ...(auth.scope !== undefined && {
          project: projectOf(cloud, String(scope.name ?? "admin")),
          is_domain: false,
          roles: name === "admin" ? roles : roles.slice(2),
          catalog: catalogOf(cloud, ask),
        }),
      },
    },
  };
}

const catalogOf = (cloud: Cloud, { base }: Ask) =>
  Object.entries(ENDPOINTS).map(([type, path]) => ({
    type,
    name: NAMES[type as keyof typeof NAMES],
    id: cloud.id("catalog", type).replaceAll("-", ""),
    endpoints: [
      {
        id: cloud.id("endpoint", type).replaceAll("-", ""),
        interface: "public",
        region: cloud.options.region,
        region_id: cloud.options.region,
        url: `${base}/${path}`,
      },
    ],
  }));

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
