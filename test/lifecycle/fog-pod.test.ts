import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import type { MetalHost } from "../systems/fog/hosts";
import { type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import { type FogRack, fogRackAvailable, startFogRack } from "./fog-rack";
import { TestLab } from "./harness";

/**
 * A pod of virtual machines on a host that the same run images: host, image, pod. The imaged system has a real sshd;
 * behind its libvirt socket is a libvirtd per image, so that who is imaged anew has an empty one, as after a wipe.
 */

const reason = fogRackAvailable();
const IMAGES = ["work", "clean"] as const;
type Image = (typeof IMAGES)[number];

describe.skipIf(reason && !process.env.CI)(
  `a pod on a freshly imaged host${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let site: FogRack;
    let host: MetalHost;
    let lab: TestLab;
    let sockets: ChildProcess;
    const daemons = {} as Record<Image, Libvirtd>;
    const worlds = {} as Record<Image, LibvirtClient>;

    const config = (node1: object = {}) => ({
      backends: {
        metal: site.backend(),
        pod: {
          kind: "libvirt",
          uri: "qemu+ssh://root@node1/system",
          machine: "node1",
          identityFile: site.disks.identityFile,
          accel: "tcg",
        },
      },
      bootServer: { address: site.rack.address },
      images: site.images(),
      networks: { inner: { backend: "pod", mode: "isolated", cidr: "192.168.161.0/24" } },
      machines: {
        node1: {
          ...site.host(host),
          address: host.ip,
          power: site.power(),
          onRelease: "poweroff",
          ...node1,
        },
        router: {
          backend: "pod",
          memory: "64 MiB",
          disk: "16 MiB",
          networks: ["inner"],
          running: false,
        },
      },
    });

    /** What is in the libvirtd of the host when it has that image. */
    async function podOf(image: Image) {
      const world = worlds[image];
      const pools = await world.pools();
      const volumes = await Promise.all(pools.map((pool) => world.volumes(pool)));
      return {
        domains: (await world.domains()).map(({ name }) => name),
        networks: (await world.networks()).map(({ name }) => name),
        volumes: volumes.flat().map(({ name }) => name),
      };
    }
    const POD = { domains: ["router"], networks: ["inner"], volumes: [expect.stringContaining("router")] };
    const NOTHING = { domains: [], networks: [], volumes: [] };
    const POD_KINDS = ["libvirt:Domain router", "libvirt:Network inner", "libvirt:Pool pod"];

    /** Gives the host its libvirt sockets whenever it is up, and the usual name to that of the image that it has. */
    function keepSockets(): ChildProcess {
      const options = [
        ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=5"],
        ...["ServerAliveInterval=1", "ServerAliveCountMax=5", "ExitOnForwardFailure=yes", "LogLevel=ERROR"],
        ...IMAGES.map((image) => `RemoteForward=/run/libvirt/${image}-1 ${daemons[image].socket}`),
      ];
      const remote = "ln -sf $(cat /etc/lab-image) /run/libvirt/libvirt-sock && sleep 100000";
      const [command = "", ...args] = [
        ...["/usr/bin/setpriv", "--pdeathsig", "KILL", ...site.enter],
        ...[
          "/usr/bin/setpriv",
          "--pdeathsig",
          "KILL",
          "bash",
          "-c",
          'while :; do "$@"; sleep 0.2; done',
          "-",
        ],
        ...site.ssh(host.ip, options, remote),
      ];
      return spawn(command, args, { stdio: "ignore" });
    }

    beforeAll(async () => {
      site = await startFogRack(["node1"]);
      [host] = site.rack.hosts as [MetalHost];
      for (const image of IMAGES) {
        daemons[image] = await startLibvirtd();
        worlds[image] = await connectLibvirt(daemons[image].uri);
      }
      sockets = keepSockets();
      lab = await TestLab.create(config(), { enter: site.enter, secrets: site.secrets });
      lab.env = { LABPLAN_BOOT_HOME: path.join(lab.folder, ".labplan/boot") };
    }, 300_000);
    afterAll(async () => {
      await lab?.close();
      if (sockets?.kill("SIGKILL")) await once(sockets, "close");
      for (const image of IMAGES) {
        await worlds[image]?.close();
        await daemons[image]?.stop();
      }
      await site?.stop();
    });

    test("the first preview checks the host, and says of the pod that its host is not there yet", async () => {
      const { ops, text } = await lab.preview();
      expect(ops).toMatchObject(Object.fromEntries(POD_KINDS.map((key) => [key, "create"])));
      expect(text).toMatch(/wipes node1: image .*work/);
      expect(text).toContain("not checked: node1 is not there yet");
      expect(await site.isOff(host)).toBe(true);
    });

    test("up: the host is imaged and its pod made in one go, over SSH with the host's own key", async () => {
      await lab.up();
      expect(await podOf("work")).toEqual(POD);
      expect(await podOf("clean")).toEqual(NOTHING);
      expect((await lab.preview()).ops).toEqual({});
    }, 240_000);

    test("another image for the host: the preview shows its pod made anew, and up makes it on the new system, also when a run died in between", async () => {
      lab.write(config({ image: "clean" }));
      const { ops, text } = await lab.preview();
      expect(ops).toMatchObject({
        "fog:ImagedHost node1": "update",
        ...Object.fromEntries(POD_KINDS.map((key) => [key, expect.stringMatching(/replace|delete/)])),
      });
      expect(text).toContain("node1 is imaged anew: made again there");
      // Imaged, but not in the state yet: the pod's is still the old system, with the old host key.
      const torn = { LABPLAN_FAULT: "fog:ImagedHost@node1/8:throw" };
      expect((await lab.run(["up", "--yes", "--skip-preview"], torn)).code).not.toBe(0);
      expect(await podOf("clean")).toEqual(NOTHING);
      expect(await lab.up()).toContain("is taken as the state has it");
      expect((await site.fog.call<{ tasks: object[] }>("GET", "/task")).tasks).toHaveLength(2);
      expect(await podOf("clean")).toEqual(POD);
      expect((await lab.preview()).ops).toEqual({});
    }, 240_000);

    test("destroy: the pod is taken away, then its host switched off", async () => {
      await lab.destroy();
      expect(await podOf("clean")).toEqual(NOTHING);
      expect(await site.isOff(host)).toBe(true);
      expect((await site.fog.call<{ hosts: object[] }>("GET", "/host")).hosts).toEqual([]);
    }, 120_000);
  },
);
