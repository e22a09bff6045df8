import * as fs from "node:fs";
import * as os from "node:os";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { ensureEmbedded } from "../../embedded/start";
import type { LibvirtClient } from "../../providers/libvirt/client";
import {
  addressOf,
  connectTo,
  defineMachine,
  hasNamespaces,
  itInNamespaces,
  keyPair,
  type Login,
  login,
  makeHome,
  until,
} from "./embedded.fixtures";

/** A layout of two, in sandboxes: all by plain commands over SSH, as somebody would type them. */

const NODES = {
  ctl: { mac: "52:54:00:00:00:05", overlay: "172.24.4.11" },
  hv1: { mac: "52:54:00:00:00:06", overlay: "172.24.4.12" },
} as const;
type Name = keyof typeof NODES;

const PASSWORD = "canary-5e1f";
const PASSWORDS = ["ADMIN", "DATABASE", "RABBIT", "SERVICE"]
  .map((name) => `${name}_PASSWORD=${PASSWORD}\n`)
  .join("");
const COMPUTE_SERVICES = "n-cpu,placement-client,ovn-controller,ovs-vswitchd,ovsdb-server";

const localConf = (name: Name): string =>
  [
    "[[local|localrc]]",
    `HOST_IP=${NODES[name].overlay}`,
    `SERVICE_HOST=${NODES.ctl.overlay}`,
    PASSWORDS.trimEnd(),
    name === "ctl"
      ? "enable_plugin heat https://opendev.org/openstack/heat\ndisable_service n-cpu tempest"
      : `ENABLED_SERVICES=${COMPUTE_SERVICES}`,
    "",
    "[[post-config|$NOVA_CONF]]",
    "[libvirt]",
    "virt_type = qemu",
    "",
  ].join("\n");

const hostFacts = () => ({
  hostName: os.hostname(),
  passwd: fs.readFileSync("/etc/passwd", "utf8"),
  root: fs.readdirSync("/").sort(),
  links: Object.keys(os.networkInterfaces()).sort(),
  etc: ["nova", "openstack", "labplan"].map((name) => fs.existsSync(`/etc/${name}`)),
  units: fs.existsSync("/etc/systemd/system") ? fs.readdirSync("/etc/systemd/system").sort() : [],
  opt: fs.existsSync("/opt/stack"),
});

