import * as path from "node:path";
import { parseArgs } from "node:util";
import { ensureBootHome } from "../kickstart/server/home";
import { type BootServer, startBootServer } from "../kickstart/server/server";
import { systemdUnit } from "../kickstart/server/unit";
import { LabError } from "../providers/core/errors";

export const BOOT_SERVER_HELP = `"npm run lab -- up" serves by itself while it needs to. This one serves on, for machines that call home later, and an
"up" that finds it uses it.

  --address <a>     one of this machine's addresses to listen on, and no other; may be given again. Default 127.0.0.1,
                    which VirtualBox's NAT leads to
  --http-port <n>   default 8069
  --tftp-port <n>   default 69, which needs root or the unit's right to low ports; 0 for none
  --unit            print a systemd unit that runs it as this user, with these flags

Registrations, the boot log and files of installers are in .labplan/boot, or where LABPLAN_BOOT_HOME says.`;

/** `npm run lab -- boot-server [--unit] [--address A]… [--http-port N] [--tftp-port N]` */
export async function bootServer(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      unit: { type: "boolean", default: false },
      address: { type: "string", multiple: true },
      "http-port": { type: "string", default: "8069" },
      "tftp-port": { type: "string", default: "69" },
    },
  });
  const httpPort = portOf("--http-port", values["http-port"], 1);
  const tftpPort = portOf("--tftp-port", values["tftp-port"], 0);
  const addresses = values.address ?? ["127.0.0.1"];
  if (values.unit) {
    const flags = [
      ...addresses.flatMap((address) => ["--address", address]),
      ...["--http-port", `${httpPort}`, "--tftp-port", `${tftpPort}`],
    ];
    console.log(
      systemdUnit({ project: path.resolve(__dirname, ".."), folder: ensureBootHome(), args: flags }),
    );
    return 0;
  }

  const ended = endOfProcess();
  const folder = ensureBootHome();
  const servers: BootServer[] = [];
  const say = (line: string) => console.log(`${new Date().toISOString()} ${line}`);
  try {
    for (const bind of addresses) {
      const server = await startBootServer({ folder, bind, httpPort, tftpPort, log: say });
      servers.push(server);
      const tftp = server.tftpPort ? ` and TFTP on port ${server.tftpPort}` : ", no TFTP";
      say(`serving ${folder} on ${bind}: HTTP on port ${server.httpPort}${tftp}`);
    }
    const waiting = servers[0]?.registry.list() ?? [];
    for (const { machine, mac, purpose, expires } of waiting)
      say(`${machine} (${mac}) is registered: ${purpose}, until ${expires}`);
    if (!values.address) say("only this machine can reach it: give --address for others");
    say(`ends with ${await ended}`);
    return 0;
  } finally {
    for (const server of servers) await server.close();
  }
}

function portOf(flag: string, text: string, least: number): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= least && port <= 65_535) return port;
  throw new LabError(`boot-server: ${flag} ${text} is no port`);
}

function endOfProcess(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => resolve(signal));
  });
}
