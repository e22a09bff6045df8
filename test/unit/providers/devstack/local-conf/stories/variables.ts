import { compute, hv1, preset, type Story, shared } from "./story";

export const VARIABLES: Story[] = [
  {
    story: "no settings at all: devstack's own",
    input: { layers: [] },
    means: {},
    lines: [],
  },
  {
    story: "a variable of one layer",
    input: { layers: [{ ...shared, localrc: { VIRT_DRIVER: "libvirt" } }] },
    means: { localrc: { VIRT_DRIVER: "libvirt" } },
    lines: [["VIRT_DRIVER=libvirt", "devstack.shared.localrc.VIRT_DRIVER"]],
  },
  {
    story: "a role wins over what all share, and the line tells whom it beat",
    input: {
      layers: [
        { ...shared, localrc: { LIBVIRT_TYPE: "kvm" } },
        { ...compute, localrc: { LIBVIRT_TYPE: "qemu" } },
      ],
    },
    means: { localrc: { LIBVIRT_TYPE: "qemu" } },
    lines: [
      [
        "LIBVIRT_TYPE=qemu",
        "devstack.roles.compute.localrc.LIBVIRT_TYPE",
        "devstack.shared.localrc.LIBVIRT_TYPE",
      ],
    ],
  },
  {
    story: "the node wins over its role, that over all, all over the preset, lowest first",
    input: {
      layers: [
        { ...preset, localrc: { LOGDAYS: 1 } },
        { ...shared, localrc: { LOGDAYS: 2 } },
        { ...compute, localrc: { LOGDAYS: 3 } },
        { ...hv1, localrc: { LOGDAYS: 4 } },
      ],
    },
    means: { localrc: { LOGDAYS: "4" } },
    lines: [
      [
        "LOGDAYS=4",
        "devstack.nodes.hv1.localrc.LOGDAYS",
        "preset multinode.localrc.LOGDAYS",
        "devstack.shared.localrc.LOGDAYS",
        "devstack.roles.compute.localrc.LOGDAYS",
      ],
    ],
  },
  {
    story: "the same layers the other way round: the order decides, not the name",
    input: {
      layers: [
        { ...hv1, localrc: { LOGDAYS: 4 } },
        { ...preset, localrc: { LOGDAYS: 1 } },
      ],
    },
    means: { localrc: { LOGDAYS: "1" } },
    lines: [["LOGDAYS=1", "preset multinode.localrc.LOGDAYS", "devstack.nodes.hv1.localrc.LOGDAYS"]],
  },
  {
    story: "variables stay in the order in which the layers bring them",
    input: {
      layers: [
        { ...preset, localrc: { ZONE: "z", HOST_IP: "10.0.0.2" } },
        { ...hv1, localrc: { ALPHA: "a", HOST_IP: "10.0.0.3" } },
      ],
    },
    means: { localrc: { ZONE: "z", HOST_IP: "10.0.0.3", ALPHA: "a" } },
    lines: [
      ["ZONE=z", "preset multinode.localrc.ZONE"],
      ["HOST_IP=10.0.0.3", "devstack.nodes.hv1.localrc.HOST_IP", "preset multinode.localrc.HOST_IP"],
      ["ALPHA=a", "devstack.nodes.hv1.localrc.ALPHA"],
    ],
  },
  {
    story: "a variable that others use comes first, through two steps",
    input: {
      layers: [
        {
          ...shared,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
          localrc: { RABBIT_HOST: "${SERVICE_HOST}", SERVICE_HOST: "$HOST_IP", HOST_IP: "10.0.0.2" },
        },
      ],
    },
    means: { localrc: { HOST_IP: "10.0.0.2", SERVICE_HOST: "10.0.0.2", RABBIT_HOST: "10.0.0.2" } },
    lines: [
      ["HOST_IP=10.0.0.2", "devstack.shared.localrc.HOST_IP"],
      ["SERVICE_HOST=$HOST_IP", "devstack.shared.localrc.SERVICE_HOST"],
      ["RABBIT_HOST=$SERVICE_HOST", "devstack.shared.localrc.RABBIT_HOST"],
    ],
  },
  {
    story: "a shared value uses a variable that the node sets",
    input: {
      layers: [
        { ...shared, localrc: { VNCSERVER_LISTEN: "$HOST_IP" } },
        { ...hv1, localrc: { HOST_IP: "10.0.0.7" } },
      ],
    },
    means: { localrc: { HOST_IP: "10.0.0.7", VNCSERVER_LISTEN: "10.0.0.7" } },
    lines: [
      ["HOST_IP=10.0.0.7", "devstack.nodes.hv1.localrc.HOST_IP"],
      ["VNCSERVER_LISTEN=$HOST_IP", "devstack.shared.localrc.VNCSERVER_LISTEN"],
    ],
  },
  {
    story: "a variable that devstack has before localrc stays a variable",
    input: { layers: [{ ...shared, localrc: { LOGFILE: "$DEST/logs/stack.sh.log" } }] },
    means: { localrc: { LOGFILE: "/opt/stack/logs/stack.sh.log" } },
    lines: [["LOGFILE=$DEST/logs/stack.sh.log", "devstack.shared.localrc.LOGFILE"]],
  },
  {
    story: "braces are kept where the next letter would join the name",
    input: {
      layers: [
        {
          ...shared,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
          localrc: { HOST_IP: "10.0.0.2", LOGDIR: "/var/${HOST_IP}_logs" },
        },
      ],
    },
    means: { localrc: { HOST_IP: "10.0.0.2", LOGDIR: "/var/10.0.0.2_logs" } },
    lines: [
      ["HOST_IP=10.0.0.2", "devstack.shared.localrc.HOST_IP"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
      ["LOGDIR=/var/${HOST_IP}_logs", "devstack.shared.localrc.LOGDIR"],
    ],
  },
  {
    story: "a name that nobody sets is text, as is a command",
    input: { layers: [{ ...shared, localrc: { MOTD: "$FOO costs `5$` $(id)" } }] },
    means: { localrc: { MOTD: "$FOO costs `5$` $(id)" } },
    lines: [["MOTD='$FOO costs `5$` $(id)'", "devstack.shared.localrc.MOTD"]],
  },
  {
    story: "blanks, quotes, a tilde and backslashes come back as they were",
    input: { layers: [{ ...shared, localrc: { MOTD: ` it's "a" \\$ ~ `, HOME_DIR: "~/x:~" } }] },
    means: { localrc: { MOTD: ` it's "a" \\$ ~ `, HOME_DIR: "~/x:~" } },
    lines: [
      [`MOTD=' it'\\''s "a" \\$ ~ '`, "devstack.shared.localrc.MOTD"],
      ["HOME_DIR='~/x:~'", "devstack.shared.localrc.HOME_DIR"],
    ],
  },
  {
    story: "a value of two lines, the second like a meta-section, stays one line of the file",
    input: { layers: [{ ...shared, localrc: { MOTD: "a\n[[post-config|/etc/passwd]]" } }] },
    means: { localrc: { MOTD: "a\n[[post-config|/etc/passwd]]" } },
    lines: [["MOTD='a'$'\\x0a''[[post-config|/etc/passwd]]'", "devstack.shared.localrc.MOTD"]],
  },
  {
    story: "true and false are devstack's True and False; the empty string is set, not left out",
    input: { layers: [{ ...shared, localrc: { RECLONE: true, LOG_COLOR: false, NO_PROXY: "" } }] },
    means: { localrc: { RECLONE: "True", LOG_COLOR: "False", NO_PROXY: "" } },
    lines: [
      ["RECLONE=True", "devstack.shared.localrc.RECLONE"],
      ["LOG_COLOR=False", "devstack.shared.localrc.LOG_COLOR"],
      ["NO_PROXY=", "devstack.shared.localrc.NO_PROXY"],
    ],
  },
  {
    story: "a secret stands by its name, quoted already for what it may hold",
    input: { layers: [{ ...preset, localrc: { ADMIN_PASSWORD: { secret: "devstackPassword" } } }] },
    means: { localrc: { ADMIN_PASSWORD: "{{secret:devstackPassword}}" } },
    lines: [["ADMIN_PASSWORD='{{secret:devstackPassword}}'", "preset multinode.localrc.ADMIN_PASSWORD"]],
  },
  {
    story: "a secret in the middle of a value, beside a variable",
    input: {
      layers: [
        { ...shared, localrc: { HOST_IP: "10.0.0.2", DB: "mysql://root:{{secret:db}}@$HOST_IP/nova?x=y" } },
      ],
    },
    means: { localrc: { HOST_IP: "10.0.0.2", DB: "mysql://root:{{secret:db}}@10.0.0.2/nova?x=y" } },
    lines: [
      ["HOST_IP=10.0.0.2", "devstack.shared.localrc.HOST_IP"],
      ["DB='mysql://root:{{secret:db}}@'$HOST_IP'/nova?x=y'", "devstack.shared.localrc.DB"],
    ],
  },
  {
    story: "a plain value takes the place of a secret",
    input: {
      layers: [
        { ...preset, localrc: { ADMIN_PASSWORD: { secret: "devstackPassword" } } },
        { ...hv1, localrc: { ADMIN_PASSWORD: "$DATABASE_PASSWORD", DATABASE_PASSWORD: { env: "DB" } } },
      ],
    },
    means: { localrc: { DATABASE_PASSWORD: "{{secret:env:DB}}", ADMIN_PASSWORD: "{{secret:env:DB}}" } },
    lines: [
      ["DATABASE_PASSWORD='{{secret:env:DB}}'", "devstack.nodes.hv1.localrc.DATABASE_PASSWORD"],
      [
        "ADMIN_PASSWORD=$DATABASE_PASSWORD",
        "devstack.nodes.hv1.localrc.ADMIN_PASSWORD",
        "preset multinode.localrc.ADMIN_PASSWORD",
      ],
    ],
  },
];
