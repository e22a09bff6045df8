import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { JSON_SCHEMA, load } from "js-yaml";
import { LabError } from "../core/errors";

/** How to log in to a cloud, with the secrets' values: never stored, never shown. */
export interface Cloud {
  /** For messages: its name in clouds.yaml, or the address of its keystone. */
  name: string;
  /** Keystone's, with `/v3` at its end. */
  authUrl: string;
  auth: PasswordAuth | ApplicationAuth;
  region?: string;
  /** Which of a service's endpoints. @default public */
  interface: "public" | "internal" | "admin";
  /** Path of a PEM file. @default the system's */
  ca?: string;
  /** The PEM itself, in its place: of a cloud whose files are on another machine. */
  caText?: string;
  /** @default true */
  verify: boolean;
}

/** A name is unique in its domain, an id everywhere. */
export type Named = { id: string } | { name: string; domain: { id: string } | { name: string } };

export interface PasswordAuth {
  kind: "password";
  user: Named;
  password: string;
  project?: Named;
}

export interface ApplicationAuth {
  kind: "application";
  id: { id: string } | { name: string; user: Named };
  secret: string;
}

/** Nobody says how to log in, or not enough. */
export class CloudsError extends LabError {
  override readonly name = "CloudsError";
}

export interface Sources {
  env: NodeJS.ProcessEnv;
  /** Folders that are looked in, the first one that has a file wins. */
  folders: readonly string[];
  readFile(path: string): string | undefined;
}

export const systemSources = (): Sources => ({
  env: process.env,
  folders: [".", path.join(os.homedir(), ".config", "openstack"), "/etc/openstack"],
  readFile(file) {
    try {
      return fs.readFileSync(file, "utf8");
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw new CloudsError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    }
  },
});

/** The cloud of a backend: of clouds.yaml, where it is named there or by OS_CLOUD; else of the OS_* variables. */
export function findCloud(
  backend: { cloud?: string; region?: string },
  sources: Sources = systemSources(),
): Cloud {
  const { env } = sources;
  const name = entryName(backend, env);
  const found =
    name === undefined ? cloudFromEnv(env) : entryOf(readClouds(sources, name), readSecure(sources), name);
  return backend.region === undefined ? found : { ...found, region: backend.region };
}

/** Which entry of clouds.yaml a backend stands for, where it is one. */
export const entryName = (
  { cloud }: { cloud?: string },
  { OS_CLOUD }: NodeJS.ProcessEnv,
): string | undefined => cloud ?? (OS_CLOUD || undefined);

/** What an entry of clouds.yaml says by itself, secure.yaml beside it. */
export const entryValues = (name: string, sources: Sources = systemSources()): Values =>
  valuesOf(readClouds(sources, name), readSecure(sources), name).value;

/** An entry of a clouds.yaml's text. */
export const cloudFromYaml = (text: string, name: string): Cloud =>
  entryOf({ file: "clouds.yaml", clouds: cloudsIn(text, "clouds.yaml") }, {}, name);

type Entry = Record<string, unknown> & { auth?: Record<string, unknown> };
type Entries = Record<string, Entry>;

const FILES = ["yaml", "yml"] as const;

function readClouds({ env, folders, readFile }: Sources, name: string): { file: string; clouds: Entries } {
  const given = env.OS_CLIENT_CONFIG_FILE;
  const files = given
    ? [given]
    : folders.flatMap((folder) => FILES.map((end) => path.join(folder, `clouds.${end}`)));
  for (const file of files) {
    const text = readFile(file);
    if (text !== undefined) return { file, clouds: cloudsIn(text, file) };
  }
  throw new CloudsError(
    `no clouds.yaml is there, and cloud "${name}" is to stand in one (looked for in ${given ?? folders.join(", ")}). Write one, or leave \`cloud\` out and set the OS_* variables.`,
  );
}

/** secure.yaml holds what is secret of clouds.yaml's entries, where they are split. */
function readSecure({ env, folders, readFile }: Sources): Entries {
  const given = env.OS_CLIENT_SECURE_FILE;
  for (const file of given ? [given] : folders.map((folder) => path.join(folder, "secure.yaml"))) {
    const text = readFile(file);
    if (text !== undefined) return cloudsIn(text, file);
  }
  return {};
}

function cloudsIn(text: string, file: string): Entries {
  let value: unknown;
  try {
    value = load(text, { schema: JSON_SCHEMA });
  } catch {
    // The parser's own message quotes the line, which may hold the password.
    throw new CloudsError(`${file} is no YAML. Repair it.`);
  }
  const clouds = (value as { clouds?: unknown } | undefined)?.clouds;
  if (typeof clouds !== "object" || clouds === null) throw new CloudsError(`${file} has no \`clouds:\`.`);
  return clouds as Entries;
}

export type Values = (key: string) => string | undefined;
type File = { file: string; clouds: Entries };

function valuesOf({ file, clouds }: File, secure: Entries, name: string): { value: Values; isOff: boolean } {
  const entry = Object.hasOwn(clouds, name) ? clouds[name] : undefined;
  if (!entry)
    throw new CloudsError(
      `${file} has no cloud "${name}". It has: ${Object.keys(clouds).join(", ") || "none"}.`,
    );
  const more = Object.hasOwn(secure, name) ? secure[name] : undefined;
  const value: Values = (key) => {
    for (const one of [more?.auth, entry.auth, more, entry]) {
      const found = one?.[key];
      if (typeof found === "string" && found !== "") return found;
      if (typeof found === "number") return String(found);
    }
    return undefined;
  };
  return { value, isOff: (entry.verify ?? more?.verify) === false || entry.insecure === true };
}

