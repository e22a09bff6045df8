import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { embeddedMachines, embeddedStatus } from "../../embedded/start";
import { keyPair, login, until } from "./embedded.fixtures";
import { type MetalLab, startMetalLab } from "./embedded-fog-machines.lab";

const BOOT_ID = "cat /proc/sys/kernel/random/boot_id";

describe("a host of the embedded FOG server", () => {
  let fog: MetalLab;
  let last = 0;
  const nextMac = (): string => `52:54:00:f0:00:${(++last).toString(16).padStart(2, "0")}`;
  /** A host that waits for its imaging; it is off. */
  const waiting = async (image: string) => {
    const mac = nextMac();
    const id = await fog.host(`metal${last}`, mac, image);
    await fog.deploy(id);
    return { id, mac };
  };
  const imaged = async (image: string) => {
    const host = await waiting(image);
    await fog.power(host.mac, "On");
    expect(await fog.ended(host.id)).toBe(4);
    await fog.up(host.mac);
    return host;
  };

  beforeAll(async () => {
    fog = await startMetalLab();
  });
  afterEach(() => fog.faults());
  afterAll(() => fog?.close());

  it("is imaged at power on, with progress, and comes up as what the image says", async () => {
    const { id, mac } = await waiting("rocky9");
    expect(await fog.task(id)).toMatchObject({ state: 1, percent: 0 });
    await fog.power(mac, "On");
    const seen = new Set<number>();
    await until("it is complete", async () => {
      const { state, percent } = await fog.task(id);
      if (state === 3) seen.add(percent);
      return state === 4;
    });
    expect(seen.size).toBeGreaterThan(3);
    const release = await fog.run(mac, "cat /etc/os-release /etc/image-name");
    expect(release).toContain('ID="rocky"');
    expect(release).toContain('VERSION_ID="9.4"');
    expect(release).toMatch(/^rocky9$/m);
    const { address, hostKey } = await fog.up(mac);
    expect(hostKey).toMatch(/^ssh-ed25519 AAAA/);
    await until("FOG knows its address", async () => (await fog.json("GET", `host/${id}`)).ip === address);
  });

  it("has another boot id at each boot, and the same host key until it is imaged anew", async () => {
    const { id, mac } = await imaged("debian12");
    const before = { boot: await fog.run(mac, BOOT_ID), key: (await fog.up(mac)).hostKey };
    expect(before.boot).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(await fog.run(mac, BOOT_ID)).toBe(before.boot);
    await fog.power(mac, "ForceRestart");
    const booted = { boot: await fog.run(mac, BOOT_ID), key: (await fog.up(mac)).hostKey };
    expect(booted.boot).not.toBe(before.boot);
    expect(booted.key).toBe(before.key);
    await fog.deploy(id);
    await fog.power(mac, "ForceRestart");
    expect(await fog.ended(id)).toBe(4);
    expect((await fog.up(mac)).hostKey).not.toBe(before.key);
  });

  it("loses with an imaging what was on its disk, and with nothing else", async () => {
    const { id, mac } = await imaged("rocky9");
    await fog.run(mac, "echo mine > /srv/mine");
    await fog.power(mac, "ForceRestart");
    expect(await fog.run(mac, "cat /srv/mine")).toBe("mine\n");
    await fog.deploy(id);
    await fog.power(mac, "ForceRestart");
    expect(await fog.ended(id)).toBe(4);
    expect(await fog.run(mac, "ls /srv")).toBe("");
  });

  it("takes keys out of its own file of keys, and a password that was set inside", async () => {
    const { mac } = await imaged("rocky9");
    const at = await fog.up(mac);
    await expect(login(at, { password: "secret" }, "root")).rejects.toThrow(/authentication/i);
    await fog.run(mac, "printf 'root:secret\\n' | chpasswd");
    const ssh = await login(at, { password: "secret" }, "root");
    expect((await ssh.run("id -u")).out).toBe("0\n");
    await expect(login(at, { password: "wrong" }, "root")).rejects.toThrow(/authentication/i);
    await ssh.run("printf 'root:*\\n' | chpasswd -e; echo > /root/.ssh/authorized_keys");
    ssh.end();
    await expect(login(at, { password: "secret" }, "root")).rejects.toThrow(/authentication/i);
    await expect(fog.run(mac, "true")).rejects.toThrow(/authentication/i);
  });

  it("is captured into an image, and another host gets what was on its disk", async () => {
    const { id, mac } = await imaged("rocky9");
    const image = await fog.json("POST", "image/create", {
      name: "golden",
      path: "golden",
      osID: "50",
      imageTypeID: "1",
      imagePartitionTypeID: "1",
    });
    await fog.run(mac, "echo captured > /srv/fact");
    await fog.json("PUT", `host/${id}/edit`, { imageID: image.id });
    await fog.deploy(id, 2);
    await fog.power(mac, "ForceRestart");
    expect(await fog.ended(id)).toBe(4);
    expect(await fog.run(mac, "cat /srv/fact")).toBe("captured\n");
    const other = await imaged("golden");
    expect(await fog.run(other.mac, "cat /srv/fact")).toBe("captured\n");
    // Of FOG's own accord: what was captured is written as it was.
    expect((await fog.up(other.mac)).hostKey).toBe((await fog.up(mac)).hostKey);
  });

  it("has an empty disk after a wipe, and stays off where that was said", async () => {
    const { id, mac } = await imaged("rocky9");
    await fog.deploy(id, 18, { shutdown: true });
    await fog.power(mac, "ForceRestart");
    expect(await fog.ended(id)).toBe(4);
    const system = `Systems/${mac.replaceAll(":", "-")}`;
    await until("it is off", async () => (await fog.redfish("GET", system)).json.PowerState === "Off");
    await fog.power(mac, "On");
    await sleep(300);
    expect((await embeddedMachines({ home: fog.home })).some((one) => one.macs.includes(mac))).toBe(false);
  });

  it("writes an image whose content is a file of the store, with its keys and its host key", async () => {
    const [own, user] = [keyPair(), keyPair()];
    const content = {
      osRelease: { ID: "mine" },
      files: { "/etc/marker": "yes\n" },
      authorizedKeys: [user.publicKey],
      hostKey: own.privateKey,
    };
    fs.writeFileSync(path.join(fog.lab.home, "fog/images/mine.json"), JSON.stringify(content));
    fs.chmodSync(path.join(fog.lab.home, "fog/images/mine.json"), 0o644);
    await fog.json("POST", "image/create", { name: "my image", path: "mine", osID: "50", imageTypeID: "1" });
    const { mac } = await imaged("my image");
    const at = await fog.up(mac);
    expect(own.publicKey).toContain(at.hostKey);
    const ssh = await login(at, { privateKey: user.privateKey }, "root");
    expect((await ssh.run("cat /etc/marker /etc/os-release")).out).toBe('yes\nID="mine"\n');
    ssh.end();
  });

  it("tells its new host key before the task is complete, with the token of its kernel's arguments", async () => {
    const told: { url: string; token: string; body: URLSearchParams; state: number }[] = [];
    const { id, mac } = await waiting("rocky9");
    const listener = createServer((request, response) => {
      let text = "";
      request.on("data", (piece) => {
        text += piece;
      });
      request.on("end", async () => {
        const body = new URLSearchParams(text);
        const { state } = await fog.task(id);
        told.push({ url: request.url ?? "", token: request.headers.authorization ?? "", body, state });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    await fog.json("PUT", `host/${id}/edit`, {
      kernelArgs: `quiet labplan_url=${url} labplan_token=${"a1".repeat(16)}`,
    });
    await fog.power(mac, "On");
    expect(await fog.ended(id)).toBe(4);
    listener.close();
    const { hostKey } = await fog.up(mac);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ url: "/events/installed", token: `Bearer ${"a1".repeat(16)}`, state: 3 });
    expect(Object.fromEntries(told[0]?.body ?? [])).toMatchObject({ mac, hostKey });
  });

  it("waits for a slot where there is none, and goes on when there is", async () => {
    const { id, mac } = await waiting("rocky9");
    fog.faults({ procedure: "fog:slot", do: "error" });
    await fog.power(mac, "On");
    await until("it is checked in", async () => (await fog.task(id)).state === 2);
    fog.faults();
    expect(await fog.ended(id)).toBe(4);
  });

  it("trap fog#6: fails without a word of it, and its task is in progress for ever", async () => {
    const { id, mac } = await waiting("rocky9");
    fog.faults({ procedure: "fog:progress", nth: 4, do: "error" });
    await fog.power(mac, "On");
    await until("it has begun", async () => (await fog.task(id)).percent > 0);
    await sleep(700);
    const stuck = await fog.task(id);
    expect(stuck).toMatchObject({ state: 3, percent: 15 });
    await sleep(300);
    expect(await fog.task(id)).toEqual(stuck);
    // Switched off and on, it comes to the server again, which still has its task.
    fog.faults();
    await fog.power(mac, "ForceRestart");
    expect(await fog.ended(id)).toBe(4);
  });

  it("trap fog#7: stays queued when it never comes from the network", async () => {
    const { id, mac } = await waiting("rocky9");
    fog.faults({ procedure: "fog:queued", do: "hang" });
    await fog.power(mac, "On");
    await sleep(400);
    expect((await fog.task(id)).state).toBe(1);
  });

  it("stops when somebody else cancels its task, with nothing on its disk", async () => {
    const { id, mac } = await waiting("rocky9");
    fog.faults({ procedure: "fog:cancelled", do: "error" });
    await fog.power(mac, "On");
    expect(await fog.ended(id)).toBe(5);
    fog.faults();
    await fog.power(mac, "ForceRestart");
    await sleep(300);
    expect((await embeddedMachines({ home: fog.home })).some((one) => one.macs.includes(mac))).toBe(false);
  });

  it("is complete by script, with something else on its disk, or does not come back", async () => {
    fog.faults({ procedure: "fog:write", do: "lie" });
    const wrong = await imaged("rocky9");
    expect(await fog.run(wrong.mac, "cat /etc/os-release")).toContain('ID="other"');
    fog.faults({ procedure: "fog:boot", do: "hang" });
    const { id, mac } = await waiting("rocky9");
    await fog.power(mac, "On");
    expect(await fog.ended(id)).toBe(4);
    await sleep(400);
    expect((await embeddedMachines({ home: fog.home })).some((one) => one.macs.includes(mac))).toBe(false);
    fog.faults();
    await fog.power(mac, "ForceRestart");
    expect(await fog.run(mac, "cat /etc/image-name")).toBe("rocky9\n");
  });

  it("has no image to write where none was ever captured, and says so to nobody", async () => {
    await fog.json("POST", "image/create", {
      name: "empty",
      path: "nothing-there",
      osID: "50",
      imageTypeID: "1",
    });
    const { id, mac } = await waiting("empty");
    await fog.power(mac, "On");
    await until("it has begun", async () => (await fog.task(id)).state === 3);
    await sleep(700);
    expect(await fog.task(id)).toMatchObject({ state: 3, percent: 0 });
  });

  it("goes on where it was when the daemon is started anew: address, power, disk and task", async () => {
    const one = await imaged("rocky9");
    const { url, boot } = { url: fog.lab.fogUrl, boot: await fog.run(one.mac, BOOT_ID) };
    const { id, mac } = await waiting("debian12");
    fog.faults({ procedure: "fog:progress", nth: 4, do: "error" });
    await fog.power(mac, "On");
    await until("it has begun", async () => (await fog.task(id)).percent > 0);
    fog.faults();
    await fog.restart();
    expect(fog.lab.fogUrl).toBe(url);
    expect(await fog.run(one.mac, "cat /etc/image-name")).toBe("rocky9\n");
    expect(await fog.run(one.mac, BOOT_ID)).not.toBe(boot);
    expect(await fog.ended(id)).toBe(4);
    expect(await fog.run(mac, "cat /etc/image-name")).toBe("debian12\n");
    expect((await embeddedStatus({ home: fog.home }))?.runningMachines).toBeGreaterThanOrEqual(2);
  });
});

describe("the Redfish service of the embedded FOG server", () => {
  const mac = "52:54:00:f1:00:01";
  const system = `Systems/${mac.replaceAll(":", "-")}`;
  let fog: MetalLab;
  beforeAll(async () => {
    fog = await startMetalLab();
    await fog.host("bmc1", mac, "rocky9");
  });
  afterAll(() => fog?.close());
  const reset = (ResetType?: string) =>
    fog.redfish("POST", `${system}/Actions/ComputerSystem.Reset`, { ResetType });
  const powerState = async () => (await fog.redfish("GET", system)).json.PowerState;

  it("shows its root to anyone, and the rest to whom has the password", async () => {
    const root = await fog.redfish("GET", "", undefined, "wrong");
    expect(root).toMatchObject({ status: 200, json: { Systems: { "@odata.id": "/redfish/v1/Systems" } } });
    expect((await fog.redfish("GET", "Systems", undefined, "wrong")).status).toBe(401);
  });

  it("lists a system for each host, with its cards, and none for a MAC that there is not", async () => {
    const list = await fog.redfish("GET", "Systems");
    expect(list.json.Members).toEqual([{ "@odata.id": `/redfish/v1/${system}` }]);
    const found = (await fog.redfish("GET", system)).json;
    expect(found).toMatchObject({
      Name: "bmc1",
      PowerState: "Off",
      Boot: { BootSourceOverrideEnabled: "Disabled" },
    });
    const cards = (await fog.redfish("GET", `${system}/EthernetInterfaces`)).json.Members as {
      "@odata.id": string;
    }[];
    const card = cards[0]?.["@odata.id"].replace("/redfish/v1/", "") ?? "";
    expect((await fog.redfish("GET", card)).json).toMatchObject({ MACAddress: mac });
    expect((await fog.redfish("GET", "Systems/52-54-00-00-00-99")).status).toBe(404);
  });

  it("switches it on and off, as often as one likes, and refuses what it does not know", async () => {
    for (const [type, state] of [
      ["ForceRestart", "Off"],
      ["On", "On"],
      ["On", "On"],
      ["ForceRestart", "On"],
      ["ForceOff", "Off"],
      ["ForceOff", "Off"],
      ["PushPowerButton", "On"],
    ] as const) {
      expect((await reset(type)).status, type).toBe(204);
      expect(await powerState(), type).toBe(state);
    }
    expect((await reset("Explode")).status).toBe(400);
    await reset("ForceOff");
  });

  it("keeps a boot device for one boot", async () => {
    const patch = (Boot: object) => fog.redfish("PATCH", system, { Boot });
    const boot = async () => (await fog.redfish("GET", system)).json.Boot;
    expect((await patch({ BootSourceOverrideTarget: "Floppy" })).status).toBe(400);
    const once = { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "Pxe" };
    expect((await patch(once)).status).toBe(204);
    expect(await boot()).toMatchObject(once);
    await reset("On");
    await until(
      "it is used up",
      async () => ((await boot()) as Record<string, unknown>).BootSourceOverrideEnabled === "Disabled",
    );
    await reset("ForceOff");
  });

  it("boots the disk where it was told to, whatever task waits", async () => {
    const { hosts } = (await fog.json("GET", "host")) as { hosts: { id: string }[] };
    const id = Number(hosts[0]?.id);
    await fog.deploy(id);
    await fog.redfish("PATCH", system, {
      Boot: { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "Hdd" },
    });
    await reset("On");
    await sleep(300);
    expect((await fog.task(id)).state).toBe(1);
    await reset("ForceRestart");
    expect(await fog.ended(id)).toBe(4);
  });
});

describe("a host of the embedded FOG server without name spaces", () => {
  it("has its own boot id and the image's files, too", async () => {
    process.env.LABPLAN_EMBEDDED_RESTRICTED = "1";
    const fog = await startMetalLab();
    delete process.env.LABPLAN_EMBEDDED_RESTRICTED;
    const mac = "52:54:00:f2:00:01";
    try {
      await fog.deploy(await fog.host("plain", mac, "rocky9"));
      await fog.power(mac, "On");
      expect(await fog.run(mac, "cat /etc/image-name")).toBe("rocky9\n");
      const first = await fog.run(mac, BOOT_ID);
      await fog.power(mac, "ForceRestart");
      const second = await fog.run(mac, BOOT_ID);
      expect([first, second].join("")).toMatch(/^([0-9a-f-]{36}\n){2}$/);
      expect(second).not.toBe(first);
    } finally {
      await fog.close();
    }
  });
});
