import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerFor } from "../../providers/power/power-for";
import { available, type Sshd, startSshd } from "../systems/ssh/start";
import { contextOf, QUICK } from "./power.suite";

const reason = available();

/** Answers for the machine: nothing that it is asked is ever run on this one. */
const MACHINE = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  *boot_id*) cat "$FOLDER/boot-id" ;;
  *reboot*)
    echo "$SSH_ORIGINAL_COMMAND" >>"$FOLDER/asked"
    [ ! -e "$FOLDER/denied" ] || exit 1
    [ -e "$FOLDER/ignored" ] || echo second >"$FOLDER/boot-id" ;;
esac
`;

describe.skipIf(reason !== undefined && !process.env.CI)(
  `power by ssh, a real sshd${reason ? ` (${reason})` : ""}`,
  () => {
    let sshd: Sshd;
    const file = (name: string) => join(sshd.folder, name);
    const context = () => {
      const { host: address, port: sshPort, hostKey: sshHostKey, identityFile, user } = sshd;
      return contextOf({ ssh: { address, sshPort, sshHostKey, identityFile, user } });
    };
    beforeAll(async () => {
      const folder = await startSshd();
      const script = join(folder.folder, "machine");
      await writeFile(script, MACHINE);
      await chmod(script, 0o755);
      sshd = await startSshd({
        config: [`ForceCommand FOLDER=${folder.folder} exec ${script}`],
      });
      // Its own folder goes with it; the machine's is the first server's.
      const stop = sshd.stop;
      sshd = { ...sshd, folder: folder.folder, stop: () => stop().then(folder.stop) };
      await writeFile(file("boot-id"), "first\n");
    });
    afterAll(() => sshd?.stop());

    it("asks the system to restart, and waits until it is another boot", async () => {
      const power = powerFor({ kind: "ssh" }, context(), QUICK);
      expect(power.can).toEqual({ status: false, off: false, networkOnce: false });
      expect(await power.status()).toBe("on");
      await power.cycle();
      expect(await readFile(file("asked"), "utf8")).toMatch(/reboot/);
      expect(await readFile(file("boot-id"), "utf8")).toBe("second\n");
    });

    it("says when the system does not restart, and when it may not", async () => {
      await writeFile(file("ignored"), "");
      const power = powerFor({ kind: "ssh" }, context(), { ...QUICK, switchS: 1 });
      await expect(power.cycle()).rejects.toThrow(
        /pod1-node1: its system was asked to restart and is still the same/,
      );
      await writeFile(file("denied"), "");
      await expect(power.cycle()).rejects.toThrow(
        /pod1-node1: its system does not restart: "reboot" ended with 1\./,
      );
    });

    it("trusts no other host key, and says that a login is needed", async () => {
      const other = context();
      if (other.ssh) other.ssh.sshHostKey = `ssh-ed25519 ${"A".repeat(68)}`;
      await expect(powerFor({ kind: "ssh" }, other, QUICK).cycle()).rejects.toThrow(
        /pod1-node1: its system cannot be asked to restart\..*redfish or ipmi need no system/,
      );
    });

    it("cannot switch off, nor on what is off, and says what can", async () => {
      const power = powerFor({ kind: "ssh" }, context(), QUICK);
      await power.on();
      await expect(power.off()).rejects.toThrow(/can only be restarted, not switched off/);
      const away = context();
      if (away.ssh) away.ssh.sshPort = 1;
      const gone = powerFor({ kind: "ssh" }, away, QUICK);
      expect(await gone.status()).toBe("unknown");
      await expect(gone.on()).rejects.toThrow(/not switched on/);
      await expect(gone.cycle()).rejects.toThrow(/cannot be asked to restart.*refused/);
      await expect(powerFor({ kind: "ssh" }, contextOf(), QUICK).cycle()).rejects.toThrow(
        /address is not known/,
      );
    });
  },
);
