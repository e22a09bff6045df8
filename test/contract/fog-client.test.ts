import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { startFogServer } from "../../embedded/fog/server";
import { available, realServer } from "../systems/fog/real-server";
import type { Start } from "./fog-client.lab";
import { fogClientSuite } from "./fog-client.suite";

const embedded =
  (lineVersion: "1.5" | "1.6"): Start =>
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "labplan-fog-"));
    const server = await startFogServer({ folder, lineVersion });
    const { url, apiToken, userToken } = server;
    return {
      endpoint: { url, apiToken, userToken },
      stop: async () => {
        await server.close();
        rmSync(folder, { recursive: true });
      },
    };
  };

describe("the embedded FOG server, as 1.5", () => fogClientSuite(embedded("1.5")));
describe("the embedded FOG server, as 1.6", () => fogClientSuite(embedded("1.6")));

const missing = available();
if (missing) console.log(`real FOG server: NOT RUN: ${missing}`);
describe.skipIf(missing)(`a real FOG server${missing ? ` (not run: ${missing})` : ""}`, () =>
  fogClientSuite(async () => ({ endpoint: realServer(), stop: async () => {} })),
);
