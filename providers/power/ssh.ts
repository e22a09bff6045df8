import { LabError } from "../core/errors";
import { connectSsh, type SshConnection, SshError } from "../ssh/client";
import { sleep } from "../ssh/clock";
import type { SshTarget } from "../ssh/target";
import { PowerError } from "./errors";
import type { Patience } from "./patience";
import type { Power, PowerContext } from "./power";
import { answersAt } from "./reach";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const EXEC_S = 20;

/** The last resort: the system that runs on the machine is asked to restart. */
export function sshPower(context: PowerContext, patience: Patience): Power {
  const { name, ssh, signal } = context;
  const { clock, switchS, pollMs } = patience;
  const isUp = () => answersAt(context, clock);
  const refuse = (what: string): never => {
    throw new PowerError(
      "unable",
      `${name}: a machine that is switched by SSH alone can only be restarted, not ${what}. Do it by hand, or give it another power: redfish, ipmi, or none to be told what to do.`,
    );
  };

  const login = async (): Promise<SshConnection> => {
    if (ssh?.address === undefined)
      throw new LabError(
        `${name}: its address is not known, so that its system cannot be asked to restart. Write its "address", or give it another power.`,
      );
    const target: SshTarget = {
      host: ssh.address,
      user: ssh.user ?? "root",
      ...(ssh.sshPort === undefined ? {} : { port: ssh.sshPort }),
      ...(ssh.sshHostKey === undefined ? {} : { hostKey: ssh.sshHostKey }),
      ...(ssh.identityFile === undefined ? {} : { identityFile: ssh.identityFile }),
    };
    try {
      return await connectSsh(target, { signal, clock });
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      throw new PowerError(
        reasonOf(error),
        `${name}: its system cannot be asked to restart. ${error.message} Restart it by hand, or give it another power: redfish or ipmi need no system.`,
        { cause: error },
      );
    }
  };
  const bootId = async (link: SshConnection): Promise<string> =>
    (await link.exec(["cat", BOOT_ID], { deadlineS: EXEC_S, signal })).stdout.trim();

  const restart = async (): Promise<string> => {
    const link = await login();
    try {
      const before = await bootId(link);
      const asRoot = (ssh?.user ?? "root") === "root" ? [] : ["sudo", "-n"];
      const done = await link
        .exec([...asRoot, "reboot"], { deadlineS: EXEC_S, signal })
        .catch((error: unknown) => {
          // It went down before it could answer.
          if (error instanceof SshError && error.reason === "lost") return undefined;
          throw error;
        });
      if (done !== undefined && done.code !== 0 && done.code !== null)
        throw new PowerError(
          "rights",
          `${name}: its system does not restart: "reboot" ended with ${done.code}. The login user needs sudo without a password for it; or restart it by hand.`,
        );
      return before;
    } finally {
      await link.close().catch(() => {});
    }
  };
  /** Down, or up as another boot: a machine that then boots from the network is not seen again by SSH. */
  const isOtherBoot = async (before: string): Promise<boolean> => {
    if (!(await isUp())) return true;
    const link = await login().catch((error: unknown) => {
      if (error instanceof PowerError && error.reason === "unreachable") return undefined;
      throw error;
    });
    if (link === undefined) return true;
    try {
      return (await bootId(link)) !== before;
    } catch (error) {
      if (error instanceof SshError && error.reason === "lost") return true;
      throw error;
    } finally {
      await link.close().catch(() => {});
    }
  };

  return {
    can: { status: false, off: false, networkOnce: false },
    status: async () => ((await isUp()) ? "on" : "unknown"),
    on: async () => {
      if (!(await isUp())) refuse("switched on");
    },
    off: async () => refuse("switched off"),
    cycle: async () => {
      const before = await restart();
      const end = clock.now() + switchS * 1_000;
      while (!(await isOtherBoot(before))) {
        if (clock.now() >= end)
          throw new PowerError(
            "stuck",
            `${name}: its system was asked to restart and is still the same after ${switchS} s. Look at its console, or restart it by hand.`,
          );
        context.progress(`waiting for ${name} to go down`);
        await sleep(clock, pollMs, signal);
      }
    },
    bootOnce: async () => {},
    close: async () => {},
  };
}

function reasonOf({ reason }: SshError): PowerError["reason"] {
  if (reason === "host-key") return "untrusted";
  if (reason === "login" || reason === "no-key") return "login";
  return reason === "protocol" ? "protocol" : "unreachable";
}
