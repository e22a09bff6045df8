// The commands of a sandbox on a system without name spaces. Each path is one inside SANDBOX_ROOT, whatever it says.
const fs = require("node:fs");
const path = require("node:path");
const os = require("node:os");

const ROOT = process.env.SANDBOX_ROOT ?? "";
const HOME = process.env.HOME ?? "/root";
const out = (text) => {
  fs.writeSync(1, text);
};

/** `..` ends at the root, as everywhere. There are no links inside: no command here makes one. */
const inside = (name) => path.join(ROOT, path.posix.resolve("/", HOME, name));
const split = (args) => ({
  flags: args.filter((arg) => arg.startsWith("-") && arg !== "-").join(""),
  names: args.filter((arg) => !arg.startsWith("-") || arg === "-"),
});
const input = () => fs.readFileSync(0);
const read = (names) =>
  names.length ? Buffer.concat(names.map((n) => fs.readFileSync(inside(n)))) : input();
const etc = (name) => path.join(ROOT, "etc", name);
const hostName = () => fs.readFileSync(etc("hostname"), "utf8").trim();
const setHostName = (name) => fs.writeFileSync(etc("hostname"), `${name}\n`);

function remove(args) {
  const { flags, names } = split(args);
  for (const name of names) {
    const target = inside(name);
    if (path.resolve(target) !== path.resolve(ROOT)) {
      fs.rmSync(target, { recursive: /r/i.test(flags), force: flags.includes("f") });
      continue;
    }
    for (const entry of fs.readdirSync(target)) {
      fs.rmSync(path.join(target, entry), { recursive: true, force: true });
    }
  }
}

function addUser(args) {
  const name = split(args).names.at(-1) ?? "";
  if (!/^[a-z_][a-z0-9_-]*$/.test(name)) return 3;
  const passwd = fs.readFileSync(etc("passwd"), "utf8");
  if (passwd.split("\n").some((line) => line.startsWith(`${name}:`))) return 9;
  const ids = passwd.split("\n").map((line) => Number(line.split(":")[2]));
  const id = Math.max(999, ...ids.filter((each) => each < 60000)) + 1;
  fs.appendFileSync(etc("passwd"), `${name}:x:${id}:${id}::/home/${name}:/bin/sh\n`);
  fs.mkdirSync(inside(`/home/${name}`), { recursive: true });
  return 0;
}

function deleteUser(args) {
  const name = split(args).names.at(-1) ?? "";
  const kept = fs
    .readFileSync(etc("passwd"), "utf8")
    .split("\n")
    .filter((line) => !line.startsWith(`${name}:`));
  fs.writeFileSync(etc("passwd"), kept.join("\n"));
}

const COMMANDS = {
  cat: (args) => out(read(split(args).names)),
  cp: (args) => {
    const [from, to] = split(args).names;
    fs.cpSync(inside(from), inside(to), { recursive: true });
  },
  date: () => out(`${new Date().toISOString()}\n`),
  env: () => {
    for (const [name, value] of Object.entries(process.env)) out(`${name}=${value}\n`);
  },
  head: (args) => out(`${read(split(args).names).toString().split("\n").slice(0, 10).join("\n")}\n`),
  hostname: (args) => (args[0] ? setHostName(args[0]) : out(`${hostName()}\n`)),
  hostnamectl: (args) =>
    /hostname$/.test(args[0] ?? "") && args[1]
      ? setHostName(args[1])
      : out(` Static hostname: ${hostName()}\n`),
  id: (args) => out(args.includes("-u") ? "0\n" : `uid=0(${process.env.USER}) gid=0(root)\n`),
  ls: (args) => {
    const { names } = split(args);
    for (const name of names.length ? names : ["."])
      out(`${fs.readdirSync(inside(name)).sort().join("\n")}\n`);
  },
  mkdir: (args) => {
    const { flags, names } = split(args);
    for (const name of names) fs.mkdirSync(inside(name), { recursive: flags.includes("p") });
  },
  mv: (args) => {
    const [from, to] = split(args).names;
    fs.renameSync(inside(from), inside(to));
  },
  poweroff: () => 210,
  halt: () => 210,
  reboot: () => 211,
  shutdown: (args) => (args.includes("-r") ? 211 : 210),
  rm: remove,
  rmdir: (args) => {
    for (const name of split(args).names) fs.rmdirSync(inside(name));
  },
  sleep: (args) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(args[0] ?? 0) * 1000);
  },
  tee: (args) => {
    const { flags, names } = split(args);
    const data = input();
    for (const name of names) fs.writeFileSync(inside(name), data, { flag: flags.includes("a") ? "a" : "w" });
    out(data);
  },
  touch: (args) => {
    for (const name of split(args).names) fs.closeSync(fs.openSync(inside(name), "a"));
  },
  uname: (args) => out(args.includes("-n") ? `${hostName()}\n` : `${os.type()}\n`),
  useradd: addUser,
  adduser: addUser,
  userdel: deleteUser,
  deluser: deleteUser,
  whoami: () => out(`${process.env.USER}\n`),
};

exports.names = Object.keys(COMMANDS);

if (require.main === module) {
  const [name, ...args] = process.argv.slice(2);
  try {
    process.exitCode = Number(COMMANDS[name](args) ?? 0) || 0;
  } catch (error) {
    // The message of the file system names the host's path.
    process.stderr.write(`${name}: ${String(error.message).replaceAll(ROOT, "")}\n`);
    process.exitCode = 1;
  }
}
