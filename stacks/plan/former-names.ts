import type { ConfigPath, Declared } from "../config/types";
import type { Context } from "./context";
import { formerNamesOf } from "./renamed";
import { own, sortedKeys } from "./stable";

/** `formerly` names what a thing was; that name must be free, and be claimed once. */
export function checkFormerNames({ config, problems }: Context): void {
  const fogImages = Object.entries(config.images).flatMap(([name, { fog }]) => (fog ? [[name, fog]] : []));
  const sections: [ConfigPath, Record<string, Declared>, ConfigPath][] = [
    [["machines"], config.machines, []],
    [["networks"], config.networks, []],
    [["images"], Object.fromEntries(fogImages), ["fog"]],
    [["vpn", "users"], config.vpn?.users ?? {}, []],
  ];
  for (const [base, things, within] of sections) {
    const claimed = new Map<string, string>();
    for (const name of sortedKeys(things)) {
      const thing = own(things, name);
      const former = thing ? formerNamesOf(thing) : [];
      for (const [index, formerly] of former.entries()) {
        const path = [
          ...base,
          name,
          ...within,
          "formerly",
          ...(Array.isArray(thing?.formerly) ? [index] : []),
        ];
        const other = claimed.get(formerly);
        if (formerly === name) problems.add(path, `"formerly" is its own name. Remove it.`);
        else if (own(things, formerly))
          problems.add(
            path,
            `formerly "${formerly}", and a "${formerly}" is declared as well. If the rename was applied, remove \`formerly\`: the lock file remembers it.`,
          );
        else if (other !== undefined)
          problems.add(path, `"${other}" is formerly "${formerly}" too. Only one of them can have been it.`);
        claimed.set(formerly, name);
      }
    }
  }
}
