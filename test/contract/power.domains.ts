import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { bootOrder } from "../../providers/power/libvirt";
import { type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import type { PowerSystem } from "./power.suite";

/** A domain that is a machine's hardware: firmware alone, which runs for ever. */
export interface Hardware
  extends Pick<PowerSystem, "really" | "force" | "started" | "nextBoot" | "resetBoot"> {
  domain: string;
  mac: string;
  uuid: string;
}

export interface Rack {
  daemon: Libvirtd;
  client: LibvirtClient;
  /** `first` is what its boot order begins with. */
  add(name: string, first?: "network" | "disk"): Promise<Hardware>;
  stop(): Promise<void>;
}

const DISK = "/var/lib/libvirt/images";

/** A private libvirtd for machines with a BMC in front of them. */
export async function startRack(): Promise<Rack> {
  const daemon = await startLibvirtd();
  const client = await connectLibvirt(daemon.uri);
  let count = 0;
  const add = async (name: string, first: "network" | "disk" = "disk"): Promise<Hardware> => {
    count++;
    const mac = `52:54:00:b0:0c:${count.toString(16).padStart(2, "0")}`;
    const disk = `${DISK}/${name}.img`;
    await daemon.nsenter(["truncate", "-s", "1M", disk]);
    const boot = first === "network" ? ["network", "hd"] : ["hd"];
    const xml = `<domain type="qemu"><name>${name}</name><memory unit="MiB">16</memory>
      <os><type arch="x86_64" machine="pc">hvm</type>${boot.map((dev) => `<boot dev="${dev}"/>`).join("")}</os>
      <devices>
        <disk type="file" device="disk"><driver name="qemu" type="raw"/><source file="${disk}"/><target dev="vda" bus="virtio"/></disk>
        <interface type="user"><mac address="${mac}"/><model type="virtio"/></interface>
      </devices></domain>`;
    const ref = await client.domainDefine(xml);
    const find = async () => {
      const domain = await client.domainByName(name);
      if (!domain) throw new Error(`${name} is gone`);
      return domain;
    };
    const really = async () => ((await client.domainState(await find())) === "shutoff" ? "off" : "on");
    return {
      domain: name,
      mac,
      uuid: ref.uuid,
      really,
      // libvirt counts starts.
      started: async () => (await find()).id,
      force: async (state) => {
        if (state === (await really())) return;
        if (state === "on") await client.domainStart(await find());
        else await client.domainDestroy(await find());
      },
      nextBoot: async () => {
        const [device] = bootOrder(await client.domainXml(await find(), { inactive: true }));
        return device === "network" ? "network" : "disk";
      },
      resetBoot: async () => {
        await client.domainDefine(xml.replace("<memory", `<uuid>${ref.uuid}</uuid><memory`));
      },
    };
  };
  const stop = async () => {
    await client.close();
    await daemon.stop();
  };
  return { daemon, client, add, stop };
}
