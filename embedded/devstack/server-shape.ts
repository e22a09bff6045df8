import type { Ask } from "./answer";
import { type Cloud, FLAVORS, idOf, type Server } from "./cloud";

/** A server as nova shows it. */
export function serverShape(cloud: Cloud, server: Server, { base }: Ask, detail: boolean): object {
  const status = cloud.statusOf(server);
  const links = [{ rel: "self", href: `${base}/compute/v2.1/servers/${server.id}` }];
  if (!detail) return { id: server.id, name: server.name, links };
  const flavor = FLAVORS.find((one) => one.id === server.flavor) ?? FLAVORS[0];
  const network = cloud.networks.find((one) => one.id === server.network);
  const shown = status === "ACTIVE" ? server.host : status === "ERROR" ? null : server.host;
  const mac = `fa:16:3e:${server.id.slice(0, 6).replace(/(..)(..)(..)/, "$1:$2:$3")}`;
  const created = server.created.toISOString().replace(/\.\d+Z/, "Z");
  return {
    id: server.id,
    name: server.name,
    status,
    tenant_id: cloud.projectId,
    user_id: cloud.id("user", "admin").replaceAll("-", ""),
    metadata: server.metadata,
    hostId: server.host ? idOf("host", server.host).replaceAll("-", "") : "",
    image: { id: server.image, links: [{ rel: "bookmark", href: `${base}/compute/images/${server.image}` }] },
    flavor: {
      original_name: flavor.name,
      ram: flavor.ram,
      disk: flavor.disk,
      vcpus: flavor.vcpus,
      ephemeral: 0,
      swap: 0,
      extra_specs: {},
    },
    created,
    updated: created,
    addresses:
      network && status === "ACTIVE"
        ? {
            [network.name]: [
              {
                version: 4,
                addr: server.address,
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": mac,
              },
            ],
          }
        : {},
    accessIPv4: "",
    accessIPv6: "",
    links,
    "OS-DCF:diskConfig": "MANUAL",
    ...(status === "ACTIVE" && { progress: 0 }),
    "OS-EXT-AZ:availability_zone": "nova",
    config_drive: "",
    key_name: server.keyName,
    "OS-SRV-USG:launched_at": status === "ACTIVE" ? created.replace("Z", ".000000") : null,
    "OS-SRV-USG:terminated_at": null,
    "OS-EXT-SRV-ATTR:host": shown,
    "OS-EXT-SRV-ATTR:hypervisor_hostname": shown,
    "OS-EXT-SRV-ATTR:instance_name": `instance-${server.id.slice(0, 8)}`,
    "OS-EXT-STS:task_state": status === "BUILD" ? "spawning" : null,
    "OS-EXT-STS:vm_state": { BUILD: "building", ACTIVE: "active", ERROR: "error" }[status],
    "OS-EXT-STS:power_state": status === "ACTIVE" ? 1 : 0,
    "os-extended-volumes:volumes_attached": [],
    ...(status === "ERROR" && { fault: { code: 500, created, message: server.message } }),
    ...(status === "ACTIVE" && network && { security_groups: server.groups.map((name) => ({ name })) }),
  };
}
