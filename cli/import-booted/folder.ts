/** How the importer sees a checkout. */
export interface BootedIo {
  readDir(path: string): string[];
  readFile(path: string): string;
  exists(path: string): boolean;
}

/** A file of the checkout: its path below the folder, and its text. */
export interface BootedFile {
  path: string;
  text: string;
}

/** The files of a booted checkout that say something about a lab; each may be missing. */
export interface BootedFolder {
  environments?: BootedFile;
  script?: BootedFile;
  kickstarts: BootedFile[];
  pxe?: BootedFile;
  nginx: BootedFile[];
  deploy?: BootedFile;
  credentials: BootedFile[];
  hosts?: BootedFile;
}

const PLACES = {
  environments: ["fabric/environments.py", "environments.py"],
  script: ["fabric/vbox.sh", "vbox.sh"],
  pxe: ["VirtualBox/TFTP/pxelinux.cfg/default", "TFTP/pxelinux.cfg/default", "pxelinux.cfg/default"],
  deploy: ["fabric/deploy.py", "deploy.py"],
  hosts: ["fabric/hosts.py", "hosts.py"],
} as const;

/** Look for booted's files in their places; `fabric/` itself may be given too. */
export function readFolder(dir: string, io: BootedIo): BootedFolder {
  const read = (path: string): BootedFile | undefined =>
    io.exists(`${dir}/${path}`) ? { path, text: io.readFile(`${dir}/${path}`) } : undefined;
  const first = (paths: readonly string[]): BootedFile | undefined => {
    const path = paths.find((candidate) => io.exists(`${dir}/${candidate}`));
    return path === undefined ? undefined : read(path);
  };
  const all = (folder: string, ending: RegExp): BootedFile[] =>
    (io.exists(`${dir}/${folder}`) ? io.readDir(`${dir}/${folder}`) : [])
      .filter((name) => ending.test(name))
      .toSorted()
      .flatMap((name) => read(`${folder}/${name}`) ?? []);
  const singles = Object.entries(PLACES).flatMap(([name, paths]) => {
    const file = first(paths);
    return file ? [[name, file] as const] : [];
  });
  return {
    ...Object.fromEntries(singles),
    kickstarts: all("kickstart", /\.(cfg|ks)$/),
    nginx: all("nginx/etc/sites-available", /^[^.]/),
    credentials: ["fabric/credentials.py", "fabric/fabfile.py"].flatMap((path) => read(path) ?? []),
  };
}
