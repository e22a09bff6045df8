import * as fs from "node:fs";
import * as path from "node:path";
import type { Faults } from "../faults";
import type { Answer } from "./answer";
import { type DevstackApi, startDevstackApi } from "./api";
import { Nodes } from "./nodes";
import { makeRepository, makeStandIn } from "./repository";

export interface DevstackServerOptions {
  /** Folder of its git repositories; made with mode 0700. */
  folder: string;
  /** @default a free one */
  port?: number;
  faults?: Pick<Faults, "next">;
  log?: (line: string) => void;
  /** Something was asked. */
  onUse?: () => void;
}

export interface DevstackServer extends DevstackApi {
  /** A GIT_BASE: `<gitBase>/openstack/devstack` is the stand-in, any other project a plugin that does nothing. */
  gitBase: string;
  /** The sandboxes that ask. */
  nodes: Nodes;
}

const DEVSTACK = "openstack/devstack";
/** Also without its ending, as opendev.org takes it. */
const REPOSITORY = /^\/git\/(openstack\/[\w-]+(?:\.[\w-]+)*?)(?:\.git)?\/((?:info|objects|HEAD).*)$/;

/** What any other project is here: a plugin that says when it is called. */
const PLUGIN = {
  "devstack/settings": "# Nothing to set.\n",
  "devstack/plugin.sh": 'echo "A stand-in for this plugin: $*"\n',
};

/** What the daemon has for devstack: the stand-in's repository, the APIs, and what answers the sandboxes' programs. */
export async function startDevstackServer(options: DevstackServerOptions): Promise<DevstackServer> {
  const { folder, log = () => {} } = options;
  const git = path.join(folder, "git");
  fs.mkdirSync(git, { recursive: true, mode: 0o700 });
  const nodes: Nodes = new Nodes({
    clouds: () => api.clouds,
    ...(options.faults && { faults: options.faults }),
  });
  // Each is made when it is first asked for, anew by each daemon: it is as new as the code.
  const made = new Map<string, Promise<unknown>>();
  const make = (name: string): Promise<unknown> => {
    const there = made.get(name);
    if (there) return there;
    const making =
      name === DEVSTACK ? makeStandIn(git) : makeRepository(path.join(git, `${name}.git`), PLUGIN);
    const done = making.catch((error: Error) => log(`repository ${name}: ${error.message}`));
    made.set(name, done);
    return done;
  };
  const { folder: _, ...rest } = options;
  const api: DevstackApi = await startDevstackApi({
    ...rest,
    resolve: (address, caller) => nodes.resolve(address, caller),
    more: async (request, at, body) => {
      if (at.startsWith("/git/")) {
        const [, name = "", rest = ""] = REPOSITORY.exec(decodeURIComponent(at)) ?? [];
        if (name === "") return { status: 404, body: "404\n" };
        await make(name);
        return fileBelow(path.join(git, `${name}.git`), rest);
      }
      const [, caller = "", program = ""] = /^\/machine\/([^/]+)\/run\/([a-z]+)$/.exec(at) ?? [];
      if (program === "" || request.method !== "POST") return undefined;
      const said = nodes.run(caller, program, new URLSearchParams(body).getAll("word"));
      return said ? { status: 200, body: `${said.text}${said.code}` } : { status: 404, body: "" };
    },
  });
  return Object.assign(api, { gitBase: `${api.url}/git`, nodes });
}

/** As a plain web server: what git needs to fetch from it. */
function fileBelow(folder: string, name: string): Answer | Buffer {
  const file = path.resolve(folder, name);
  const isInside = file.startsWith(`${folder}${path.sep}`);
  // No repository here has links.
  if (!isInside || !fs.lstatSync(file, { throwIfNoEntry: false })?.isFile())
    return { status: 404, body: "404\n" };
  return fs.readFileSync(file);
}
