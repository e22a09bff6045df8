import { execFile, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { builtOnce } from "../libvirt/built-once";
import { type Inside, type Namespaces, ownFolder, startInside, sweep, whyNotInside } from "../namespaces";
import { ADMIN, cloudsYaml, environmentOf, LAB, openrc } from "./credentials";
import { type Quotas, quotaFiles } from "./quotas";

/** keystone, glance, placement, nova with the fake driver and neutron on loopback, on free ports, in a pid namespace. */
export interface OpenStack {
  /** Keystone's, with `/v3`. */
  authUrl: string;
  region: string;
  /** `OS_*` variables of the administrator, and of a plain member of project `lab`. */
  admin: Record<string, string>;
  lab: Record<string, string>;
  /** A clouds.yaml with both, as clouds `admin` and `lab`. */
  cloudsYaml: string;
  /** A script that exports `admin`. */
  openrc: string;
  ports: Record<Service, number>;
  /** /mnt inside: `log` has every service's output, `etc` its configuration. */
  stateDir: string;
  /** Run a command inside, with the administrator's variables; throws when it fails. */
  inside(argv: readonly string[], timeoutS?: number): Promise<string>;
  /** Python's `openstack` command; its answer as JSON gives. */
  openstack<T>(...words: string[]): Promise<T>;
  /** `nova-manage`, as on a controller. */
  novaManage(...words: string[]): Promise<string>;
  /** One more nova-compute with the fake driver. It registers itself; nobody maps it to its cell. */
  addCompute(host: string): Promise<Compute>;
  /** Ends all of it, and leaves no process and no folder. */
  stop(): Promise<void>;
}

/** A nova-compute of its own process. */
export interface Compute {
  host: string;
  stop(): Promise<void>;
}

const SERVICES = ["keystone", "glance", "placement", "nova", "neutron"] as const;
export type Service = (typeof SERVICES)[number];

const PREFIX = "labplan-openstack-";
const PLANE = join(__dirname, "plane");
/** The distribution's own programs: another python3 has no OpenStack. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const NAMESPACES: Namespaces = { kinds: ["-m", "-p"] };
const INSTALLER = "test/systems/openstack/install.sh";
const BINARIES = [
  ...["/usr/sbin/mariadbd", "/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/bin/uwsgi", "/usr/bin/openstack"],
  ...["/usr/bin/keystone-manage", "/usr/bin/placement-manage", "/usr/bin/curl"],
  ...["/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/setpriv"],
];
/** What the seeded data depends on. */
const PACKAGES = ["keystone", "glance", "placement", "nova", "neutron"].map((name) => `python3-${name}`);

/** Undefined when a control plane can be started here, else the reason why not. */
export function available(): string | undefined {
  const reason = whyNotInside(NAMESPACES, { what: "OpenStack", tools: BINARIES, installer: INSTALLER });
  if (reason) return reason;
  try {
    versions();
  } catch {
    return `${PACKAGES.join(", ")} are not installed; ${INSTALLER} installs them`;
  }
  return undefined;
}

const versions = (): string =>
  execFileSync("dpkg-query", ["-W", "-f", `\${Package} \${Version}\n`, ...PACKAGES, "mariadb-server-core"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Data of a cloud with its schemas, images, flavors and networks. Built once, then taken from `.labplan/cache`. */
export const seededPlane = (): Promise<string> => builtOnce("openstack", PLANE, (out) => [out], versions());

/**
 * Start one. The first start of a machine makes schemas and seeds them (about a minute), later ones copy that. Without
 * `quotas` nothing is limited; `"default"` leaves what the services come with.
 */
export async function startOpenStack(options: { quotas?: Quotas | "default" } = {}): Promise<OpenStack> {
  const reason = available();
  if (reason) throw new Error(`no OpenStack: ${reason}`);
  sweep(PREFIX);
  const seeded = await seededPlane();
  const stateDir = ownFolder(PREFIX);
  await cp(seeded, stateDir, { recursive: true });
  await mkdir(join(stateDir, "etc"), { recursive: true });
  for (const [name, text] of Object.entries(quotaFiles(options.quotas ?? {})))
    await writeFile(join(stateDir, "etc", name), text);

  const init = join(stateDir, "init.log");
  const inside = await startInside({
    ...NAMESPACES,
    argv: ["env", "-i", `PATH=${SYSTEM_PATH}`, "bash", join(PLANE, "plane.sh"), stateDir, "run"],
    folder: stateDir,
    output: init,
    isReady: () => existsSync(join(stateDir, "ready")),
    readyS: 300,
    failed: () => `OpenStack did not start in ${stateDir}:\n${readFileSync(init, "utf8").slice(-2_000)}`,
  });
  try {
    const plane = await planeOf(inside, stateDir);
    await working(plane);
    return plane;
  } catch (error) {
    await inside.stop();
    throw error;
  }
}

async function planeOf({ pid, stop }: Inside, stateDir: string): Promise<OpenStack> {
  const numbers = readFileSync(join(stateDir, "ports"), "utf8").trim().split(" ").map(Number);
  const ports = Object.fromEntries(
    SERVICES.map((name, index) => [name, numbers[index]]),
  ) as OpenStack["ports"];
  const authUrl = `http://127.0.0.1:${ports.keystone}/v3`;
  const admin = environmentOf(ADMIN, authUrl);
  const files = { cloudsYaml: join(stateDir, "clouds.yaml"), openrc: join(stateDir, "openrc") };
  await writeFile(files.cloudsYaml, cloudsYaml(authUrl), { mode: 0o600 });
  await writeFile(files.openrc, openrc(admin), { mode: 0o600 });

  const enter = ["-t", `${pid}`, "-m", "-p", "--wd=/", "--"];
  const environment = { PATH: SYSTEM_PATH, HOME: "/root", LC_ALL: "C.UTF-8", ...admin };
  const run = promisify(execFile);
  const inside = async (argv: readonly string[], timeoutS = 60) => {
    const limits = { timeout: timeoutS * 1_000, killSignal: "SIGKILL" as const, maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await run("/usr/bin/nsenter", [...enter, ...argv], { ...limits, env: environment });
    return stdout;
  };
  const entry = (target: string, ...words: string[]) => [
    ...["env", "PYTHONPATH=/mnt/python", "PYTHONDONTWRITEBYTECODE=1"],
    ...["/usr/bin/python3", join(PLANE, "entry.py"), target, "--config-file", "/mnt/etc/nova.conf", ...words],
  ];
  return {
    authUrl,
    region: "RegionOne",
    admin,
    lab: environmentOf(LAB, authUrl),
    ...files,
    ports,
    stateDir,
    inside,
    openstack: async (...words) => JSON.parse(await inside(["openstack", ...words, "-f", "json"])),
    novaManage: (...words) => inside(entry("nova.cmd.manage:main", ...words)),
    addCompute: async (host) => {
      const file = `compute-${host}.conf`;
      await writeFile(join(stateDir, "etc", file), `[DEFAULT]\nhost = ${host}\n`);
      const argv = entry("nova.cmd.compute:main", "--config-file", `/mnt/etc/${file}`);
      const log = openSync(join(stateDir, "log", `nova-compute-${host}.out`), "a");
      const compute = spawn("/usr/bin/nsenter", [...enter, ...argv], {
        stdio: ["ignore", log, log],
        env: environment,
      });
      closeSync(log);
      const exited = new Promise((resolve) => compute.once("exit", resolve));
      return {
        host,
        stop: async () => {
          // nsenter is only its parent: the namespaces' own pid of it is not known here.
          await inside(["pkill", "-KILL", "-f", `/mnt/etc/${file}`]).catch(() => {});
          await exited;
        },
      };
    },
    stop,
  };
}

/** Also what runs behind the APIs must have reported itself. */
async function working(plane: OpenStack): Promise<void> {
  const query =
    "select count(*) from services where deleted = 0 and last_seen_up > '2001-01-01' and `binary` in ('nova-conductor', 'nova-scheduler', 'nova-compute')";
  const sql = ["mariadb", "--no-defaults", "-S", "/mnt/db.sock", "-u", "root", "-N", "-e", query, "nova"];
  const deadline = Date.now() + 120_000;
  while ((await plane.inside(sql)).trim() !== "3") {
    if (Date.now() > deadline)
      throw new Error(`not every nova service reported itself; see ${plane.stateDir}/log`);
    await sleep(250);
  }
}
