#!/usr/bin/env node
// VBoxManage of the embedded lab: `VBoxManage.cjs SOCKET COMMAND …`. Sends the command to the daemon, prints what it
// answers, ends with its code. Plain node without modules of ours, because every call of a lab starts it anew.
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");

const [socket, ...argv] = process.argv.slice(2);
if (!socket) {
  process.stderr.write("usage: VBoxManage.cjs SOCKET COMMAND ...\n");
  process.exit(2);
}

// As VBoxManage says it when VBoxSVC dies under a call.
const LOST =
  "VBoxManage: error: Code NS_ERROR_CALL_FAILED (0x800706BE) - Call to remote object failed (extended info not available)\n";
const NO_SERVICE = "VBoxManage: error: Failed to create the VirtualBox object!\n";

// A root that runs labs writes disks and seeds into the lab's folder as root; the daemon, which is nobody, needs them.
function handOver(home, uid, gid) {
  if (process.getuid?.() !== 0 || uid === 0) return;
  for (const word of argv) {
    const equals = word.indexOf("=");
    for (const name of equals > 0 ? [word, word.slice(equals + 1)] : [word]) {
      if (!path.isAbsolute(name)) continue;
      for (let at = path.resolve(name); at.startsWith(`${home}${path.sep}`); at = path.dirname(at)) {
        const status = fs.lstatSync(at, { throwIfNoEntry: false });
        if (
          status?.uid === 0 &&
          !status.isSymbolicLink() &&
          status.nlink <= (status.isDirectory() ? Infinity : 1)
        ) {
          fs.lchownSync(at, uid, gid);
        }
      }
    }
  }
}

// A TFTP folder is its owner's alone, and the machine that boots from it runs as somebody else: its small files whole,
// of large ones only that they are there.
function filesBelow(folder) {
  const files = {};
  try {
    for (const name of fs.readdirSync(folder, { recursive: true })) {
      const status = fs.statSync(path.join(folder, name));
      if (status.isFile())
        files[name] = status.size > 65536 ? "" : fs.readFileSync(path.join(folder, name), "utf8");
    }
  } catch {
    // Not there: the machine finds nothing to boot.
  }
  return files;
}

for (const stream of [process.stdout, process.stderr]) {
  // Whoever read us has gone: nothing is left to say.
  stream.on("error", () => process.exit());
}
const link = net.connect(socket);
let text = "";
let greeted = false;
let answered = false;
link.setEncoding("utf8");
link.on("data", (data) => {
  text += data;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
    const message = JSON.parse(text.slice(0, end));
    text = text.slice(end + 1);
    if (!greeted) {
      greeted = true;
      try {
        handOver(message.home, message.uid, message.gid);
      } catch {
        // The daemon says what it cannot read.
      }
      link.write(`${JSON.stringify({ argv, cwd: process.cwd() })}\n`);
    } else if ("tftp" in message) {
      link.write(`${JSON.stringify({ tftp: message.tftp.map(filesBelow) })}\n`);
    } else if ("code" in message) {
      answered = true;
      process.exitCode = message.code;
      link.end();
    } else {
      if (message.out) process.stdout.write(message.out);
      if (message.err) process.stderr.write(message.err);
    }
  }
});
link.on("error", () => {});
link.on("close", () => {
  if (answered) return;
  process.stderr.write(greeted ? LOST : NO_SERVICE);
  process.exitCode = 1;
});