describe("devstack's stand-in, in sandboxes", () => {
  const { home, remove } = makeHome();
  const key = keyPair();
  const nodes = {} as Record<Name, Login>;
  const addresses = {} as Record<Name, string>;
  const before = hostFacts();
  let client: LibvirtClient;
  let gitBase = "";
  let devstackUrl = "";

  beforeAll(async () => {
    ({ gitBase, devstackUrl } = await ensureEmbedded({ home }));
    if (!(await hasNamespaces(home))) return;
    client = await connectTo(home);
    for (const [name, { mac }] of Object.entries(NODES) as [Name, { mac: string }][]) {
      await client.domainStart(await defineMachine(client, { name, mac, publicKey: key.publicKey }));
      const at = await addressOf(home, name);
      addresses[name] = at.address;
      nodes[name] = await login(at, key);
      await root(name, "useradd -m -u 1234 -d /opt/stack -s /bin/bash stack");
    }
  });
  afterAll(async () => {
    for (const node of Object.values(nodes)) node.end();
    await client?.close();
    await remove();
  });

  const test = itInNamespaces(home);

  async function root(name: Name, command: string, input?: string): Promise<string> {
    const { out, code } = await nodes[name].run(command, input);
    if (code !== 0) throw new Error(`${name}: ${command}: ${code}: ${out}`);
    return out;
  }
  const quoted = (command: string): string => `'${command.replaceAll("'", "'\\''")}'`;
  const stack = (name: Name, command: string, input?: string) =>
    nodes[name].run(`runuser -u stack -- sh -c ${quoted(`cd /opt/stack; ${command}`)}`, input);

  async function overlay(name: Name, peer: Name, vni = 1001): Promise<void> {
    const { overlay: address } = NODES[name];
    await root(
      name,
      [
        "ip link add name br-lp type bridge",
        `ip link add name vx-lp type vxlan id ${vni} dstport 4789 local ${addresses[name]} df set`,
        "ip link set dev vx-lp mtu 1450 master br-lp up",
        "ip link set dev br-lp mtu 1450 up",
        `bridge fdb append 00:00:00:00:00:00 dev vx-lp dst ${addresses[peer]}`,
        `ip addr replace ${address}/24 dev br-lp`,
      ].join(" && "),
    );
  }
  const ping = (name: Name, peer: Name, options = "") =>
    nodes[name].run(`ping -n -c 1 -W 2 ${options} ${NODES[peer].overlay}`);

  test("pings through the overlay once both ends are set up and fit", async () => {
    await overlay("ctl", "hv1");
    expect((await ping("ctl", "hv1")).code).toBe(1);
    await overlay("hv1", "ctl", 1002);
    expect((await ping("ctl", "hv1")).out).toContain("100% packet loss");
    await root("hv1", "ip link del dev vx-lp; ip link del dev br-lp");
    await overlay("hv1", "ctl");
    expect((await ping("ctl", "hv1")).out).toContain("1 received, 0% packet loss");
    expect((await ping("hv1", "ctl", "-M do -s 1422")).code).toBe(0);
    expect((await ping("hv1", "ctl", "-M do -s 1423")).out).toContain("message too long, mtu=1450");
    await root("ctl", "ip link set dev br-lp mtu 1400");
    expect((await ping("hv1", "ctl", "-M do -s 1422")).out).toContain("100% packet loss");
    await root("ctl", "ip link set dev br-lp mtu 1450");
  });

  test("knows who was become: stack.sh refuses root, and takes the user", async () => {
    expect(await root("ctl", "runuser -u stack -- id -u")).toBe("1234\n");
    expect(await root("ctl", "sudo -u stack -- whoami")).toBe("stack\n");
    expect((await stack("ctl", "sudo -n id -u; echo $HOME; pwd")).out).toBe("0\n/opt/stack\n/opt/stack\n");
    for (const name of ["ctl", "hv1"] as const) {
      const { out, code } = await stack(
        name,
        `git clone -q -b stable/2026.1 ${name === "ctl" ? "https://opendev.org" : gitBase}/openstack/devstack`,
      );
      expect({ out, code }).toEqual({ out: "", code: 0 });
      await stack(name, "umask 077; cat > devstack/local.conf", localConf(name));
    }
    const refused = await nodes.ctl.run("cd /opt/stack/devstack && ./stack.sh");
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining("Cut it out") });
  });

  test("trap openstack#18: fails a compute before there is a controller", async () => {
    const { code, out } = await stack("hv1", "devstack/stack.sh");
    expect(code).toBe(1);
    expect(out).toContain("[ERROR]");
    expect(out).toContain("the database at 172.24.4.11 does not answer");
    expect((await stack("hv1", "devstack/stack.sh")).out).toContain("./unstack.sh");
    expect((await stack("hv1", "devstack/unstack.sh")).code).toBe(0);
  });

  test("fails, is killed and hangs where it is told to", async () => {
    await stack("ctl", "mkdir -p stand-in; printf 'fail post-config once\\n' > stand-in/fault");
    const failed = await stack("ctl", "devstack/stack.sh");
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining("post-config did not work") });
    await stack("ctl", "devstack/unstack.sh; printf 'die install once\\n' > stand-in/fault");
    expect((await stack("ctl", "devstack/stack.sh > /dev/null 2>&1")).code).toBe(137);
    await stack("ctl", "devstack/unstack.sh; printf 'hang extra\\n' > stand-in/fault");
    // Detached, as who resumes does it: neither the end of the session nor that of the connection ends it.
    const second = await login(await addressOf(home, "ctl"), key);
    await second.run(
      "runuser -u stack -- sh -c 'cd /opt/stack/devstack; setsid ./stack.sh < /dev/null > /opt/stack/out 2>&1 & echo $! > /opt/stack/pid'",
    );
    second.end();
    const log = "/opt/stack/logs/stack.sh.log";
    await until("it hangs", async () =>
      (await root("ctl", `tail -n 3 ${log} || :`)).includes("does not come up"),
    );
    expect(await root("ctl", `head -n 1 ${log}`)).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000 \| \+ stack\.sh:/,
    );
    await root("ctl", "kill -- -$(ps -o pgid= -p $(pgrep -f '[.]/stack.sh' | head -n 1) | tr -d ' ')");
    await until("it ended", async () => (await nodes.ctl.run("pgrep -f '[.]/stack.sh'")).code === 1);
    await stack("ctl", "rm stand-in/fault; devstack/unstack.sh");
  });

  test("stacks both, and the compute is heard of a moment later", async () => {
    const first = await stack("ctl", "devstack/stack.sh");
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining("This is your host IP address") });
    expect(first.out).toContain("A stand-in for this plugin: stack post-config");
    expect(await root("ctl", "cat /etc/nova/nova.conf")).toContain("[libvirt]\nvirt_type = qemu");
    expect(await root("ctl", "systemctl is-active devstack@n-sch")).toBe("active\n");
    const clouds = await root("ctl", "cat /etc/openstack/clouds.yaml");
    expect(clouds).toMatch(
      /devstack-admin:\n {4}auth:\n {6}auth_url: http:\/\/127\.0\.0\.1:\d+\/ctl-[0-9a-f]{8}\/identity/,
    );
    expect((await stack("hv1", "devstack/stack.sh")).code).toBe(0);
    const manage = "PATH=$PATH:/opt/stack/data/venv/bin; nova-manage cell_v2";
    await until("the compute is found", async () => {
      const { out } = await stack("ctl", `${manage} discover_hosts --verbose`);
      return out.includes("Creating host mapping for compute host 'hv1'");
    });
    expect((await stack("ctl", `${manage} list_hosts`)).out).toMatch(
      /\| +cell1 +\| [0-9a-f-]{36} \| +hv1 +\|/,
    );
    expect(await root("ctl", "cat /opt/stack/stand-in/runs | sort | uniq -c | tr -s ' '")).toContain(
      " 1 stack done",
    );
  });

  test("answers nova over SSH, and a server is reached from its hypervisor alone", async () => {
    const clouds = await root("ctl", "cat /etc/openstack/clouds.yaml");
    const base = /auth_url: (.*)\/identity/.exec(clouds)?.[1] ?? "";
    expect(base.startsWith(devstackUrl)).toBe(true);
    const auth = {
      identity: {
        methods: ["password"],
        password: { user: { name: "admin", domain: { id: "default" }, password: PASSWORD } },
      },
      scope: { project: { name: "admin", domain: { id: "default" } } },
    };
    const asked = await fetch(`${base}/identity/v3/auth/tokens`, {
      method: "POST",
      body: JSON.stringify({ auth }),
    });
    const headers = {
      "x-auth-token": asked.headers.get("x-subject-token") ?? "",
      "openstack-api-version": "compute 2.74",
    };
    const get = async (at: string) =>
      (await (await fetch(`${base}${at}`, { headers })).json()) as Record<string, never[]>;
    expect((await get("/compute/v2.1/os-hypervisors/detail")).hypervisors).toMatchObject([
      { hypervisor_hostname: "hv1", state: "up", status: "enabled" },
    ]);
    const { images } = await get("/image/v2/images");
    const { networks } = await get("/networking/v2.0/networks?name=private");
    const [image, network] = [
      images?.[0] as unknown as { id: string },
      networks?.[0] as unknown as { id: string },
    ];
    const made = await fetch(`${base}/compute/v2.1/servers`, {
      method: "POST",
      headers,
      body: JSON.stringify({
        server: {
          name: "probe",
          imageRef: image.id,
          flavorRef: "42",
          host: "hv1",
          networks: [{ uuid: network.id }],
        },
      }),
    });
    const { id } = ((await made.json()) as { server: { id: string } }).server;
    const server = await until("the server runs", async () => {
      const { server: found } = (await get(`/compute/v2.1/servers/${id}`)) as never as {
        server: { status: string; addresses: Record<string, { addr: string }[]> };
      };
      return found.status === "ACTIVE" ? found : undefined;
    });
    const address = server.addresses.private?.[0]?.addr ?? "";
    const reach = `ip netns exec ovnmeta-${network.id} ping -n -c 1 -W 2 ${address}`;
    expect((await nodes.hv1.run(reach)).code).toBe(0);
    expect((await nodes.ctl.run(reach)).code).toBe(1);
    await fetch(`${base}/compute/v2.1/servers/${id}`, { method: "DELETE", headers });

    await root("hv1", "systemctl stop devstack@n-cpu");
    expect((await get("/compute/v2.1/os-hypervisors")).hypervisors).toMatchObject([{ state: "down" }]);
    await root("hv1", "systemctl start devstack@n-cpu");
    await until("it is up again", async () =>
      JSON.stringify(await get("/compute/v2.1/os-services?binary=nova-compute")).includes('"state":"up"'),
    );
  });

  test("tells a service that is not up, where it lies, and is gone after unstack and clean", async () => {
    await stack("hv1", "devstack/unstack.sh; echo lie > stand-in/fault");
    expect((await stack("hv1", "devstack/stack.sh")).code).toBe(0);
    expect((await nodes.hv1.run("systemctl is-active devstack@n-cpu")).code).not.toBe(0);
    expect((await nodes.hv1.run("systemctl is-active devstack@ovn-controller")).code).toBe(0);
    for (const name of ["hv1", "ctl"] as const) {
      expect((await stack(name, "devstack/unstack.sh && devstack/clean.sh")).code).toBe(0);
      expect(
        await root(
          name,
          "ls /etc/systemd/system /opt/stack/devstack -a | grep -e devstack@ -e stackenv || :",
        ),
      ).toBe("");
      expect((await nodes[name].run("ls /etc/nova /opt/stack/data")).code).not.toBe(0);
    }
  });

  test("brings enabled units back at a boot, and nothing else: what ran is over", async () => {
    await root(
      "hv1",
      "mkdir -p /etc/systemd/system; cat > /etc/systemd/system/again.service; systemctl enable again",
      "[Unit]\nDescription=again\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'ip link add name br-again type bridge'\n[Install]\nWantedBy=multi-user.target\n",
    );
    await root(
      "hv1",
      "setsid sh -c 'while sleep 0.05; do touch /srv/alive; done' < /dev/null > /dev/null 2>&1 &",
    );
    await until("it runs", async () => (await nodes.hv1.run("ls /srv/alive")).code === 0);
    nodes.hv1.end();
    const found = await client.domainByName("hv1");
    if (!found) throw new Error("no domain");
    await client.domainDestroy(found);
    await client.domainStart(found);
    nodes.hv1 = await login(await addressOf(home, "hv1"), key);
    await root("hv1", "rm /srv/alive; sleep 0.2");
    expect((await nodes.hv1.run("ls /srv/alive")).code).not.toBe(0);
    expect(await root("hv1", "systemctl is-active again; ip -o link show | cut -d: -f2 | tr -d '\\n'")).toBe(
      "active\n lo eth0 br-again",
    );
  });

  test("nothing on the host is changed by any of it", async () => {
    await root(
      "hv1",
      "apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends git bridge-utils",
    );
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own format
    expect(await root("hv1", "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' git")).toBe(
      "git installed\n",
    );
    expect((await nodes.hv1.run("apt-get install -y no-such-thing")).code).toBe(100);
    expect(hostFacts()).toEqual(before);
  });
});
