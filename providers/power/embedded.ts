import { readFileSync } from "node:fs";
import type { EmbeddedLab } from "../../embedded/start";
import { LabError } from "../core/errors";

/** The Redfish service of the embedded FOG server, and its login, which the daemon wrote for us alone. */
export function embeddedBmc(lab: EmbeddedLab): { url: URL; user: string; password: string } {
  const { fogUrl, fogTokenFile } = lab as Partial<Record<"fogUrl" | "fogTokenFile", string>>;
  if (fogUrl === undefined || fogTokenFile === undefined)
    throw new LabError("the embedded lab has no machines with a BMC. Stop it, and it starts anew with them.");
  const { redfish } = JSON.parse(readFileSync(fogTokenFile, "utf8")) as {
    redfish: { user: string; password: string };
  };
  return { url: new URL(fogUrl), ...redfish };
}
