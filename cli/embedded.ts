import { embeddedStatus, stopEmbedded } from "../embedded/start";

/** `npm run lab -- embedded status | stop` */
export async function embedded(args: string[]): Promise<number> {
  if (args[0] === "status") {
    const status = await embeddedStatus();
    console.log(status ? JSON.stringify(status, undefined, 2) : "the embedded lab is not running");
    return 0;
  }
  if (args[0] === "stop") {
    await stopEmbedded();
    return 0;
  }
  throw new Error('say "embedded status" or "embedded stop"');
}
