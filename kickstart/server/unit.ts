import { userInfo } from "node:os";
import * as path from "node:path";

export interface UnitOptions {
  /** Folder of this project. */
  project: string;
  folder: string;
  /** Arguments of `boot-server`. */
  args: readonly string[];
  /** @default the user who runs this */
  user?: string;
  /** @default this process' own */
  node?: string;
}

/** A systemd unit that runs the boot server as an ordinary user, with the right to ports under 1024 and no other. */
export function systemdUnit({
  project,
  folder,
  args,
  user = userInfo().username,
  node,
}: UnitOptions): string {
  const command = [
    node ?? process.execPath,
    ...["--require", path.join(project, "node_modules", "tsx", "dist", "cjs", "index.cjs")],
    ...[path.join(project, "cli", "main.ts"), "lab", "boot-server", ...args],
  ];
  return `# npm run lab -- boot-server --unit | sudo tee /etc/systemd/system/labplan-boot.service
# sudo systemctl daemon-reload && sudo systemctl enable --now labplan-boot
[Unit]
Description=labplan boot server
Wants=network-online.target
After=network-online.target
# The network that it serves may come later than it does.
StartLimitIntervalSec=0

[Service]
Type=exec
User=${user}
WorkingDirectory=${project.replaceAll("%", "%%")}
Environment=${quoted(`LABPLAN_BOOT_HOME=${folder}`)}
ExecStart=${command.map((word) => quoted(word).replaceAll("$", "$$$$")).join(" ")}
Restart=on-failure
RestartSec=2
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${quoted(folder)}
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
UMask=0077

[Install]
WantedBy=multi-user.target
`;
}

/** As systemd.syntax(7) has it; `%` means something in there, and in commands `$`, too. */
const quoted = (text: string): string => {
  const safe = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%");
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `"${safe}"`;
};
