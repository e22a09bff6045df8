/**
 * Variables that devstack itself sets before it reads the localrc section (stackrc above `source .localrc.auto`, and
 * stack.sh before it sources stackrc): a value of localrc may use them.
 */
export const EARLY_VARIABLES: ReadonlySet<string> = new Set([
  "BRANCHLESS_TARGET_BRANCH",
  "DATA_DIR",
  "DEST",
  "ENABLED_SERVICES",
  "FILES",
  "HOME",
  "HOSTNAME",
  "KEYSTONE_REGION_NAME",
  "NOVA_ENABLED_APIS",
  "PATH",
  "RC_DIR",
  "REGION_NAME",
  "SERVICE_DIR",
  "STACK_USER",
  "SUBUNIT_OUTPUT",
  "SYSTEMD_DIR",
  "TARGET_BRANCH",
  "TOP_DIR",
  "TRAILING_TARGET_BRANCH",
  "USER",
]);

/** Configuration files that devstack has a variable for, with the path it has where nothing moves it. */
export const CONFIG_FILES: readonly { variable: string; path: string; movedBy: readonly string[] }[] = [
  { variable: "$NOVA_CONF", path: "/etc/nova/nova.conf", movedBy: ["NOVA_CONF", "NOVA_CONF_DIR"] },
  {
    variable: "$NOVA_CPU_CONF",
    path: "/etc/nova/nova-cpu.conf",
    movedBy: ["NOVA_CPU_CONF", "NOVA_CONF_DIR"],
  },
  {
    variable: "$NEUTRON_CONF",
    path: "/etc/neutron/neutron.conf",
    movedBy: ["NEUTRON_CONF", "NEUTRON_CONF_DIR"],
  },
  {
    variable: "/$Q_PLUGIN_CONF_FILE",
    path: "/etc/neutron/plugins/ml2/ml2_conf.ini",
    movedBy: ["Q_PLUGIN", "Q_PLUGIN_CONF_FILE", "Q_PLUGIN_CONF_PATH", "Q_PLUGIN_CONF_FILENAME"],
  },
  {
    variable: "$GLANCE_API_CONF",
    path: "/etc/glance/glance-api.conf",
    movedBy: ["GLANCE_API_CONF", "GLANCE_CONF_DIR"],
  },
  { variable: "$CINDER_CONF", path: "/etc/cinder/cinder.conf", movedBy: ["CINDER_CONF", "CINDER_CONF_DIR"] },
  {
    variable: "$KEYSTONE_CONF",
    path: "/etc/keystone/keystone.conf",
    movedBy: ["KEYSTONE_CONF", "KEYSTONE_CONF_DIR"],
  },
  {
    variable: "$PLACEMENT_CONF",
    path: "/etc/placement/placement.conf",
    movedBy: ["PLACEMENT_CONF", "PLACEMENT_CONF_DIR"],
  },
];

/** Variables that devstack sets only later: the settings of configuration files may use them, localrc may not. */
export const LATE_VARIABLES: ReadonlySet<string> = new Set([
  ...CONFIG_FILES.map(({ variable }) => variable.replace(/^\/?\$/, "")),
  "ADMIN_PASSWORD",
  "CINDER_CONF_DIR",
  "CINDER_SERVICE_HOST",
  "DATABASE_HOST",
  "DATABASE_PASSWORD",
  "DATABASE_TYPE",
  "DATABASE_USER",
  "FIXED_RANGE",
  "FLOATING_RANGE",
  "GIT_BASE",
  "GLANCE_CONF_DIR",
  "GLANCE_HOSTPORT",
  "GLANCE_SERVICE_HOST",
  "HOST_IP",
  "HOST_IPV6",
  "KEYSTONE_AUTH_HOST",
  "KEYSTONE_AUTH_URI",
  "KEYSTONE_CONF_DIR",
  "KEYSTONE_SERVICE_HOST",
  "KEYSTONE_SERVICE_URI",
  "LOGDIR",
  "LOGFILE",
  "MYSQL_HOST",
  "NEUTRON_CONF_DIR",
  "NEUTRON_CORE_PLUGIN_CONF",
  "NOVA_CONF_DIR",
  "NOVA_INSTANCES_PATH",
  "NOVA_STATE_PATH",
  "OVN_META_CONF",
  "PLACEMENT_CONF_DIR",
  "PUBLIC_INTERFACE",
  "Q_DHCP_CONF_FILE",
  "Q_L3_CONF_FILE",
  "Q_META_CONF_FILE",
  "RABBIT_HOST",
  "RABBIT_PASSWORD",
  "RABBIT_USERID",
  "SERVICE_HOST",
  "SERVICE_PASSWORD",
  "SERVICE_PROTOCOL",
  "TEMPEST_CONFIG",
  "TEMPEST_DIR",
  "TUNNEL_ENDPOINT_IP",
  "VIRT_DRIVER",
]);

/** bash refuses to assign them, and sourcing ends there. */
export const READONLY_VARIABLES: ReadonlySet<string> = new Set([
  "BASHOPTS",
  "BASH_VERSINFO",
  "EUID",
  "PPID",
  "SHELLOPTS",
  "UID",
]);

export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
