import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportMachine } from "../../providers/virtualbox/export";
import { folderOf } from "../../providers/virtualbox/folder";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import { benchOf } from "./virtualbox-handlers.bench";
import { clientOf, disk, type HandlerSystem, machine } from "./virtualbox-handlers.lab";

export function exportSuite(system: () => HandlerSystem): void {
  describe("exports", () => {
    const machines = benchOf(system, machineDefinition);
    const media = benchOf(system, mediumDefinition);
    let files: string;
    beforeAll(() => {
      files = mkdtempSync(join(tmpdir(), "labplan-export-"));
    });
    afterAll(() => rmSync(files, { recursive: true, force: true }));

    it("write a machine with its disks, once, and never over a file", async () => {
      const client = await clientOf(system());
      const root = await media.apply(disk("root"));
      const state = await machines.apply(machine("w1", { disks: [{ medium: root.name }] }));
      // Where both VirtualBox and we can write.
      const file = client.join(await folderOf(client, system()), "w1.ova");
      const percents: number[] = [];
      await exportMachine(client, state, file, (percent) => percents.push(percent));
      expect(statSync(file).size).toBeGreaterThan(1000);
      await expect(exportMachine(client, state, file, () => {})).rejects.toThrow(/w1.ova exists/);
      await machines.remove(state);
      await expect(exportMachine(client, state, `${file}2`, () => {})).rejects.toThrow(/is not there/);
    });
  });
}
