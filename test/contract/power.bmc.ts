import { type Hardware, type Rack, startRack } from "./power.domains";
import type { PowerSystem } from "./power.suite";

/** Environment variables that a BMC's password, and one that is not, are written to. */
export interface PasswordVariables {
  password: string;
  wrong: string;
}

/** Machines of a rack and the BMC before them. */
export interface RackedBmc<Bmc> {
  rack: Rack;
  /** In the order of their names. */
  hardware: [Hardware, ...Hardware[]];
  bmc: Bmc;
  stop(): Promise<void>;
}

/** A rack with machines, and a BMC that switches them through its libvirtd. */
export async function startRackedBmc<Bmc extends { password: string; stop(): Promise<void> }>(
  [first, ...others]: [string, ...string[]],
  startBmc: (uri: string) => Promise<Bmc>,
  variables: PasswordVariables,
): Promise<RackedBmc<Bmc>> {
  const rack = await startRack();
  try {
    const hardware: [Hardware, ...Hardware[]] = [await rack.add(first)];
    for (const name of others) hardware.push(await rack.add(name));
    const bmc = await startBmc(rack.daemon.uri);
    process.env[variables.password] = bmc.password;
    process.env[variables.wrong] = "an-other-password";
    const stop = async () => {
      await bmc.stop();
      await rack.stop();
    };
    return { rack, hardware, bmc, stop };
  } catch (error) {
    await rack.stop();
    throw error;
  }
}

/** The first machine of a rack by its BMC, for the power contract. */
export function bmcSystem<Bmc extends { password: string }>(
  { hardware, bmc, stop }: RackedBmc<Bmc>,
  config: PowerSystem["config"],
  broken: PowerSystem["broken"],
): PowerSystem {
  return { ...hardware[0], config, password: bmc.password, networkOnce: true, broken, stop };
}
