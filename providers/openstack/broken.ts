import type { Server } from "./clients";

/** What to do with a server in ERROR: one that never ran holds nothing, one that ran may have its disk whole. */
export const adviceFor = (server: Pick<Server, "id" | "OS-SRV-USG:launched_at">): string =>
  server["OS-SRV-USG:launched_at"] === null
    ? `It never ran: delete it ("openstack server delete ${server.id}"), and "pulumi up" makes it anew.`
    : `It ran, and its disk may be whole: "openstack server reboot --hard ${server.id}", or have an administrator set its state ("openstack server set --state active ${server.id}"). Deleting it loses its disk; "pulumi up" then makes it anew.`;
