import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { systemdUnit } from "../../../../kickstart/server/unit";

const text = (more: Partial<Parameters<typeof systemdUnit>[0]> = {}) =>
  systemdUnit({
    project: process.cwd(),
    folder: "/var/lib/lab plan/50%",
    args: ["--address", "192.0.2.1", "--tftp-port", "69"],
    user: "root",
    node: process.execPath,
    ...more,
  });

describe("the boot server's systemd unit", () => {
  it("runs it as an ordinary user with the right to low ports, and writes in its own folder only", () => {
    const lines = text().split("\n");
    expect(lines).toContain("AmbientCapabilities=CAP_NET_BIND_SERVICE");
    expect(lines).toContain("CapabilityBoundingSet=CAP_NET_BIND_SERVICE");
    expect(lines).toContain('ReadWritePaths="/var/lib/lab plan/50%%"');
    expect(lines).toContain('Environment="LABPLAN_BOOT_HOME=/var/lib/lab plan/50%%"');
    expect(lines.find((line) => line.startsWith("ExecStart="))).toMatch(
      /cli\/main\.ts lab boot-server --address 192\.0\.2\.1 --tftp-port 69$/,
    );
  });

  it("names files that there are: the same command prints its help", () => {
    const command =
      text()
        .match(/^ExecStart=(.*)$/m)?.[1]
        ?.split(" ") ?? [];
    const [node = "", ...args] = command.slice(0, command.indexOf("--address"));
    expect(execFileSync(node, [...args, "--help"], { encoding: "utf8" })).toContain("boot-server");
  });

  const verify = spawnSync("systemd-analyze", ["--version"]).status === 0;
  it.skipIf(!verify)(
    `systemd finds no fault with it${verify ? "" : " (not run: no systemd-analyze here)"}`,
    () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-unit-"));
      const file = path.join(folder, "labplan-boot.service");
      fs.writeFileSync(file, text());
      const { stderr, status } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
      fs.rmSync(folder, { recursive: true, force: true });
      expect([status, stderr.split("\n").filter((line) => line.includes("labplan-boot"))]).toEqual([0, []]);
    },
  );
});
