import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freeUdpPort } from "../loopback";
import { ADDRESS, launch } from "./bmc-process";
import { begin, type IpmiBmc } from "./start";

/** OpenIPMI's BMC, whose machine is files; it has users of every rank, and keeps an order for one start alone. */
export interface IpmiSim extends IpmiBmc {
  /** May switch, and no more. */
  operator: { user: string; password: string };
  /** May look, and no more. */
  onlooker: { user: string; password: string };
  /** `power` 0 or 1, `boot` ordered for the next start, `starts` so far, and what the last was `from`. */
  machine(name: "power" | "boot" | "starts" | "from"): string | undefined;
  press(on: boolean): void;
}

/** Start OpenIPMI's ipmi_sim on loopback. It knows cipher suite 3. */
export async function startIpmiSim(): Promise<IpmiSim> {
  const { folder, user, password } = begin();
  const port = await freeUdpPort();
  const operator = { user: "switcher", password: randomBytes(8).toString("hex") };
  const onlooker = { user: "onlooker", password: randomBytes(8).toString("hex") };
  const login = (at: number, who: { user: string; password: string }, rank: string): string =>
    `user ${at} true "${who.user}" "${who.password}" ${rank} 10 none md2 md5 straight`;
  const script = join(__dirname, "chassis.sh");
  writeFileSync(
    join(folder, "lan.conf"),
    [
      'name "labplan"',
      "set_working_mc 0x20",
      "startlan 1",
      `addr ${ADDRESS} ${port}`,
      "priv_limit admin",
      ...["user", "operator", "admin"].map((rank) => `allowed_auths_${rank} none md2 md5 straight`),
      "guid a123456789abcdefa123456789abcdef",
      "endlan",
      `chassis_control "${script} ${folder}"`,
      login(2, { user, password }, "admin"),
      login(3, operator, "operator"),
      login(4, onlooker, "user"),
      "",
    ].join("\n"),
    { mode: 0o600 },
  );
  writeFileSync(
    join(folder, "commands"),
    "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n",
  );
  mkdirSync(join(folder, "state"));
  const bmc = launch(folder, ["/usr/bin/ipmi_sim", "-c", "lan.conf", "-f", "commands", "-s", "state", "-n"]);
  const ping = [
    "-I",
    "lanplus",
    "-C",
    "3",
    "-H",
    ADDRESS,
    "-p",
    `${port}`,
    "-N",
    "1",
    "-R",
    "0",
    "-U",
    user,
    "-E",
  ];
  const env = { PATH: process.env.PATH, IPMI_PASSWORD: password };
  await bmc.until("answer", async () => {
    const done = spawnSync("/usr/bin/ipmitool", [...ping, "chassis", "power", "status"], { env });
    return done.status === 0;
  });
  const machine = (name: string): string | undefined => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
  };
  const press = (on: boolean) => execFileSync(script, [folder, "set", "power", on ? "1" : "0"]);
  const { log, stop } = bmc;
  return { host: ADDRESS, port, user, password, operator, onlooker, machine, press, log, stop };
}
