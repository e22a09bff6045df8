import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { end, firstInside } from "../namespaces";
import { type Rack, ready } from "./rack";
import type { LabNode } from "./start";

const run = promisify(execFile);

export const UNSHARE = ["-n", "-u", "-m", "-p", "-f", "--mount-proc"];
const ENTER = ["-n", "-u", "-m", "-p", "--wd=/"];
/** Of whoever logs in, not of whoever runs the tests. */
const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };

interface NodeOptions {
  name: string;
  index: number;
  /** Folder with what outlives a reboot. */
  disks: string;
  sudo: string;
  identityFile: string;
  hostKey: string;
  rack: Rack;
  mtu: number;
}

export class Node implements LabNode {
  readonly name: string;
  readonly identityFile: string;
  readonly underlay: string;
  readonly underlay6: string;
  readonly on: LabNode["on"];
  readonly #options: NodeOptions;
  readonly #server: Server;
  #boots = 0;
  #child: ChildProcess | undefined;
  #pid = 0;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.identityFile = options.identityFile;
    this.underlay = `10.99.0.${10 + options.index}`;
    this.underlay6 = `fd99::${10 + options.index}`;
    this.on = {
      address: "127.0.0.1",
      sshPort: 0,
      sshHostKey: options.hostKey.split(" ").slice(0, 2).join(" "),
    };
    // The node has a loopback of its own. So connections are taken here, and each is given to an sshd in there.
    this.#server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on("error", () => {});
      const sshd = ["/usr/sbin/sshd", "-i", "-E", "/run/sshd.log", "-f", "/etc/ssh/sshd_config"];
      const session = spawn("nsenter", ["-t", `${this.#pid}`, ...ENTER, ...sshd], {
        stdio: [socket, socket, "ignore"],
        env,
      });
      session.on("error", () => {});
      // Its own copy stays open.
      socket.destroy();
    });
  }

  async start(): Promise<void> {
    const { name, disks, sudo } = this.#options;
    this.#boots++;
    // setpriv: when this process is killed, the kernel kills unshare, and that kills all that is inside.
    const child = spawn(
      "setpriv",
      [
        ...["--pdeathsig", "KILL", "unshare", ...UNSHARE, "--kill-child"],
        ...["bash", join(__dirname, "init.sh"), disks, sudo, name],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#child = child;
    await ready(child, name);
    this.#pid = firstInside(child);
    await this.#plugIn();
    writeFileSync(this.path("/run/network"), "");
    for (const deadline = Date.now() + 60_000; !existsSync(this.path("/run/up")); await sleep(20))
      if (Date.now() > deadline || child.exitCode !== null) throw new Error(`${name} did not boot`);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.on.sshPort, "127.0.0.1", () => resolve());
    });
    const address = this.#server.address();
    if (typeof address === "object" && address) this.on.sshPort = address.port;
  }

  /** A cable between its own network card and the rack's bridge. */
  async #plugIn(): Promise<void> {
    const { index, rack, mtu } = this.#options;
    const ours = `n${index}-${this.#boots}`;
    const inRack = (...argv: string[]) => run("nsenter", ["-t", `${rack.pid}`, "-n", "ip", ...argv]);
    const inNode = (...argv: string[]) => run("nsenter", ["-t", `${this.#pid}`, "-n", "ip", ...argv]);
    const peer = ["peer", "name", "eth0", "mtu", `${mtu}`, "netns", `${this.#pid}`];
    await inRack("link", "add", "name", ours, "mtu", `${mtu}`, "type", "veth", ...peer);
    await inRack("link", "set", "dev", ours, "master", "underlay", "up");
    await inNode("link", "set", "dev", "lo", "up");
    await inNode("link", "set", "dev", "eth0", "address", `52:54:00:99:00:${10 + index}`, "up");
    await inNode("addr", "add", `${this.underlay}/24`, "dev", "eth0");
    await inNode("addr", "add", `${this.underlay6}/64`, "dev", "eth0", "nodad");
  }

  path(inside: string): string {
    return join(`/proc/${this.#pid}/root`, inside);
  }

  log(): string {
    return readFileSync(this.path("/run/sshd.log"), "utf8");
  }

  async inside(...argv: string[]): Promise<string> {
    const { stdout } = await run("nsenter", ["-t", `${this.#pid}`, ...ENTER, ...argv], { env });
    return stdout;
  }

  async reboot(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    if (this.#child) await end(this.#child);
    this.#child = undefined;
  }
}
