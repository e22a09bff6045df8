import "tsx/cjs"; // the embedded lab is loaded by require()
import * as fs from "node:fs";
import { ensureEmbedded, stopEmbedded } from "../../embedded/start";
import { clientFor } from "../../providers/virtualbox/clients";
import { makeHome } from "./embedded.fixtures";
import { startMetalLab } from "./embedded-fog-machines.lab";
import { type PowerSystem, powerContract } from "./power.suite";

const MAC = "52:54:00:f0:60:01";

powerContract("Redfish, the embedded FOG server's machines", async (): Promise<PowerSystem> => {
  const metal = await startMetalLab();
  process.env.LABPLAN_EMBEDDED_HOME = metal.home;
  const { images } = (await metal.json("GET", "image")) as { images: { name: string }[] };
  const id = await metal.host("pod1-node1", MAC, images[0]?.name ?? "");
  await metal.host("pod1-node2", "52:54:00:f0:60:02", images[0]?.name ?? "");
  await metal.deploy(id);
  await metal.power(MAC, "On");
  await metal.ended(id);
  await metal.up(MAC);
  const path = `Systems/${MAC.replaceAll(":", "-")}`;
  const look = async () => (await metal.redfish("GET", path)).json;
  return {
    config: { kind: "redfish", url: "embedded:" },
    mac: MAC,
    password: JSON.parse(fs.readFileSync(metal.lab.fogTokenFile, "utf8")).redfish.password,
    really: async () => ((await look()).PowerState === "On" ? "on" : "off"),
    force: (state) => metal.power(MAC, state === "on" ? "On" : "ForceOff"),
    started: () => metal.run(MAC, "cat /proc/sys/kernel/random/boot_id"),
    nextBoot: async () => {
      const boot = (await look()).Boot as Record<string, unknown>;
      const isOrdered = boot.BootSourceOverrideEnabled !== "Disabled";
      return isOrdered && boot.BootSourceOverrideTarget === "Pxe" ? "network" : "disk";
    },
    resetBoot: async () => {
      await metal.redfish("PATCH", path, { Boot: { BootSourceOverrideEnabled: "Disabled" } });
    },
    networkOnce: true,
    broken: {
      "no such system": {
        config: { kind: "redfish", url: "embedded:", system: "n9" },
        reason: "missing",
        says: /the embedded BMC has no system "n9"\. It has 52-54-00-f0-60-01, /,
      },
    },
    stop: async () => {
      delete process.env.LABPLAN_EMBEDDED_HOME;
      await metal.close();
    },
  };
});

/** A machine of the embedded VirtualBox, with or without the network first in its boot order. */
async function startVirtualBox(boot: ("disk" | "net")[]): Promise<PowerSystem> {
  const { home, remove } = makeHome();
  process.env.LABPLAN_EMBEDDED_HOME = home;
  await ensureEmbedded();
  const backend = { kind: "embedded" } as const;
  const client = await clientFor({ backend, signal: new AbortController().signal });
  const name = "hw1";
  const { uuid } = await client.createVm({
    name,
    uuid: "6c1f0a52-0000-4000-8000-000000000001",
    osType: "Linux_64",
  });
  await client.modifyVm(uuid, { boot, memoryMiB: 64 });
  const power = async () => (await client.power(uuid)) ?? "poweroff";
  const config = { kind: "virtualbox", backend, machine: name } as const;
  return {
    config,
    really: async () => ((await power()) === "running" ? "on" : "off"),
    force: async (state) => {
      if (state === "on") await client.start(uuid);
      else await client.powerOff(uuid);
    },
    started: async () => (await client.vm(uuid))?.poweredAt,
    nextBoot: async () => ((await client.vm(uuid))?.boot[0] === "net" ? "network" : "disk"),
    resetBoot: async () => {},
    networkOnce: false,
    broken: {
      "no such machine": {
        config: { ...config, machine: "hw9" },
        reason: "missing",
        says: /VirtualBox machine "hw9" does not exist\. Write the name/,
      },
    },
    stop: async () => {
      await client.close();
      await stopEmbedded({ home });
      delete process.env.LABPLAN_EMBEDDED_HOME;
      await remove();
    },
  };
}

powerContract("VirtualBox, a machine that boots from its disk", () => startVirtualBox(["disk"]));
powerContract("VirtualBox, a machine that boots from the network", () => startVirtualBox(["net", "disk"]));
