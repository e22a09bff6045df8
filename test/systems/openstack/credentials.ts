/** Who is in the seeded cloud (`plane/seed.py`). The passwords are words that must appear in no log. */
export interface User {
  user: string;
  password: string;
  project: string;
}

export const ADMIN: User = { user: "admin", password: "admin-password-canary", project: "admin" };
/** Not an administrator. */
export const LAB: User = { user: "lab", password: "lab-password-canary", project: "lab" };

export function environmentOf({ user, password, project }: User, authUrl: string): Record<string, string> {
  return {
    OS_AUTH_URL: authUrl,
    OS_USERNAME: user,
    OS_PASSWORD: password,
    OS_PROJECT_NAME: project,
    OS_USER_DOMAIN_NAME: "Default",
    OS_PROJECT_DOMAIN_NAME: "Default",
    OS_REGION_NAME: "RegionOne",
    OS_IDENTITY_API_VERSION: "3",
    OS_INTERFACE: "public",
  };
}

export const openrc = (environment: Record<string, string>): string =>
  Object.entries(environment)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join("");

/** JSON is YAML. */
export function cloudsYaml(authUrl: string): string {
  const cloud = ({ user, password, project }: User) => ({
    auth: {
      auth_url: authUrl,
      username: user,
      password,
      project_name: project,
      user_domain_name: "Default",
      project_domain_name: "Default",
    },
    region_name: "RegionOne",
    identity_api_version: 3,
    interface: "public",
  });
  return `${JSON.stringify({ clouds: { admin: cloud(ADMIN), lab: cloud(LAB) } }, undefined, 2)}\n`;
}
