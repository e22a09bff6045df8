import { isEmbedded } from "../../stacks/config/place";
import type { Problem, Run } from "../core/definition";
import type { BuildInputs } from "./build";

/**
 * VirtualBox 7.2.4 answers the size that a boot loader asks for, and then has "no such file" for the same file
 * (VirtualBox issue 417, mended later).
 */
const BROKEN = /^7\.2\.4(?!\d)/;

/** Why a builder cannot boot by the TFTP server of VirtualBox's NAT, which reads a folder of its own host. */
export async function natTftpProblems(
  { name, via }: Pick<BuildInputs, "name" | "via">,
  run: Pick<Run, "backend" | "signal">,
  version: (run: Pick<Run, "backend" | "signal">) => Promise<string> = versionOf,
): Promise<Problem[]> {
  const { backend } = run;
  if (via !== "virtualbox-tftp" || backend.kind !== "virtualbox" || isEmbedded(backend)) return [];
  if (backend.host !== undefined)
    return [
      {
        field: "via",
        message: `image "${name}": VirtualBox's own TFTP reads a folder of its host ${backend.host}, and the boot files are on this machine. Run labplan on that host, or name a bridged \`network:\` whose DHCP server sends iPXE to the boot server.`,
      },
    ];
  const running = await version(run);
  if (!BROKEN.test(running)) return [];
  return [
    {
      field: "via",
      message: `image "${name}": the TFTP server of VirtualBox ${running} gives one file and no second one (VirtualBox issue 417). Update VirtualBox, or name a bridged \`network:\` whose DHCP server sends iPXE to the boot server.`,
    },
  ];
}

/** Loaded where it is used: most builds are not VirtualBox's. */
const versionOf = async (run: Pick<Run, "backend" | "signal">): Promise<string> =>
  (
    await (require("../virtualbox/clients") as typeof import("../virtualbox/clients")).clientFor(run)
  ).version();
