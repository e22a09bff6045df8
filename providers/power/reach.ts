import { connect } from "node:net";
import type { Clock } from "../ssh/clock";
import type { PowerContext } from "./power";

const LIMIT_MS = 3_000;

/** Whether the machine's system answers at its SSH port: all that can be seen of one without a BMC. */
export function answersAt({ ssh, signal }: PowerContext, clock: Clock): Promise<boolean> {
  const { address, sshPort = 22 } = ssh ?? {};
  if (address === undefined) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: sshPort });
    const finish = (answer: boolean) => {
      cancel();
      signal.removeEventListener("abort", stop);
      socket.destroy();
      resolve(answer);
    };
    const stop = () => {
      finish(false);
      reject(signal.reason);
    };
    const cancel = clock.timer(LIMIT_MS, () => finish(false));
    socket.once("connect", () => finish(true));
    socket.on("error", () => finish(false));
    if (signal.aborted) {
      cancel();
      socket.destroy();
      reject(signal.reason);
    } else signal.addEventListener("abort", stop, { once: true });
  });
}
