import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { machineAvailable, startMachine, sudoAvailable } from "../systems/ssh/machine";
import { accessContract } from "./ssh-access.suite";

const reason = machineAvailable();

accessContract(
  "a real sshd, PAM, shadow and sudo",
  async () => {
    const { host, port, hostKey, identityFile, stop } = await startMachine();
    const noSudo = sudoAvailable();
    return {
      on: { address: host, sshPort: port, sshHostKey: hostKey },
      identityFile,
      isReal: true,
      ...(noSudo ? { noSudo } : {}),
      stop,
    };
  },
  reason,
);
