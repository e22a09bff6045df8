import * as fs from "node:fs";
import * as path from "node:path";
import { type Attributes, type FileEntry, type SFTPWrapper, utils } from "ssh2";
import { resolveInside } from "./confine";
import { homeOfUser } from "./runner";

const { STATUS_CODE, OPEN_MODE, flagsToString } = utils.sftp;

/** What SFTP says of a failed system call. */
const STATUS_OF: Record<string, number> = {
  ENOENT: STATUS_CODE.NO_SUCH_FILE,
  EACCES: STATUS_CODE.PERMISSION_DENIED,
  EPERM: STATUS_CODE.PERMISSION_DENIED,
};

interface Open {
  file?: number;
  /** Of a folder: entries still to be told. */
  entries?: FileEntry[];
}

/** Serve SFTP on a sandbox's folder. Every path is one inside; owners are shown as root, as they are inside. */
export function serveSftp(sftp: SFTPWrapper, root: string, user: string): void {
  const opened = new Map<number, Open>();
  let last = 0;
  const home = homeOfUser(user);
  const absolute = (name: string): string => path.posix.resolve(home, name);
  const host = (name: string, keepLast = false): string => resolveInside(root, absolute(name), keepLast);
  const handle = (open: Open): Buffer => {
    opened.set(++last, open);
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(last);
    return buffer;
  };
  const of = (buffer: Buffer): Open => {
    const open = opened.get(buffer.length === 4 ? buffer.readUInt32BE(0) : -1);
    if (!open) throw new Error("no such handle");
    return open;
  };
  const fileOf = (buffer: Buffer): number => {
    const { file } = of(buffer);
    if (file === undefined) throw new Error("not a file");
    return file;
  };
  /** Answer with what `work` sends (it returns true then), else that all is well, or with the status of its error. */
  const answer = (id: number, work: () => unknown): void => {
    try {
      if (work() !== true) sftp.status(id, STATUS_CODE.OK);
    } catch (error) {
      sftp.status(id, STATUS_OF[(error as NodeJS.ErrnoException).code ?? ""] ?? STATUS_CODE.FAILURE);
    }
  };
  const change = (target: string | number, attributes: Partial<Attributes>): void => {
    const { mode, size, atime, mtime } = attributes;
    if (mode !== undefined) {
      if (typeof target === "number") fs.fchmodSync(target, mode & 0o7777);
      else fs.chmodSync(target, mode & 0o7777);
    }
    if (size !== undefined) {
      if (typeof target === "number") fs.ftruncateSync(target, size);
      else fs.truncateSync(target, size);
    }
    if (mtime !== undefined && typeof target === "string") fs.utimesSync(target, atime ?? mtime, mtime);
  };
  const close = (buffer: Buffer): void => {
    const { file } = of(buffer);
    opened.delete(buffer.readUInt32BE(0));
    if (file !== undefined) fs.closeSync(file);
  };
  sftp.on("close", () => {
    for (const { file } of opened.values()) if (file !== undefined) fs.closeSync(file);
    opened.clear();
  });
  sftp.on("error", () => {});

  sftp.on("OPEN", (id, name, flags, attributes) =>
    answer(id, () => {
      const text = flagsToString(flags);
      if (!text) throw new Error("flags that make no sense");
      const create = (flags & OPEN_MODE.CREAT) !== 0;
      const mode = attributes.mode === undefined ? 0o644 : attributes.mode & 0o7777;
      const at = host(name);
      const file = fs.openSync(at, openFlags(flags), create ? mode : undefined);
      // Our own mask is tighter than that of a machine.
      if (create && attributes.mode !== undefined) fs.fchmodSync(file, mode);
      sftp.handle(id, handle({ file }));
      return true;
    }),
  );
  sftp.on("READ", (id, buffer, offset, length) =>
    answer(id, () => {
      const data = Buffer.alloc(Math.min(length, 256 * 1024));
      const read = fs.readSync(fileOf(buffer), data, 0, data.length, offset);
      if (read === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, data.subarray(0, read));
      return true;
    }),
  );
  sftp.on("WRITE", (id, buffer, offset, data) =>
    answer(id, () => {
      fs.writeSync(fileOf(buffer), data, 0, data.length, offset);
    }),
  );
  sftp.on("CLOSE", (id, buffer) => answer(id, () => close(buffer)));
  const attributes = (id: number, status: () => fs.Stats): void =>
    answer(id, () => {
      sftp.attrs(id, attributesOf(status()));
      return true;
    });
  sftp.on("STAT", (id, name) => attributes(id, () => fs.lstatSync(host(name))));
  sftp.on("LSTAT", (id, name) => attributes(id, () => fs.lstatSync(host(name, true))));
  sftp.on("FSTAT", (id, buffer) => attributes(id, () => fs.fstatSync(fileOf(buffer))));
  sftp.on("SETSTAT", (id, name, wanted) => answer(id, () => change(host(name), wanted)));
  sftp.on("FSETSTAT", (id, buffer, wanted) => answer(id, () => change(fileOf(buffer), wanted)));
  sftp.on("OPENDIR", (id, name) =>
    answer(id, () => {
      const folder = host(name);
      const entries = fs.readdirSync(folder).map((entry) => entryOf(folder, entry));
      sftp.handle(id, handle({ entries }));
      return true;
    }),
  );
  sftp.on("READDIR", (id, buffer) =>
    answer(id, () => {
      const some = of(buffer).entries?.splice(0, 100) ?? [];
      if (some.length === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.name(id, some);
      return true;
    }),
  );
  sftp.on("REALPATH", (id, name) =>
    answer(id, () => {
      const inside = path.posix.join("/", path.relative(root, host(name)));
      sftp.name(id, [{ filename: inside, longname: inside, attrs: {} as Attributes }]);
      return true;
    }),
  );
  sftp.on("REMOVE", (id, name) => answer(id, () => fs.unlinkSync(host(name, true))));
  sftp.on("RMDIR", (id, name) => answer(id, () => fs.rmdirSync(host(name, true))));
  sftp.on("MKDIR", (id, name, wanted) =>
    answer(id, () => {
      const folder = host(name);
      fs.mkdirSync(folder);
      fs.chmodSync(folder, wanted.mode === undefined ? 0o755 : wanted.mode & 0o7777);
    }),
  );
  // SFTP's own rename does not replace (draft-ietf-secsh-filexfer-02, 6.5); OpenSSH's extension does.
  sftp.on("RENAME", (id, from, to) =>
    answer(id, () => {
      if (fs.lstatSync(host(to, true), { throwIfNoEntry: false })) throw new Error("it exists");
      fs.renameSync(host(from, true), host(to, true));
    }),
  );
  sftp.on("EXTENDED", (id, name, data) =>
    answer(id, () => {
      if (name !== "posix-rename@openssh.com") {
        sftp.status(id, STATUS_CODE.OP_UNSUPPORTED);
        return true;
      }
      const length = data.readUInt32BE(0);
      const from = data.toString("utf8", 4, 4 + length);
      const to = data.toString("utf8", 8 + length);
      fs.renameSync(host(from, true), host(to, true));
      return false;
    }),
  );
}

/** Never through a link in the last place: `resolveInside` has followed those already. */
function openFlags(flags: number): number {
  const read = (flags & OPEN_MODE.READ) !== 0;
  const write = (flags & (OPEN_MODE.WRITE | OPEN_MODE.APPEND)) !== 0;
  const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_EXCL, O_NOFOLLOW } = fs.constants;
  return (
    (read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY) |
    (flags & OPEN_MODE.APPEND ? O_APPEND : 0) |
    (flags & OPEN_MODE.CREAT ? O_CREAT : 0) |
    (flags & OPEN_MODE.TRUNC ? O_TRUNC : 0) |
    (flags & OPEN_MODE.EXCL ? O_EXCL : 0) |
    O_NOFOLLOW
  );
}

function attributesOf(status: fs.Stats): Attributes {
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  return {
    mode: status.mode,
    uid: 0,
    gid: 0,
    size: status.size,
    atime: seconds(status.atimeMs),
    mtime: seconds(status.mtimeMs),
  };
}

function entryOf(folder: string, filename: string): FileEntry {
  const attrs = attributesOf(fs.lstatSync(path.join(folder, filename)));
  const kind = (attrs.mode & fs.constants.S_IFMT) === fs.constants.S_IFDIR ? "d" : "-";
  return { filename, longname: `${kind}rw-r--r-- 1 root root ${attrs.size} ${filename}`, attrs };
}
