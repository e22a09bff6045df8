import { BackendError } from "../core/errors";
import type { RootShell } from "../ssh/root-shell";

/** devstack's services are units `devstack@n-cpu.service`; nothing is said where there is no systemd. */
const FAILED =
  "command -v systemctl >/dev/null 2>&1 || exit 0; systemctl list-units --all --plain --no-legend 'devstack@*' 2>/dev/null | sed 's/^[^A-Za-z0-9]*//' | awk '$3 == \"failed\" { print $1 }' || :";

/** Units of devstack's that ended badly. */
export async function failedServices(shell: RootShell): Promise<string[]> {
  const { stdout } = await shell.run("look at devstack's services", FAILED);
  return stdout.split("\n").filter((line) => line.startsWith("devstack@"));
}

export async function startServices(shell: RootShell, units: readonly string[], name: string): Promise<void> {
  if (units.length === 0) return;
  const { code, stderr } = await shell.exec('systemctl start "$@"', units, { deadlineS: 300 });
  if (code !== 0)
    throw new BackendError(
      `"${name}": ${units.join(", ")} could not be started: ${stderr.trim().split("\n").at(-1)}. "journalctl -u ${units[0]}" there says why.`,
    );
}
