import type { SeedFile } from "./every-boot";

/** What a machine needs to call home at every boot. The token is in its seed and in the registry, and nowhere else. */
export interface BootAccess {
  /** `http://10.20.0.1:8069` */
  url: string;
  token: string;
}

export const BOOT_ENV = "/etc/labplan/boot.env";
export const SCRIPT = "/usr/local/sbin/labplan-booted";
const UNIT = "labplan-booted.service";

/**
 * The files and commands that a seed brings for it, in cloud-init's own words. The unit is started and not waited
 * for: a boot server that is not there must not hold up the first boot.
 */
export const bootRecordData = (access: BootAccess) => ({
  write_files: [
    { path: BOOT_ENV, owner: "root:root", permissions: "0600", content: environmentOf(access) },
    { path: SCRIPT, owner: "root:root", permissions: "0755", content: CALL_HOME },
    { path: `/etc/systemd/system/${UNIT}`, owner: "root:root", permissions: "0644", content: SERVICE },
  ],
  runcmd: [
    ["systemctl", "daemon-reload"],
    ["systemctl", "enable", UNIT],
    ["systemctl", "start", "--no-block", UNIT],
  ],
});

/** The token's file, to be as the seed says at every boot. */
export const bootEnvironment = (access: BootAccess): SeedFile => ({
  path: BOOT_ENV,
  mode: "0600",
  content: environmentOf(access),
});

const environmentOf = ({ url, token }: BootAccess): string =>
  `LABPLAN_BOOT_URL=${url}\nLABPLAN_BOOT_TOKEN=${token}\n`;

/** The token in a file that we wrote. */
export const tokenIn = (environment: string): string | undefined =>
  /^LABPLAN_BOOT_TOKEN=([0-9a-f]{32})$/m.exec(environment)?.[1];

export const SERVICE = `[Unit]
Description=Tell the lab's boot server that this machine has booted
Wants=network-online.target
After=network-online.target sshd.service ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=${BOOT_ENV}
ExecStart=${SCRIPT}
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
`;

/**
 * The token goes by a pipe: arguments are seen by every user of the machine. Nobody need listen, for the server runs
 * only while it is wanted: after some minutes it gives up without leaving a failed unit behind.
 */
export const CALL_HOME = `#!/bin/sh
# Tells the lab's boot server that this machine has booted: boot id and SSH host key, with the machine's own token.
: "\${LABPLAN_BOOT_URL:=}" "\${LABPLAN_BOOT_TOKEN:=}"
if [ -z "$LABPLAN_BOOT_TOKEN" ]; then . ${BOOT_ENV}; fi
# The boot server is on this machine's own network.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
boot_id=$(cat /proc/sys/kernel/random/boot_id)
host=$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)
host_key=$(cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null)
# All cards of its own: a copy of this disk in another machine is told apart by them.
macs=
for card in /sys/class/net/*; do
  if [ -e "$card/device" ]; then macs="$macs $(cat "$card/address")"; fi
done
body=$(printf '{"mac":"%s","host":"%s","bootId":"%s","hostKey":"%s"}' "\${macs# }" "$host" "$boot_id" "$host_key")

send() {
  if command -v curl >/dev/null 2>&1; then
    curl --silent --fail --max-time 15 --output /dev/null --config - <<END
url = "$LABPLAN_BOOT_URL/events/booted"
header = "Authorization: Bearer $LABPLAN_BOOT_TOKEN"
header = "Content-Type: application/json"
data = "$(printf %s "$body" | sed 's/"/\\\\"/g')"
END
  elif command -v python3 >/dev/null 2>&1; then
    BODY="$body" URL="$LABPLAN_BOOT_URL" TOKEN="$LABPLAN_BOOT_TOKEN" python3 - <<'END'
import os, urllib.request
headers = {"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": "application/json"}
request = urllib.request.Request(os.environ["URL"] + "/events/booted", os.environ["BODY"].encode(), headers)
urllib.request.urlopen(request, timeout=15)
END
  else
    wget -q -T 15 -O /dev/null --header "Authorization: Bearer $LABPLAN_BOOT_TOKEN" \\
      --header 'Content-Type: application/json' --post-data "$body" "$LABPLAN_BOOT_URL/events/booted"
  fi
}

pause=1
waited=0
until send 2>/dev/null; do
  if [ "$waited" -ge 600 ]; then
    echo "the boot server at $LABPLAN_BOOT_URL did not take it within 10 minutes" >&2
    exit 0
  fi
  sleep "$pause"
  waited=$((waited + pause))
  if [ "$pause" -lt 15 ]; then pause=$((pause * 2)); fi
done
`;
