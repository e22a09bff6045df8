import { describe, expect, it } from "vitest";
import { parseLibvirtUri } from "../../../../../providers/libvirt/rpc/uri";

const env = { XDG_RUNTIME_DIR: "/run/user/1000", HOME: "/home/u" };

describe("a libvirt URI", () => {
  it.each([
    [
      "qemu:///system",
      "qemu:///system",
      ["/var/run/libvirt/libvirt-sock", "/var/run/libvirt/virtqemud-sock"],
    ],
    [
      "qemu:///session",
      "qemu:///session",
      ["/run/user/1000/libvirt/libvirt-sock", "/run/user/1000/libvirt/virtqemud-sock"],
    ],
    ["qemu+unix:///system?socket=/tmp/a%20b/sock", "qemu:///system", ["/tmp/a b/sock"]],
    ["test+unix:///default?socket=/tmp/sock", "test:///default", ["/tmp/sock"]],
  ])("%s leads to a local socket", (uri, name, sockets) => {
    expect(parseLibvirtUri(uri, env)).toMatchObject({ uri, name, transport: "unix", sockets });
  });

  it("of a session without a runtime folder leads to the cache", () => {
    const { sockets } = parseLibvirtUri("qemu:///session", { HOME: "/home/u" });
    expect(sockets[0]).toBe("/home/u/.cache/libvirt/libvirt-sock");
  });

  it("leads to another host over ssh", () => {
    expect(parseLibvirtUri("qemu+ssh://root@rack1.example:2222/system")).toEqual({
      uri: "qemu+ssh://root@rack1.example:2222/system",
      name: "qemu:///system",
      transport: "ssh",
      sockets: ["/var/run/libvirt/libvirt-sock", "/var/run/libvirt/virtqemud-sock"],
      explicitSocket: false,
      host: "rack1.example",
      port: 2222,
      user: "root",
    });
    expect(parseLibvirtUri("qemu+ssh://[fd00::1]/system?socket=/s&keyfile=/k&known_hosts=/h")).toMatchObject({
      host: "fd00::1",
      sockets: ["/s"],
      explicitSocket: true,
      identityFile: "/k",
      knownHostsFiles: ["/h"],
    });
    // Where a session's socket is, only the far side knows.
    expect(parseLibvirtUri("qemu+ssh://rack1/session").sockets).toEqual([]);
  });

  it("may be the embedded lab", () => {
    expect(parseLibvirtUri("embedded:")).toMatchObject({ transport: "embedded", name: "qemu:///system" });
  });

  it.each([
    ["", /is not a libvirt URI. Write one of qemu:\/\/\/system/],
    ["/var/run/libvirt/libvirt-sock", /is not a libvirt URI/],
    ["qemu:/system", /is not a libvirt URI/],
    ["xen:///system", /driver "xen" is not supported/],
    ["qemu://rack1/system", /Write qemu\+ssh:\/\/rack1\/system/],
    ["qemu+tcp://rack1/system", /transport "tcp" is not supported. Write qemu\+ssh/],
    ["qemu+ssh:///system", /lacks a host/],
    ["qemu+ssh://rack1", /lacks a path/],
    ["qemu+ssh://rack1/system?netcat=nc", /parameter "netcat" is not supported/],
  ])("%s is refused with what to write instead", (uri, message) => {
    expect(() => parseLibvirtUri(uri, env)).toThrow(message);
  });

  it("with a password is refused without repeating it", () => {
    const attempt = () => parseLibvirtUri("qemu+ssh://root:hunter2@rack1/system");
    expect(attempt).toThrow(/holds a password/);
    expect(attempt).not.toThrow(/hunter2/);
  });
});
