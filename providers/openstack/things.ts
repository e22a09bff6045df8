import type { OpenStackClient } from "./client";

/** What a project has of one kind, as neutron lists it: `security_group` with its `id` and `description`. */
export function thingsOf<T>(
  api: OpenStackClient,
  project: string,
  thing: string,
  fields: readonly string[],
): Promise<T[]> {
  const path = `/${thing.replaceAll("_", "-")}s?project_id=${project}&fields=${fields.join("&fields=")}`;
  return api.list<T>("network", path, `${thing}s`);
}
