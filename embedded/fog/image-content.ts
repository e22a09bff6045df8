import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { makeHostKey } from "../../providers/seed/host-key";
import { NO_DATE } from "./records";
import type { FogStore } from "./store";

/** What an image puts on a disk. A file `<path>.json` of the image store says it; a captured one is a folder instead. */
export interface ImageContent {
  /** Lines of /etc/os-release. */
  osRelease: Record<string, string>;
  /** More files, by their path: a marker that says which image it is. */
  files?: Record<string, string>;
  /** Public keys that root can log in with. @default the one that belongs to the store */
  authorizedKeys?: string[];
  /** PEM of the SSH host key. @default a new one for each machine, as an image that was prepared well has none */
  hostKey?: string;
}

const rocky = (version: string): ImageContent => ({
  osRelease: { NAME: "Rocky Linux", ID: "rocky", ID_LIKE: "rhel centos fedora", VERSION_ID: version },
});
const debian = (version: string): ImageContent => ({
  osRelease: { NAME: "Debian GNU/Linux", ID: "debian", VERSION_ID: version },
});

/** Images that every store has. Each has its name in `/etc/image-name`. */
export const STOCK: Record<string, ImageContent> = {
  rocky9: rocky("9.4"),
  debian12: debian("12"),
  clean: { osRelease: { NAME: "CentOS Linux", ID: "centos", VERSION_ID: "7" } },
};
export const MARKER = "/etc/image-name";
/** What a disk has whose imaging went wrong without anybody's notice. */
const OTHER: ImageContent = { osRelease: { NAME: "Something else", ID: "other", VERSION_ID: "1" } };

/** Their records in a new server: what a config names is there. */
export function addStock(store: FogStore): void {
  for (const name of Object.keys(STOCK))
    store.add("image", {
      name,
      description: "",
      path: name,
      osID: 50,
      imageTypeID: 1,
      imagePartitionTypeID: 1,
      isEnabled: 1,
      size: "",
      createdTime: store.now(),
      createdBy: "fog",
      deployed: NO_DATE,
    });
}

export class ImageStore {
  private readonly publicKey: string;

  constructor(
    /** All in it is given to anyone who asks. */
    private readonly folder: string,
    /** Private key of what the stock images let in; made at the first start. */
    readonly identityFile: string,
  ) {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const publicFile = `${this.identityFile}.pub`;
    if (!fs.existsSync(publicFile)) {
      const key = makeHostKey(randomBytes, "image");
      fs.writeFileSync(this.identityFile, key.privateKey, { mode: 0o600 });
      fs.writeFileSync(publicFile, `${key.publicKey}\n`, { mode: 0o600 });
    }
    this.publicKey = fs.readFileSync(publicFile, "utf8").trim();
    for (const [name, content] of Object.entries(STOCK)) {
      const file = path.join(folder, `${name}.json`);
      const text = JSON.stringify({ ...content, files: { [MARKER]: `${name}\n` } }, null, 2);
      if (!fs.existsSync(file)) fs.writeFileSync(file, `${text}\n`, { mode: 0o600 });
    }
  }

  /** Whether there is anything to put on a disk. */
  has(name: string): boolean {
    const at = this.at(name);
    return at !== undefined && (fs.existsSync(`${at}.json`) || fs.existsSync(path.join(at, "root")));
  }

  /** Fill a machine's empty folder. With `wrong`, with something else than the image. */
  async write(name: string, folder: string, wrong = false): Promise<void> {
    const at = this.at(name);
    if (!at) throw new Error(`${name}: not a folder of the image store`);
    if (wrong) return this.fill(folder, OTHER);
    if (!fs.existsSync(path.join(at, "root")))
      return this.fill(folder, JSON.parse(fs.readFileSync(`${at}.json`, "utf8")) as ImageContent);
    await fs.promises.cp(at, folder, { recursive: true, verbatimSymlinks: true });
  }

  /** Keep a machine's folder as the image's content. What it held is gone. */
  async capture(name: string, folder: string): Promise<void> {
    const at = this.at(name);
    if (!at) throw new Error(`${name}: not a folder of the image store`);
    const part = `${at}.part`;
    await fs.promises.rm(part, { recursive: true, force: true });
    await fs.promises.cp(folder, part, { recursive: true, verbatimSymlinks: true });
    await fs.promises.rm(at, { recursive: true, force: true });
    await fs.promises.rename(part, at);
  }

  private fill(folder: string, { osRelease, files = {}, authorizedKeys, hostKey }: ImageContent): void {
    const lines = Object.entries(osRelease).map(([name, value]) => `${name}="${value}"\n`);
    const root = path.join(folder, "root");
    const all = { "/etc/os-release": lines.join(""), ...files };
    for (const [name, text] of Object.entries(all)) {
      const at = path.join(root, path.posix.resolve("/", name));
      fs.mkdirSync(path.dirname(at), { recursive: true, mode: 0o755 });
      fs.writeFileSync(at, text);
      fs.chmodSync(at, 0o644);
    }
    const keys = path.join(root, "root/.ssh/authorized_keys");
    fs.mkdirSync(path.dirname(keys), { recursive: true, mode: 0o700 });
    fs.writeFileSync(keys, `${(authorizedKeys ?? [this.publicKey]).join("\n")}\n`, { mode: 0o600 });
    if (hostKey !== undefined) fs.writeFileSync(path.join(folder, "host-key"), hostKey, { mode: 0o600 });
  }

  /** Never outside of the store. */
  private at(name: string): string | undefined {
    const at = path.resolve(this.folder, name.replace(/^\/+/, ""));
    return at.startsWith(`${path.resolve(this.folder)}${path.sep}`) ? at : undefined;
  }
}
