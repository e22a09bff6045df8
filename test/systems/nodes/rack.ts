import { spawn } from "node:child_process";
import { join } from "node:path";
import { end, firstInside } from "../namespaces";

/** The network between the nodes: one bridge in a namespace of its own. */
export interface Rack {
  /** Of the first process in it. */
  pid: number;
  stop(): Promise<void>;
}

export async function startRack(mtu: number): Promise<Rack> {
  const child = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child"],
      ...["bash", join(__dirname, "rack.sh"), `${mtu}`],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  await ready(child, "the network between the nodes");
  return { pid: firstInside(child), stop: () => end(child) };
}

/** Wait until it says that it is ready. */
export function ready(child: ReturnType<typeof spawn>, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.toString("utf8").includes("ready")) resolve();
    });
    child.once("exit", () => reject(new Error(`${what} did not start: ${said}`)));
    child.once("error", reject);
  });
}
