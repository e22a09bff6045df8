import type { Context } from "./context";
import type { MachineFacts } from "./machines";
import { imageNameOf } from "./openstack-fields";
import { own } from "./stable";

const USER = "labplan";

/** Type and key: another comment is another user_data otherwise, and so another server. */
export const withoutComment = (key: string): string => key.trim().split(/\s+/).slice(0, 2).join(" ");

/** Public keys of a machine: the first one goes by the cloud's own way. */
export const keysOf = ({ config }: MachineFacts): string[] =>
  (config.cloudInit?.sshKeys ?? []).map(withoutComment);

/** The user that the image brings, unless another one is asked for; one of ours where nobody said. */
export const loginUserOf = (context: Context, { config }: MachineFacts): string =>
  config.cloudInit?.user ?? imageUser(context, config) ?? USER;

const imageUser = ({ config: lab }: Context, machine: MachineFacts["config"]): string | undefined =>
  own(lab.images, imageNameOf(machine) ?? "")?.glance?.user;

/**
 * As little as can be, and nothing that changes by itself: another user_data is another server. None at all for a
 * machine whose image has the user, and whose one key the cloud puts there.
 */
export function userDataOf(context: Context, machine: MachineFacts): { userData?: string } {
  const { cloudInit } = machine.config;
  const user = loginUserOf(context, machine);
  const keys = keysOf(machine);
  const isImages = user === imageUser(context, machine.config);
  const ours = {
    ...(machine.hostName === machine.name ? {} : { hostname: machine.hostName }),
    ...(isImages || keys.length === 0
      ? {}
      : {
          users: [
            {
              name: user,
              sudo: "ALL=(ALL) NOPASSWD:ALL",
              shell: "/bin/bash",
              lock_passwd: true,
              ssh_authorized_keys: keys,
            },
          ],
        }),
    ...(isImages && keys.length > 1 ? { ssh_authorized_keys: keys } : {}),
  };
  const merged = { ...ours, ...cloudInit?.userData };
  if (Object.keys(merged).length === 0) return {};
  // Loaded where it is used: most plans have none.
  const { dump } = require("js-yaml") as typeof import("js-yaml");
  return { userData: `#cloud-config\n${dump(merged, { lineWidth: -1, sortKeys: true })}` };
}
