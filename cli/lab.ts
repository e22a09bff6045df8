import { BOOT_SERVER_HELP, bootServer } from "./boot-server";
import { DEVSTACK_HELP, devstack } from "./devstack";
import { embedded } from "./embedded";
import { exportCommand } from "./export";
import { HOSTS_HELP, hosts } from "./hosts";
import { importBootedCommand } from "./import-booted/command";
import { importLaasCommand } from "./import-laas/command";
import { init } from "./init";
import { destroy, preview, refresh, up } from "./operations";
import { pulumiEnv } from "./workspace";

interface Verb {
  usage: string;
  about: string;
  /** More, for its own help. */
  details?: string;
  run(args: string[]): Promise<number>;
}

const verbs: Record<string, Verb> = {
  init: {
    usage: "init <stack> [--from <example>]",
    about: "make the local folder, the passphrase file, the lab id and a stack",
    run: init,
  },
  preview: {
    usage: "preview [--offline] [pulumi's flags]",
    about: "say what would change; --offline contacts nothing and resolves no secret",
    run: preview,
  },
  up: {
    usage: "up [--allow-removals] [pulumi's flags]",
    about: "make it so; carries on after a run that was killed",
    run: up,
  },
  destroy: {
    usage: "destroy [pulumi's flags]",
    about: "take away everything that this stack made",
    run: destroy,
  },
  refresh: {
    usage: "refresh [pulumi's flags]",
    about: "look at the world and correct the state",
    run: refresh,
  },
  "import-laas": {
    usage: "import-laas <dir> [--out <file>]",
    about: "turn a folder of OPNFV Lab-as-a-Service YAML files into a stack's config",
    run: importLaasCommand,
  },
  "boot-server": {
    usage: "boot-server [--unit] [--address <a>]… [--http-port <n>] [--tftp-port <n>]",
    about:
      "serve network boots and take machines' events until it is ended; --unit prints a systemd unit that does",
    details: BOOT_SERVER_HELP,
    run: bootServer,
  },
  hosts: {
    usage: "hosts [--filter] [--json]",
    about:
      "machines that called home, and strangers apart; --filter asks each over SSH, by the host key that it told",
    details: HOSTS_HELP,
    run: hosts,
  },
  "import-booted": {
    usage: "import-booted <dir> [--out <file>]",
    about: "turn a checkout of booted, its kickstart and environments, into a stack's config",
    run: importBootedCommand,
  },
  export: {
    usage: "export <machine> --out <file>.ova [--stack <stack>]",
    about: "write a VirtualBox machine, its disks included, as an appliance; it must be off",
    run: exportCommand,
  },
  devstack: {
    usage: "devstack show [<node>] [--stack <stack>]",
    about: "a node's local.conf as planned, with the source of every line; or the layout's nodes",
    details: DEVSTACK_HELP,
    run: devstack,
  },
  embedded: {
    usage: "embedded status | stop",
    about: "the lab that comes with labplan",
    run: embedded,
  },
  env: {
    usage: "env",
    about: 'print the exports that make plain "npx pulumi" work here',
    run: async () => {
      for (const [name, value] of Object.entries(pulumiEnv())) console.log(`export ${name}='${value}'`);
      return 0;
    },
  },
};

export async function lab(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (!name || name === "help" || name === "--help" || name === "-h") {
    printUsage();
    return 0;
  }
  const verb = verbs[name];
  if (!verb) {
    console.error(`labplan: unknown verb "${name}"\n`);
    printUsage();
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    console.log(
      [`npm run lab -- ${verb.usage}`, verb.about, ...(verb.details ? [verb.details] : [])].join("\n\n"),
    );
    return 0;
  }
  return verb.run(rest);
}

function printUsage(): void {
  console.log("npm run lab -- <verb>\n");
  const width = Math.max(...Object.values(verbs).map(({ usage }) => usage.length));
  for (const { usage, about } of Object.values(verbs)) console.log(`  ${usage.padEnd(width)}  ${about}`);
}