function entryOf(clouds: File, secure: Entries, name: string): Cloud {
  const { value, isOff } = valuesOf(clouds, secure, name);
  return cloudFrom(value, {
    name,
    where: `cloud "${name}" of ${clouds.file}`,
    verify: !isOff,
    spell: (key) => `auth.${key}`,
  });
}

/** What each fact is called in the environment; the first one that is set counts. */
const VARIABLES: Record<string, readonly string[]> = {
  auth_url: ["OS_AUTH_URL"],
  username: ["OS_USERNAME"],
  user_id: ["OS_USER_ID"],
  password: ["OS_PASSWORD"],
  project_name: ["OS_PROJECT_NAME", "OS_TENANT_NAME"],
  project_id: ["OS_PROJECT_ID", "OS_TENANT_ID"],
  user_domain_name: ["OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME"],
  user_domain_id: ["OS_USER_DOMAIN_ID", "OS_DOMAIN_ID"],
  project_domain_name: ["OS_PROJECT_DOMAIN_NAME", "OS_DOMAIN_NAME"],
  project_domain_id: ["OS_PROJECT_DOMAIN_ID", "OS_DOMAIN_ID"],
  default_domain: ["OS_DEFAULT_DOMAIN"],
  application_credential_id: ["OS_APPLICATION_CREDENTIAL_ID"],
  application_credential_name: ["OS_APPLICATION_CREDENTIAL_NAME"],
  application_credential_secret: ["OS_APPLICATION_CREDENTIAL_SECRET"],
  region_name: ["OS_REGION_NAME"],
  interface: ["OS_INTERFACE", "OS_ENDPOINT_TYPE"],
  cacert: ["OS_CACERT"],
};

function cloudFromEnv(env: NodeJS.ProcessEnv): Cloud {
  const value = (key: string) => VARIABLES[key]?.map((name) => env[name]).find((text) => text);
  return cloudFrom(value, {
    where: "the OS_* variables",
    verify: !/^(1|true|yes)$/i.test(env.OS_INSECURE ?? ""),
    spell: (key) => VARIABLES[key]?.[0] ?? key,
  });
}

interface About {
  name?: string;
  where: string;
  verify: boolean;
  spell(key: string): string;
}

function cloudFrom(value: (key: string) => string | undefined, about: About): Cloud {
  const missing: string[] = [];
  const needed = (...keys: string[]): string => {
    const found = keys.map(value).find((text) => text !== undefined);
    if (found === undefined) missing.push(keys.map(about.spell).join(" or "));
    return found ?? "";
  };
  const named = (kind: "user" | "project", id: string, name: string): Named => {
    const given = value(id);
    if (given !== undefined) return { id: given };
    const domainId = value(`${kind}_domain_id`);
    const domainName = value(`${kind}_domain_name`);
    return {
      name: needed(name, id),
      domain:
        domainId !== undefined || domainName === undefined
          ? { id: domainId ?? value("default_domain") ?? "default" }
          : { name: domainName },
    };
  };
  const authUrl = needed("auth_url");
  const application = value("application_credential_id") ?? value("application_credential_name");
  const hasProject = value("project_id") !== undefined || value("project_name") !== undefined;
  const auth: Cloud["auth"] =
    application === undefined
      ? {
          kind: "password",
          user: named("user", "user_id", "username"),
          password: needed("password"),
          ...(hasProject
            ? { project: named("project", "project_id", "project_name") }
            : { project: { id: needed("project_name", "project_id") } }),
        }
      : {
          kind: "application",
          id:
            value("application_credential_id") === undefined
              ? { name: application, user: named("user", "user_id", "username") }
              : { id: application },
          secret: needed("application_credential_secret"),
        };
  if (missing.length > 0)
    throw new CloudsError(
      `${about.where} do not say how to log in: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing.`.replace(
        /^(cloud .*?) do not/,
        "$1 does not",
      ) + (about.name === undefined ? " Set them, or name a cloud of clouds.yaml: `cloud: …`." : ""),
    );
  const region = value("region_name");
  const ca = value("cacert");
  return {
    name: about.name ?? authUrl,
    authUrl: keystoneV3(authUrl, about),
    auth,
    ...(region === undefined ? {} : { region }),
    interface: interfaceOf(value("interface")),
    ...(ca === undefined ? {} : { ca }),
    verify: about.verify,
  };
}

/** `…/v2.0` of an old openrc, and no version at all, are the same server's. */
function keystoneV3(text: string, { where }: About): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new CloudsError(`${where}: "${text.replace(/\/\/[^@/]*@/, "//")}" is no address of a keystone.`);
  return `${text.replace(/\/+$/, "").replace(/\/v[0-9][0-9.]*$/, "")}/v3`;
}

const interfaceOf = (text = "public"): Cloud["interface"] => {
  const word = text.replace(/URL$/i, "").toLowerCase();
  return word === "internal" || word === "admin" ? word : "public";
};
