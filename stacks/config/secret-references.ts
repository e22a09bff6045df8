import { devstackSecrets } from "./devstack-form";
import { entryAt, type PositionedProblem, place } from "./positions";
import { isEncrypted } from "./source-checks";
import { configEntry, NAMESPACE, ownEntries, type StackFile } from "./stack-file";
import { suggest } from "./suggest";
import type { ConfigPath, ConfigProblem, LabConfig, SecretRef } from "./types";

/** Config keys that are named as secrets and are not in the stack's file, or there in clear. */
export function secretProblems(config: LabConfig, file: StackFile): PositionedProblem[] {
  // Pulumi's environments can bring secrets that the file does not show.
  if (ownEntries(file.document.contents ?? undefined).some(({ name }) => name === "environment")) return [];
  const keys = new Map(
    ownEntries(configEntry(file)?.value).map(({ name, entry }) => [name.replace(NAMESPACE, ""), entry]),
  );
  const problems: ConfigProblem[] = [];
  for (const { path, secret } of namedSecrets(config)) {
    const entry = keys.get(secret);
    // One in clear is told where it stands.
    if (entry && (isEncrypted(entry.value) || entryAt(file, [secret]))) continue;
    const stored = [...keys].filter(([, { value }]) => isEncrypted(value)).map(([name]) => name);
    problems.push({
      path,
      message: `no secret "${secret}" is set; "pulumi config set --secret ${secret}" sets it${suggest(secret, stored, "Set")}`,
    });
  }
  return problems.map((problem) => place(file, problem));
}

function namedSecrets(config: LabConfig): { path: ConfigPath; secret: string }[] {
  const refs: { path: ConfigPath; ref: SecretRef | undefined }[] = [];
  for (const [name, backend] of Object.entries(config.backends))
    if (backend.kind === "ldap") refs.push({ path: ["backends", name, "password"], ref: backend.password });
    else if (backend.kind === "fog")
      for (const field of ["apiToken", "userToken"] as const)
        refs.push({ path: ["backends", name, field], ref: backend[field] });
  for (const [name, { install }] of Object.entries(config.images))
    refs.push({ path: ["images", name, "install", "rootPassword"], ref: install?.rootPassword });
  for (const [name, { power, access }] of Object.entries(config.machines)) {
    if (power?.kind === "redfish" || power?.kind === "ipmi")
      refs.push({ path: ["machines", name, "power", "password"], ref: power.password });
    if (typeof access?.password === "object")
      refs.push({ path: ["machines", name, "access", "password"], ref: access.password });
  }
  for (const [name, user] of Object.entries(config.vpn?.users ?? {}))
    refs.push({ path: ["vpn", "users", name, "password"], ref: user.password });
  if (config.devstack) refs.push(...devstackSecrets(config.devstack));
  const named = refs.flatMap(({ path, ref }) =>
    ref && "secret" in ref ? [{ path: [...path, "secret"], secret: ref.secret }] : [],
  );
  for (const [name, { install }] of Object.entries(config.images))
    for (const field of ["commands", "variables", "template"] as const)
      named.push(...secretsInTexts(install?.[field], ["images", name, "install", field]));
  for (const [name, { cloudInit }] of Object.entries(config.machines))
    for (const field of ["userData", "networkConfig"] as const)
      named.push(...secretsInTexts(cloudInit?.[field], ["machines", name, "cloudInit", field]));
  return named;
}

/** `{{secret:name}}` in texts of the user's own. */
function secretsInTexts(value: unknown, path: ConfigPath): { path: (string | number)[]; secret: string }[] {
  if (typeof value === "string")
    return [...value.matchAll(/\{\{secret:([^{}]+)\}\}/g)].map(([, secret = ""]) => ({
      path: [...path],
      secret: secret.trim(),
    }));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    secretsInTexts(child, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
