import { startFogServer } from "../../../embedded/fog/server";

/** The embedded FOG server as a process of its own, so that it can run inside a network namespace. */
const options = JSON.parse(process.env.FOG_DOUBLE ?? "{}") as Parameters<typeof startFogServer>[0];
void startFogServer({ ...options, log: (line) => console.error(line) }).then(({ url, apiToken, userToken }) =>
  console.log(JSON.stringify({ url, apiToken, userToken })),
);
