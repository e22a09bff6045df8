import { readFileSync } from "node:fs";
import type { EmbeddedLab } from "../../embedded/start";

/** The Redfish service of the embedded FOG server, and its login, which the daemon wrote for us alone. */
export function embeddedBmc({ fogUrl, fogTokenFile }: Pick<EmbeddedLab, "fogUrl" | "fogTokenFile">) {
  const { redfish } = JSON.parse(readFileSync(fogTokenFile, "utf8")) as {
    redfish: { user: string; password: string };
  };
  return { url: new URL(fogUrl), ...redfish };
}
