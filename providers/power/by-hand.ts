import { sleep } from "../ssh/clock";
import { PowerError } from "./errors";
import type { Patience } from "./patience";
import type { Power, PowerContext } from "./power";
import { answersAt } from "./reach";

/**
 * A machine that somebody goes to. It says what to do, and waits where the end can be seen: a system that answered no
 * longer does.
 */
export function powerByHand(context: PowerContext, patience: Patience): Power {
  const { name, progress } = context;
  const ask = (message: string) => (context.say ?? progress)(message);
  const { clock, handS, pollMs } = patience;
  const isUp = () => answersAt(context, clock);
  let fromNetwork = false;

  const waitForEnd = async (todo: string): Promise<void> => {
    const end = clock.now() + handS * 1_000;
    while (await isUp()) {
      const leftS = Math.round((end - clock.now()) / 1_000);
      if (leftS <= 0)
        throw new PowerError(
          "stuck",
          `${name}: nobody did this within ${handS} s: ${todo}. Its system still answers. Do it and run this again; a "power" with a BMC would do it by itself.`,
        );
      progress(`PLEASE ${todo}; waiting, ${leftS} s left`);
      await sleep(clock, pollMs, context.signal);
    }
  };
  return {
    can: { status: false, off: true, networkOnce: false },
    status: async () => ((await isUp()) ? "on" : "unknown"),
    on: async () => {
      // A machine that boots from the network answers nothing yet: who follows it sees it come.
      if (!(await isUp())) ask(`PLEASE switch ${name} on${fromNetwork ? ", to boot from the network" : ""}`);
      fromNetwork = false;
    },
    off: async () => {
      const todo = `switch ${name} off`;
      ask(`PLEASE ${todo}`);
      await waitForEnd(todo);
    },
    cycle: async () => {
      const todo = `restart ${name} by its power button${fromNetwork ? ", to boot from the network" : ""}`;
      const seen = await isUp();
      ask(seen ? `PLEASE ${todo}` : `PLEASE ${todo}; whether it is done cannot be seen from here`);
      await waitForEnd(todo);
      fromNetwork = false;
    },
    bootOnce: async (device) => {
      fromNetwork = device === "network";
    },
    close: async () => {},
  };
}
