import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/**
 * Where VBoxManage itself is, by system. The program of that name in /usr/bin is a wrapper: it prints a WARNING before
 * every output while the kernel module is missing, and removes the socket of VBoxSVC when it believes that none runs.
 */
const REAL: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ["/usr/lib/virtualbox/VBoxManage", "/opt/VirtualBox/VBoxManage", "/usr/lib64/virtualbox/VBoxManage"],
  darwin: ["/Applications/VirtualBox.app/Contents/MacOS/VBoxManage"],
  freebsd: ["/usr/local/lib/virtualbox/VBoxManage"],
};

/** What a POSIX shell at another host tries, in order. */
export const REAL_ELSEWHERE: readonly string[] = Object.values(REAL).flat();

/** Path of VBoxManage on this machine; just its name when it is in none of the usual places. */
export function findVBoxManage(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  isProgram: (path: string) => boolean = canRun,
): string {
  const windows = [
    env.VBOX_MSI_INSTALL_PATH,
    env.VBOX_INSTALL_PATH,
    env.ProgramFiles && join(env.ProgramFiles, "Oracle", "VirtualBox"),
  ];
  const places =
    platform === "win32"
      ? windows.flatMap((folder) => (folder ? [join(folder, "VBoxManage.exe")] : []))
      : (REAL[platform] ?? []);
  return places.find(isProgram) ?? "VBoxManage";
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
