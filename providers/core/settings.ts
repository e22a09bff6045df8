import * as fs from "node:fs";
import type { BackendConfig, SecretRef } from "../../stacks/config/types";
import { LabError } from "./errors";

/** What the provider process knows of the stack's config. */
export interface Settings {
  backends: Record<string, BackendConfig>;
  /** A previously decrypted value of the stack's config by key, or undefined. */
  configValue(key: string): string | undefined;
  /** Look at nothing outside and resolve no secret (rule 16). */
  offline: boolean;
}

let settings: Settings | undefined;

/** Called once per kind and process by the engine with the decrypted config. */
export function configure(config: { get(key: string): string | undefined }): void {
  settings = {
    backends: JSON.parse(config.get("labplan:backends") ?? "{}"),
    configValue: (key) => config.get(key.includes(":") ? key : `labplan:${key}`),
    get offline() {
      return isOffline(process.env);
    },
  };
}

export function currentSettings(): Settings {
  return settings ?? { backends: {}, configValue: () => undefined, offline: isOffline(process.env) };
}

/**
 * Previews of pull requests are offline unless `LABPLAN_OFFLINE=0` says otherwise: a hostile edit must not make a
 * connection or read a secret. The decision lies outside the config for the same reason.
 */
export function isOffline(env: NodeJS.ProcessEnv): boolean {
  if (env.LABPLAN_OFFLINE) return env.LABPLAN_OFFLINE !== "0";
  return (
    /^pull_request/.test(env.GITHUB_EVENT_NAME ?? "") ||
    /^(merge_request|external_pull_request)_event$/.test(env.CI_PIPELINE_SOURCE ?? "")
  );
}

/** The value behind a secret's name. Messages hold the name only. */
export function resolveSecret(ref: SecretRef, from: Settings = currentSettings()): string {
  if (from.offline) throw new LabError("offline: no secret is resolved");
  if ("secret" in ref) {
    const value = from.configValue(ref.secret);
    if (value === undefined)
      throw new LabError(
        `the secret "${ref.secret}" is not in the stack's config; set it by "pulumi config set --secret ${ref.secret}"`,
      );
    return value;
  }
  if ("env" in ref) {
    const value = process.env[ref.env];
    if (!value)
      throw new LabError(`the environment variable ${ref.env} is not set; it holds a secret of this lab`);
    return value;
  }
  try {
    return fs.readFileSync(ref.file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new LabError(
      `the secret file ${ref.file} cannot be read: ${(cause as NodeJS.ErrnoException).code}`,
    );
  }
}
