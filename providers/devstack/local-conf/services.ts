/**
 * Services that devstack itself knows, by project. From devstack's public stackrc (its default list), the lib/<project>
 * files' `is_service_enabled` questions and the multi-node guide; projects that became plugins are not here.
 */
export const KNOWN_SERVICES = {
  // lib/keystone
  keystone: ["key"],
  // lib/nova; nova-network and cells v1 (n-net, n-cell-*) are gone
  nova: [
    "nova",
    "n-api",
    "n-api-meta",
    "n-cpu",
    "n-cond",
    "n-cond-cell1",
    "n-sch",
    "n-novnc",
    "n-novnc-cell1",
    "n-spice",
    "n-sproxy",
    "n-super-cond",
  ],
  // lib/placement
  placement: ["placement", "placement-api", "placement-client"],
  // lib/glance
  glance: ["glance", "g-api", "g-api-r"],
  // lib/cinder
  cinder: ["cinder", "c-api", "c-sch", "c-vol", "c-bak"],
  // lib/neutron and lib/neutron_plugins/ovn_agent
  neutron: [
    "neutron",
    "neutron-api",
    "neutron-agent",
    "neutron-dhcp",
    "neutron-l3",
    "neutron-metadata-agent",
    "neutron-metering",
    "neutron-ovn-maintenance-worker",
    "neutron-periodic-workers",
    "neutron-rpc-server",
    "neutron-dns",
    "neutron-fip-qos",
    "neutron-gateway-ip-qos",
    "neutron-placement",
    "neutron-port-forwarding",
    "neutron-qos",
    "neutron-segments",
    "neutron-trunk",
    "q-agt",
    "q-dhcp",
    "q-dns",
    "q-fake",
    "q-l3",
    "q-meta",
    "q-metering",
    "q-ovn-agent",
    "q-ovn-metadata-agent",
    "q-placement",
    "q-port-forwarding",
    "q-qos",
    "q-segments",
    "q-svc",
    "q-trunk",
  ],
  ovn: [
    "ovn",
    "ovn-controller",
    "ovn-controller-vtep",
    "ovn-northd",
    "ovs-vswitchd",
    "ovsdb-server",
    "br-ex-tcpdump",
    "br-int-flows",
  ],
  // lib/swift
  swift: ["swift", "s-proxy", "s-object", "s-container", "s-account", "s-container-sync", "s3api"],
  // lib/horizon
  horizon: ["horizon"],
  // lib/databases and lib/rpc_backend
  database: ["mysql", "postgresql"],
  messagequeue: ["rabbit"],
  // lib/etcd3, lib/dstat, lib/tls, lib/tempest, lib/ldap, lib/os-vif, tools
  others: [
    "etcd3",
    "dstat",
    "file_tracker",
    "memory_tracker",
    "ldap",
    "os-vif",
    "tempest",
    "tls-proxy",
    "peakmem_tracker",
  ],
} as const satisfies Record<string, readonly string[]>;

export type DevstackProject = keyof typeof KNOWN_SERVICES;

export const SERVICE_NAMES: readonly string[] = Object.values(KNOWN_SERVICES).flat();

/** Services that devstack had once, and why they are in nobody's list any more. */
export const GONE_SERVICES: Readonly<Record<string, string>> = {
  "g-reg": "glance has no registry since Train",
  "n-cauth": "nova keeps console tokens in its database since Train",
  "n-cell": "cells v1 was removed in Train; cells v2 is always there",
  "n-cell-child": "cells v1 was removed in Train; cells v2 is always there",
  "n-cell-region": "cells v1 was removed in Train; cells v2 is always there",
  "n-crt": "nova-cert was removed in Pike",
  "n-net": "nova-network was removed in Ussuri; neutron takes its place",
  "n-obj": "nova's object store was removed in Mitaka",
  "n-xvnc": "nova-xvpvncproxy was removed in Train",
};

export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
