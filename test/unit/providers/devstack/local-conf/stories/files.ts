import { hv1, preset, type Story, shared } from "./story";

export const FILES: Story[] = [
  {
    story: "an option of nova.conf, by devstack's variable for the file",
    input: { layers: [{ ...shared, conf: { "post-config": { $NOVA_CONF: { DEFAULT: { debug: true } } } } }] },
    means: { files: { "post-config": { "/etc/nova/nova.conf": { DEFAULT: { debug: "True" } } } } },
    lines: [["debug = True", "devstack.shared.conf.post-config.$NOVA_CONF.DEFAULT.debug"]],
  },
  {
    story: "layers set options of one section: it stands once, the node's option has won",
    input: {
      layers: [
        {
          ...shared,
          conf: { "post-config": { $NOVA_CONF: { libvirt: { virt_type: "kvm", cpu_mode: "none" } } } },
        },
        { ...hv1, conf: { "post-config": { $NOVA_CONF: { libvirt: { virt_type: "qemu" } } } } },
      ],
    },
    means: {
      files: {
        "post-config": { "/etc/nova/nova.conf": { libvirt: { virt_type: "qemu", cpu_mode: "none" } } },
      },
    },
    lines: [
      [
        "virt_type = qemu",
        "devstack.nodes.hv1.conf.post-config.$NOVA_CONF.libvirt.virt_type",
        "devstack.shared.conf.post-config.$NOVA_CONF.libvirt.virt_type",
      ],
      ["cpu_mode = none", "devstack.shared.conf.post-config.$NOVA_CONF.libvirt.cpu_mode"],
    ],
  },
  {
    story: "one file under three spellings is one meta-section, and the highest layer wins",
    input: {
      layers: [
        { ...preset, conf: { "post-config": { "/etc/nova//nova.conf": { DEFAULT: { debug: false } } } } },
        { ...shared, conf: { "post-config": { "${NOVA_CONF}": { DEFAULT: { debug: true } } } } },
        { ...hv1, conf: { "post-config": { $NOVA_CONF: { DEFAULT: { my_ip: "10.0.0.7" } } } } },
      ],
    },
    means: {
      files: { "post-config": { "/etc/nova/nova.conf": { DEFAULT: { debug: "True", my_ip: "10.0.0.7" } } } },
    },
    lines: [
      [
        "debug = True",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
        "devstack.shared.conf.post-config.${NOVA_CONF}.DEFAULT.debug",
        "preset multinode.conf.post-config./etc/nova//nova.conf.DEFAULT.debug",
      ],
      ["my_ip = 10.0.0.7", "devstack.nodes.hv1.conf.post-config.$NOVA_CONF.DEFAULT.my_ip"],
    ],
  },
  {
    story: "where localrc moves nova's files, its path and its variable are two files",
    input: {
      layers: [
        {
          ...shared,
          localrc: { NOVA_CONF_DIR: "/srv/nova" },
          conf: {
            "post-config": {
              "/etc/nova/nova.conf": { DEFAULT: { debug: true } },
              $NOVA_CONF: { DEFAULT: { debug: false } },
            },
          },
        },
      ],
    },
    means: {
      localrc: { NOVA_CONF_DIR: "/srv/nova" },
      files: {
        "post-config": {
          "/etc/nova/nova.conf": { DEFAULT: { debug: "True" } },
          "/srv/nova/nova.conf": { DEFAULT: { debug: "False" } },
        },
      },
    },
    lines: [
      ["NOVA_CONF_DIR=/srv/nova", "devstack.shared.localrc.NOVA_CONF_DIR"],
      ["debug = True", "devstack.shared.conf.post-config./etc/nova/nova.conf.DEFAULT.debug"],
      ["debug = False", "devstack.shared.conf.post-config.$NOVA_CONF.DEFAULT.debug"],
    ],
  },
  {
    story: "one file in two phases stays in both",
    input: {
      layers: [
        {
          ...shared,
          conf: {
            "test-config": { $TEMPEST_CONFIG: { compute: { min_compute_nodes: 2 } } },
            "post-config": { $NOVA_CONF: { DEFAULT: { debug: true } } },
            extra: { $NOVA_CONF: { DEFAULT: { debug: false } } },
          },
        },
      ],
    },
    means: {
      files: {
        "post-config": { "/etc/nova/nova.conf": { DEFAULT: { debug: "True" } } },
        extra: { "/etc/nova/nova.conf": { DEFAULT: { debug: "False" } } },
        "test-config": { "/opt/stack/tempest/etc/tempest.conf": { compute: { min_compute_nodes: "2" } } },
      },
    },
    lines: [
      ["debug = True", "devstack.shared.conf.post-config.$NOVA_CONF.DEFAULT.debug"],
      ["debug = False", "devstack.shared.conf.extra.$NOVA_CONF.DEFAULT.debug"],
      ["min_compute_nodes = 2", "devstack.shared.conf.test-config.$TEMPEST_CONFIG.compute.min_compute_nodes"],
    ],
  },
  {
    story: "the plugin file's variable, which has no slash of its own",
    input: {
      layers: [
        { ...shared, conf: { "post-config": { "/$Q_PLUGIN_CONF_FILE": { ml2: { path_mtu: 1450 } } } } },
      ],
    },
    means: {
      files: { "post-config": { "/etc/neutron/plugins/ml2/ml2_conf.ini": { ml2: { path_mtu: "1450" } } } },
    },
    lines: [["path_mtu = 1450", "devstack.shared.conf.post-config./$Q_PLUGIN_CONF_FILE.ml2.path_mtu"]],
  },
  {
    story: "an option set to the empty string over a value",
    input: {
      layers: [
        { ...shared, conf: { "post-config": { $NOVA_CONF: { DEFAULT: { transport_url: "rabbit://" } } } } },
        { ...hv1, conf: { "post-config": { $NOVA_CONF: { DEFAULT: { transport_url: "" } } } } },
      ],
    },
    means: { files: { "post-config": { "/etc/nova/nova.conf": { DEFAULT: { transport_url: "" } } } } },
    lines: [
      [
        "transport_url =",
        "devstack.nodes.hv1.conf.post-config.$NOVA_CONF.DEFAULT.transport_url",
        "devstack.shared.conf.post-config.$NOVA_CONF.DEFAULT.transport_url",
      ],
    ],
  },
  {
    story: "quotes, backslashes, an ampersand and a dollar reach the file through read, eval and sed",
    input: {
      layers: [
        {
          ...shared,
          conf: { "post-config": { $NOVA_CONF: { DEFAULT: { format: `a\\n "b" & \`c\` $FOO = #;` } } } },
        },
      ],
    },
    means: {
      files: {
        "post-config": { "/etc/nova/nova.conf": { DEFAULT: { format: `a\\n "b" & \`c\` $FOO = #;` } } },
      },
    },
    lines: [
      [
        `format = a\\\\\\\\\\\\\\\\n \\\\"b\\\\" \\\\\\\\& \\\\\`c\\\\\` \\\\$FOO = #;`,
        "devstack.shared.conf.post-config.$NOVA_CONF.DEFAULT.format",
      ],
    ],
  },
  {
    story: "variables that devstack knows only later are right in files, as are localrc's own",
    input: {
      layers: [
        { ...preset, localrc: { HOST_IP: "10.0.0.2", MY_PORT: 8080 } },
        {
          ...hv1,
          conf: {
            "post-config": {
              $NOVA_CONF: { vnc: { url: "http://$SERVICE_HOST:$MY_PORT/x", n: "$HOST_IP$MY_PORT" } },
            },
          },
        },
      ],
    },
    means: {
      localrc: { HOST_IP: "10.0.0.2", MY_PORT: "8080" },
      files: {
        "post-config": {
          "/etc/nova/nova.conf": { vnc: { url: "http://10.0.0.2:8080/x", n: "10.0.0.28080" } },
        },
      },
    },
    lines: [
      ["HOST_IP=10.0.0.2", "preset multinode.localrc.HOST_IP"],
      ["MY_PORT=8080", "preset multinode.localrc.MY_PORT"],
      ["url = http://$SERVICE_HOST:$MY_PORT/x", "devstack.nodes.hv1.conf.post-config.$NOVA_CONF.vnc.url"],
      ["n = $HOST_IP$MY_PORT", "devstack.nodes.hv1.conf.post-config.$NOVA_CONF.vnc.n"],
    ],
  },
  {
    story: "a secret in the middle of an option",
    input: {
      layers: [
        {
          ...shared,
          conf: {
            "post-config": { "/etc/x.conf": { database: { connection: "mysql://u:{{secret:db}}@h/x" } } },
          },
        },
      ],
    },
    means: {
      files: {
        "post-config": { "/etc/x.conf": { database: { connection: "mysql://u:{{secret:db}}@h/x" } } },
      },
    },
    lines: [
      [
        "connection = mysql://u:{{secret:db}}@h/x",
        "devstack.shared.conf.post-config./etc/x.conf.database.connection",
      ],
    ],
  },
];
