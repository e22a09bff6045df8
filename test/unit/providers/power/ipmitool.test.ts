import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isPassing } from "../../../../providers/power/errors";
import { classify, findIpmitool, Ipmitool } from "../../../../providers/power/ipmitool";
import { powerFor } from "../../../../providers/power/power-for";
import { contextOf, FAST } from "./bmc";

let folder: string;
let path: string | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "labplan-ipmitool-"));
  path = process.env.PATH;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

/** A program of that name on the PATH, which keeps what it was given. */
function instead(script: string): { argv(): string[]; environment(): string } {
  const file = join(folder, "ipmitool");
  writeFileSync(
    file,
    `#!/bin/sh\nprintf '%s\\n' "$@" >>${folder}/argv\necho --- >>${folder}/argv\n/usr/bin/env >${folder}/env\n${script}\n`,
  );
  chmodSync(file, 0o755);
  process.env.PATH = `${folder}:${path}`;
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { argv: () => read("argv").trimEnd().split("\n"), environment: () => read("env") };
}

const config = { kind: "ipmi", host: "bmc1", user: "who", password: { env: "X" }, cipherSuite: 17 } as const;

describe("ipmitool", () => {
  it("gets the password in its environment, and nothing else of ours; no argument holds it", async () => {
    process.env.LABPLAN_TEST_TOKEN = "another-secret";
    const ran = instead('echo "Chassis Power is on"');
    expect(await powerFor(config, contextOf(), FAST).status()).toBe("on");
    delete process.env.LABPLAN_TEST_TOKEN;
    const argv = ran.argv().join(" ");
    expect(argv).toContain("-I lanplus -H bmc1 -p 623");
    expect(argv).toContain("-U who -C 17 -E chassis power status");
    expect(argv).not.toContain("the-password");
    expect(ran.environment()).toContain("IPMI_PASSWORD=the-password");
    expect(ran.environment()).not.toContain("another-secret");
  });

  it("is given a host that looks like an option as a host", async () => {
    const ran = instead('echo "Chassis Power is off"');
    await powerFor({ ...config, host: "-oh" }, contextOf(), FAST).status();
    expect(ran.argv().slice(3, 5)).toEqual(["-H", "-oh"]);
  });

  it("that is not installed is told with the package's name", async () => {
    const signal = new AbortController().signal;
    const told = (find: () => string | undefined) =>
      new Ipmitool({ who: "n1: BMC b", host: "b", port: 623, password: "", find }).run(["chassis"], signal);
    await expect(told(() => undefined)).rejects.toThrow(
      /n1: BMC b is switched by ipmitool, which is not installed here\. Install the package "ipmitool"/,
    );
    await expect(told(() => "/nonexistent/it")).rejects.toThrow(/n1: BMC b: \/nonexistent\/it does not run/);
    instead("");
    expect(findIpmitool()).toBe(join(folder, "ipmitool"));
  });

  it("is not even run with a password that IPMI cannot have", async () => {
    const long = contextOf({ secret: () => "a".repeat(21) });
    await expect(powerFor(config, long, FAST).status()).rejects.toThrow(
      /n1: BMC bmc1: its password is longer/,
    );
  });

  it("asks as an operator where the user is no administrator, from then on", async () => {
    const ran = instead(
      'case "$*" in *ADMINISTRATOR*) echo "> RAKP 2 message indicates an error : unauthorized role or privilege level requested" >&2; exit 1;; esac; echo "Chassis Power is off"',
    );
    const power = powerFor(config, contextOf(), FAST);
    expect(await power.status()).toBe("off");
    expect(await power.status()).toBe("off");
    const levels = ran.argv().filter((word) => /^(ADMINISTRATOR|OPERATOR)$/.test(word));
    expect(levels).toEqual(["ADMINISTRATOR", "OPERATOR", "OPERATOR"]);
  });

  it("is ended when the time is over, and when the run is stopped", async () => {
    instead(`echo $$ >>${folder}/pids; exec sleep 20`);
    const start = Date.now();
    await expect(powerFor(config, contextOf(), { ...FAST, statusS: 0.2 }).status()).rejects.toThrow(
      /n1: BMC bmc1 did not tell its state within 0\.2 s/,
    );
    const stopped = new AbortController();
    setTimeout(() => stopped.abort(new Error("stopped")), 100);
    await expect(powerFor(config, contextOf({ signal: stopped.signal }), FAST).on()).rejects.toThrow(
      "stopped",
    );
    expect(Date.now() - start).toBeLessThan(2_000);
    const pids = readFileSync(join(folder, "pids"), "utf8").trim().split("\n");
    expect(pids).toHaveLength(2);
    // Killed, and taken note of a moment later.
    const alive = () => pids.filter((pid) => existsSync(`/proc/${pid}`));
    for (let tries = 0; tries < 100 && alive().length > 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(alive()).toEqual([]);
  });

  it("orders the network again between off and on: a BMC forgets it a minute after it was told", async () => {
    writeFileSync(join(folder, "state"), "on");
    const ran = instead(`
      case "$*" in
        *"power status"*) echo "Chassis Power is $(cat ${folder}/state)" ;;
        *"power on"*) echo on >${folder}/state ;;
        *"power off"*) echo off >${folder}/state ;;
        *"bootparam get 5"*) echo " - Boot Device Selector : Force PXE" ;;
      esac`);
    const power = powerFor(config, contextOf({ firmware: "uefi" }), FAST);
    await power.bootOnce("network");
    await power.cycle();
    await power.cycle();
    const orders = ran
      .argv()
      .join(" ")
      .split("---")
      .map((call) => call.split("-E ")[1]?.trim())
      .filter((order) => order !== undefined && !/status|get/.test(order));
    const PXE = "chassis bootdev pxe options=efiboot";
    const [ON, OFF] = ["chassis power on", "chassis power off"];
    expect(orders).toEqual([PXE, OFF, PXE, ON, OFF, ON]);
  });

  it("whose order to boot is not kept is told before the machine is started", async () => {
    writeFileSync(join(folder, "state"), "on");
    instead(`
      case "$*" in
        *"power status"*) echo "Chassis Power is $(cat ${folder}/state)" ;;
        *"power on"*) echo on >${folder}/state ;;
        *"power off"*) echo off >${folder}/state ;;
        *"bootparam get 5"*) echo " - Boot Device Selector : No override" ;;
      esac`);
    const power = powerFor(config, contextOf(), { ...FAST, bootS: 0.3 });
    await power.bootOnce("network");
    await expect(power.cycle()).rejects.toThrow(
      /n1: BMC bmc1 took the order to boot from the network and does not show it/,
    );
    expect(readFileSync(join(folder, "state"), "utf8")).toBe("off\n");
  });
});

describe("what ipmitool says", () => {
  const meaning = (stderr: string) => classify("n1: BMC b", "chassis power on", stderr, 1);
  const END = "\nError: Unable to establish IPMI v2 / RMCP+ session\n";

  it("is told apart: password, user, cipher, name, busy, silence", () => {
    const cases: [string, string, boolean][] = [
      [`> RAKP 2 HMAC is invalid${END}`, "login", false],
      [`> RAKP 2 message indicates an error : unauthorized name${END}`, "login", false],
      [`> Error: no response from RAKP 1 message${END}`, "unreachable", true],
      [`Authentication algorithm 0x01 is not what we requested 0x03${END}`, "refused", false],
      ["Address lookup for b failed\nCould not open socket!", "name", false],
      ["Set Chassis Power Control to Up/On failed: Node busy", "busy", true],
      [`> Error in open session response message : insufficient resources for session${END}`, "busy", true],
      [`Get Auth Capabilities error${END}`, "unreachable", true],
      ["Set Chassis Power Control to Cycle failed: Invalid data field in request", "unable", false],
      ["Set Chassis Power Control to Up/On failed: Insufficient privilege level", "rights", false],
      [
        "Running Get VSO Capabilities my_addr 0x20, transit 0, target 0x20\nInvalid completion code received: Insufficient privilege level\nGet HPM.x Capabilities request failed, compcode = d4\nGet Chassis Power Status failed: Unspecified error",
        "server",
        true,
      ],
      ["something new", "server", true],
    ];
    for (const [stderr, reason, passes] of cases) {
      const error = meaning(stderr);
      expect([error.reason, isPassing(error)], stderr).toEqual([reason, passes]);
      expect(error.message).toMatch(/^n1: BMC b .*"ipmitool chassis power on"/);
    }
  });
});
