import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { KernelModuleMissing, type NicSettings } from "../../providers/virtualbox/client";
import type { Bench } from "./virtualbox-client.fixtures";

const NOBODY = "99999999-fe74-4d77-bb14-aa02c1c394e6";

/** Switching machines on and off. */
export function powerContract(bench: () => Bench): void {
  describe("power", () => {
    it("trap virtualbox#17: takes off for off, and gone for off", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      for (const uuid of [vm.uuid, NOBODY]) {
        await client.powerOff(uuid);
        await client.acpiPowerButton(uuid);
        await client.discardState(uuid);
      }
      expect(await client.power(vm.uuid)).toBe("poweroff");
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#2: names the missing kernel module before a start is tried", async () => {
      const { client, machine, system } = bench();
      if (system.canStart) return;
      expect(existsSync("/dev/vboxdrv")).toBe(false);
      const vm = await machine();
      const error = await client.start(vm.uuid).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(KernelModuleMissing);
      expect((error as Error).message).toMatch(
        /kernel module vboxdrv is not loaded \(no \/dev\/vboxdrv\).*modprobe vboxdrv/,
      );
      await expect(client.checkKernelModule()).rejects.toBeInstanceOf(KernelModuleMissing);
      // Nothing was tried: a start would have changed when the machine entered its state.
      expect(await client.power(vm.uuid)).toBe("poweroff");
      await client.deleteVm(vm.uuid);
    });

    it("starts a machine, refuses settings while it runs, forwards ports live, and pulls the plug", async () => {
      const { client, machine, system } = bench();
      if (!system.canStart) return;
      const vm = await machine();
      await client.modifyVm(vm.uuid, { memoryMiB: 64, nics: [{ slot: 1, type: "nat", forwards: [] }] });
      await client.checkKernelModule();
      await client.start(vm.uuid);
      await client.start(vm.uuid);
      expect(await client.power(vm.uuid)).toBe("running");
      const nics: NicSettings[] = [{ slot: 1, type: "nat", forwards: [] }];
      await expect(client.modifyVm(vm.uuid, { nics })).rejects.toThrow(/only while it is off/);
      const forward = { name: "web", protocol: "tcp", hostPort: 48_080, guestPort: 80 } as const;
      const forwards = async () => (await client.vm(vm.uuid))?.nics[0]?.nat?.forwards.map(({ name }) => name);
      await client.forwardLive(vm.uuid, 1, forward);
      expect(await forwards()).toEqual(["web"]);
      await client.unforwardLive(vm.uuid, 1, "web");
      expect(await forwards()).toEqual([]);
      await client.cableLive(vm.uuid, 1, false);
      expect((await client.vm(vm.uuid))?.nics[0]?.cable).toBe(false);
      await client.powerOff(vm.uuid);
      expect(await client.power(vm.uuid)).toBe("poweroff");
      await client.deleteVm(vm.uuid);
    });
  });
}
