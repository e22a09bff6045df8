import { compute, hv1, preset, type Story, shared } from "./story";

export const WHOLE: Story[] = [
  {
    story: "a compute of a multi-node lab, of all its layers",
    input: {
      head: ["labplan abcd1234: hv1"],
      branch: "stable/2026.1",
      plugins: { ceilometer: { url: "https://opendev.org/openstack/ceilometer" } },
      layers: [
        {
          source: "defaults",
          localrc: { HOST_IP: "10.0.0.7", ADMIN_PASSWORD: { secret: "devstackPassword" } },
        },
        {
          ...preset,
          exact: true,
          localrc: { SERVICE_HOST: "10.0.0.2", DATABASE_PASSWORD: "$ADMIN_PASSWORD" },
          services: { "n-cpu": true, "c-vol": true },
        },
        { ...shared, localrc: { LOGFILE: "$DEST/logs/stack.sh.log" } },
        {
          ...compute,
          services: { "c-vol": false, "ceilometer-acompute": true },
          conf: { "post-config": { $NOVA_CONF: { DEFAULT: { debug: true } } } },
        },
        { ...hv1, localrc: { LIBVIRT_TYPE: "qemu" } },
      ],
    },
    means: {
      localrc: {
        HOST_IP: "10.0.0.7",
        ADMIN_PASSWORD: "{{secret:devstackPassword}}",
        SERVICE_HOST: "10.0.0.2",
        DATABASE_PASSWORD: "{{secret:devstackPassword}}",
        LOGFILE: "/opt/stack/logs/stack.sh.log",
        LIBVIRT_TYPE: "qemu",
      },
      plugins: ["ceilometer https://opendev.org/openstack/ceilometer stable/2026.1 @/opt/stack/ceilometer"],
      services: ["n-cpu", "ceilometer-acompute"],
      barred: ["c-vol"],
      files: { "post-config": { "/etc/nova/nova.conf": { DEFAULT: { debug: "True" } } } },
    },
    lines: [
      ["HOST_IP=10.0.0.7", "defaults.localrc.HOST_IP"],
      ["ADMIN_PASSWORD='{{secret:devstackPassword}}'", "defaults.localrc.ADMIN_PASSWORD"],
      ["SERVICE_HOST=10.0.0.2", "preset multinode.localrc.SERVICE_HOST"],
      ["DATABASE_PASSWORD=$ADMIN_PASSWORD", "preset multinode.localrc.DATABASE_PASSWORD"],
      ["LOGFILE=$DEST/logs/stack.sh.log", "devstack.shared.localrc.LOGFILE"],
      ["LIBVIRT_TYPE=qemu", "devstack.nodes.hv1.localrc.LIBVIRT_TYPE"],
      [
        "enable_plugin ceilometer https://opendev.org/openstack/ceilometer stable/2026.1",
        "devstack.plugins.ceilometer",
      ],
      ["disable_all_services", "preset multinode.services"],
      ["enable_service n-cpu", "preset multinode.services.n-cpu"],
      ["disable_service c-vol", "devstack.roles.compute.services.c-vol", "preset multinode.services.c-vol"],
      ["enable_service ceilometer-acompute", "devstack.roles.compute.services.ceilometer-acompute"],
      ["debug = True", "devstack.roles.compute.conf.post-config.$NOVA_CONF.DEFAULT.debug"],
    ],
  },
];
