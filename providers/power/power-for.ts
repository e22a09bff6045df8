import { LabError } from "../core/errors";
import { powerByHand } from "./by-hand";
import { ipmiPower } from "./ipmi";
import { libvirtPower } from "./libvirt";
import { type Patience, patient } from "./patience";
import type { PlannedPower, Power, PowerContext } from "./power";
import { redfishPower } from "./redfish";
import { sshPower } from "./ssh";
import { virtualBoxPower } from "./virtualbox";
import { wolPower } from "./wol";

/** The switch of a machine. Nothing is contacted before its first call, and no secret read; `close` it afterwards. */
export function powerFor(
  config: PlannedPower,
  context: PowerContext,
  patience: Partial<Patience> = {},
): Power {
  const power = driverOf(config, context, patient(patience));
  return context.dryRun ? lookingOnly(power, context.name) : power;
}

function driverOf(config: PlannedPower, context: PowerContext, patience: Patience): Power {
  switch (config.kind) {
    case "redfish":
      return redfishPower(config, context, patience);
    case "ipmi":
      return ipmiPower(config, context, patience);
    case "wol":
      return wolPower(config, context, patience);
    case "libvirt":
      return libvirtPower(config, context, patience);
    case "virtualbox":
      return virtualBoxPower(config, context, patience);
    case "ssh":
      return sshPower(context, patience);
    case "none":
      return powerByHand(context, patience);
  }
}

/** A preview looks and never touches. */
function lookingOnly(power: Power, name: string): Power {
  const refuse = async () => {
    throw new LabError(`${name}: a preview switches nothing`);
  };
  return { ...power, on: refuse, off: refuse, cycle: refuse, bootOnce: refuse };
}
