import type { FogEndpoint } from "../../../providers/fog/endpoint";

/** No package of a FOG server exists, so the only real one is somebody's own: tests change nothing there but what they made. */
const NAMES = ["FOG_URL", "FOG_API_TOKEN", "FOG_USER_TOKEN"] as const;

/** Undefined when the environment names a real FOG server, else what is missing. */
export function available(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const missing = NAMES.filter((name) => !env[name]);
  return missing.length > 0 ? `set ${missing.join(", ")}` : undefined;
}

/** The server of `FOG_URL`, with `FOG_CA` as the PEM file of its CA. */
export function realServer(env: NodeJS.ProcessEnv = process.env): FogEndpoint {
  const reason = available(env);
  if (reason) throw new Error(`no real FOG server: ${reason}`);
  const { FOG_URL = "", FOG_API_TOKEN = "", FOG_USER_TOKEN = "", FOG_CA } = env;
  return {
    url: FOG_URL,
    apiToken: FOG_API_TOKEN,
    userToken: FOG_USER_TOKEN,
    ...(FOG_CA ? { caFile: FOG_CA } : {}),
  };
}
