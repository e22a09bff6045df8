import { type Caller, callsOf } from "./calls";
import type { FogClient } from "./client";
import { createHost, deleteHost, editHost } from "./host-calls";
import { host, hostByName, hosts } from "./host-look";
import { createImage, deleteImage, editImage, imageByName, images } from "./image-calls";
import { imagingOf } from "./parse";
import type { FogServer } from "./server";
import { activeTasks, cancelTasks, FIND_PAUSES_MS, startTask, task } from "./task-calls";

export interface RestClientOptions extends Caller {
  /** Clients of a real server report each 3 s. @default 5000 */
  pollMs?: number;
  /** Before each look for a new task. */
  findPausesMs?: readonly number[];
}

/** The client of a FOG server for one run; all of a process share the server. */
export function restClient(server: FogServer, options: RestClientOptions = {}): FogClient {
  const calls = callsOf(server, options);
  return {
    server: server.label,
    pollMs: options.pollMs ?? 5_000,
    hosts: () => hosts(calls),
    host: (id) => host(calls, id),
    hostByName: (name) => hostByName(calls, name),
    createHost: (wanted) => createHost(calls, wanted),
    editHost: (id, change) => editHost(calls, id, change),
    deleteHost: (id) => deleteHost(calls, id),
    images: () => images(calls),
    imageByName: (name) => imageByName(calls, name),
    createImage: (wanted) => createImage(calls, wanted),
    editImage: (id, change) => editImage(calls, id, change),
    deleteImage: (id) => deleteImage(calls, id),
    startTask: (of, type, name) =>
      startTask({ calls, host: of, type, name, pausesMs: options.findPausesMs ?? FIND_PAUSES_MS }),
    task: (id) => task(calls, id),
    activeTasks: (hostId) => activeTasks(calls, hostId),
    cancelTasks: (of) => cancelTasks(calls, of),
    async imagings() {
      const found = (await calls.list("/imaginglog", "imaginglogs")).flatMap((row) => imagingOf(row) ?? []);
      return found
        .sort((a, b) => b.finish.localeCompare(a.finish))
        .map(({ image, host: of, seconds }) => ({ image, host: of, seconds }));
    },
  };
}
