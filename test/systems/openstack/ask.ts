import type { OpenStack } from "./start";

type Service = "compute" | "network" | "image" | "identity" | "placement";

/** Status and answer; never throws for a status. */
type Request = (
  service: Service,
  path: string,
  options?: { method?: string; body?: object; microversion?: string },
  // biome-ignore lint/suspicious/noExplicitAny: answers of five APIs, looked at by tests only
) => Promise<{ status: number; body: any }>;

/** A client of the tests' own: what labplan's client says is compared with this one's words. */
export type Ask = Request & { projectId: string };

/** Log in as one of a control plane's users, with a token for their project. */
export async function ask(plane: OpenStack, who: "admin" | "lab" = "admin"): Promise<Ask> {
  const env = plane[who];
  const domain = { name: "Default" };
  const answer = await fetch(`${plane.authUrl}/auth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ["password"],
          password: { user: { name: env.OS_USERNAME, password: env.OS_PASSWORD, domain } },
        },
        scope: { project: { name: env.OS_PROJECT_NAME, domain } },
      },
    }),
  });
  const token = answer.headers.get("x-subject-token") ?? "";
  const { token: granted } = (await answer.json()) as { token: { project: { id: string } } };
  const local = (port: number, rest = "") => `http://127.0.0.1:${port}${rest}`;
  const endpoints: Record<Service, string> = {
    compute: local(plane.ports.nova, "/v2.1"),
    network: local(plane.ports.neutron, "/v2.0"),
    image: local(plane.ports.glance, "/v2"),
    identity: plane.authUrl,
    placement: local(plane.ports.placement),
  };
  const request: Request = async (service, path, { method = "GET", body, microversion } = {}) => {
    const headers: Record<string, string> = { "x-auth-token": token, "content-type": "application/json" };
    if (microversion) headers["openstack-api-version"] = `${service} ${microversion}`;
    const answered = await fetch(`${endpoints[service]}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answered.text();
    return { status: answered.status, body: text ? JSON.parse(text) : undefined };
  };
  return Object.assign(request, { projectId: granted.project.id });
}
