import type { Cloud, Values } from "./clouds";

/**
 * The plugin's settings that say where and for which project, and no secret: kept with its provider, another login
 * fails there. Without them it would look into another project, find nothing, and take all for gone.
 */
export function pluginSettings(
  { authUrl, auth, region, interface: endpointType }: Cloud,
  project: string,
  entry?: string,
): Record<string, string> {
  const where = { endpointType, ...(region === undefined ? {} : { region }) };
  // The plugin takes all of an entry of clouds.yaml from there.
  if (entry !== undefined) return { cloud: entry, ...where };
  // An application credential is for one project, and is asked for none.
  if (auth.kind === "application")
    return { authUrl, ...where, ...("name" in auth.id ? {} : { applicationCredentialId: auth.id.id }) };
  return { authUrl, ...where, tenantId: project };
}

/** What the plugin fills the gaps of an entry of clouds.yaml with, and what it is called there. */
const IDENTITY: Record<string, string> = {
  OS_PROJECT_ID: "project_id",
  OS_TENANT_ID: "project_id",
  OS_PROJECT_NAME: "project_name",
  OS_TENANT_NAME: "project_name",
  OS_USER_ID: "user_id",
  OS_TOKEN: "token",
  OS_AUTH_TOKEN: "token",
  OS_APPLICATION_CREDENTIAL_ID: "application_credential_id",
  OS_APPLICATION_CREDENTIAL_NAME: "application_credential_name",
  OS_APPLICATION_CREDENTIAL_SECRET: "application_credential_secret",
};

/** Variables of another login than that of an entry of clouds.yaml. */
export const strayVariables = (value: Values, env: NodeJS.ProcessEnv): string[] =>
  Object.entries(IDENTITY).flatMap(([variable, key]) => {
    const set = env[variable];
    // A project's id counts, whatever the name is.
    if (!set || set === value(key) || (key === "project_name" && value("project_id"))) return [];
    return [variable];
  });

/** Version 2.0 went with OpenStack Queens. We log in by 3 whatever is written; the plugin does as it is told. */
const GONE = "of keystone's APIs only version 3 is left";

/** What makes the plugin log in by another version than 3, and what to write instead. */
export function oldKeystone(
  entry: { name: string; value: Values } | undefined,
  env: NodeJS.ProcessEnv,
): string | undefined {
  // Counts for an entry of clouds.yaml, too, and more than its own word.
  const asked = env.OS_IDENTITY_API_VERSION;
  if (asked && asked !== "3")
    return `OS_IDENTITY_API_VERSION is ${asked}, and ${GONE}: "export OS_IDENTITY_API_VERSION=3".`;
  if (!entry) return undefined;
  const [version = "3", url = "", type = ""] = ["identity_api_version", "auth_url", "auth_type"].map(
    entry.value,
  );
  const has = (what: string, instead: string) =>
    `cloud "${entry.name}" of clouds.yaml has ${what}, and ${GONE}. Write ${instead}.`;
  if (!asked && version !== "3") return has(`identity_api_version ${version}`, "3");
  if (/\/v2\.0\/*$/.test(url)) return has("an auth_url that ends in /v2.0", "/v3");
  if (/^v2/.test(type)) return has(`auth_type ${type}`, "password");
  return undefined;
}
