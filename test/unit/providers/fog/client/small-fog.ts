import { type Asked, json, type Reply, type Script, serverPark } from "./scripted";

export interface SmallTask {
  id: number;
  hostID: number;
  typeID: number;
  stateID: number;
  name: string;
  createdBy?: string;
}

export interface SmallHost {
  id: number;
  name: string;
  description: string;
  imageID: string;
  kernelArgs: string;
  macs: string[];
}

export const host = (id: number, name: string): SmallHost => ({
  id,
  name,
  description: "",
  imageID: "0",
  kernelArgs: "",
  macs: [`52:54:00:aa:00:0${id}`],
});

/** The state of a server with a few hosts, and what each test makes of its calls. */
export class SmallFog {
  hosts: SmallHost[] = [host(1, "pod1-node1"), host(2, "pod1-node2")];
  tasks: SmallTask[] = [];
  images = [{ id: "7", name: "rocky9" }];
  /** Tried first; undefined: as a FOG in order. */
  odd: (asked: Asked) => Reply | Promise<Reply> | undefined = () => undefined;

  readonly script: Script = (asked) => this.odd(asked) ?? this.usual(asked);

  add(task: Partial<SmallTask> & { hostID: number }): SmallTask {
    const id = Math.max(10, ...this.tasks.map((one) => one.id)) + 1;
    const made = { id, typeID: 1, stateID: 1, name: "ours - pod1-node1", createdBy: "fog", ...task };
    this.tasks.push(made);
    return made;
  }

  active = (): SmallTask[] => this.tasks.filter(({ stateID }) => stateID <= 3);

  /** It does what it is asked, `times` times, and then says something else. */
  doAndSay(asked: Asked, reply: Reply, times = 1): Reply {
    for (let done = 0; done < times; done++) this.usual(asked);
    return reply;
  }

  usual({ line, body }: Asked): Reply {
    const [, verb = "", kind = "", word = "", action = ""] =
      /^(\w+) \/(\w+)\/?([^/]*)\/?(\w*)$/.exec(line) ?? [];
    const id = Number(word);
    const found = this.hosts.find((one) => one.id === id);
    const missing = { status: 404, body: "" };
    switch (
      `${verb} ${kind}${Number.isNaN(id) || word === "" ? `/${word}` : "/N"}${action ? `/${action}` : ""}`
    ) {
      case "GET task/active":
        return json({ count: this.active().length, tasks: this.active() });
      case "GET task/N": {
        const task = this.tasks.find((one) => one.id === id);
        return task ? json(task) : missing;
      }
      case "GET host/":
        return json({ count: this.hosts.length, hosts: this.hosts });
      case "GET host/N":
        return found ? json(found) : missing;
      case "GET image/":
        return json({ count: this.images.length, images: this.images });
      case "GET image/N":
        return this.images.some((one) => Number(one.id) === id) ? json({ id: word }) : missing;
      case "POST host/create": {
        const made = { ...host(9, String(body.name)), ...body, id: 9 } as SmallHost;
        this.hosts.push(made);
        return json(made);
      }
      case "PUT host/N/edit":
        if (!found) return missing;
        Object.assign(found, body);
        return json(found);
      case "POST host/N/task":
        this.add({ hostID: id, typeID: Number(body.taskTypeID), name: `${body.taskName} - ${found?.name}` });
        return json("");
      case "DELETE host/N/cancel": {
        const task = this.active().find(({ hostID }) => hostID === id);
        if (!task) return { status: 500, type: "text/html", body: "" };
        task.stateID = 5;
        return json(null);
      }
      case "DELETE host/N/delete":
        if (!found) return missing;
        this.hosts = this.hosts.filter((one) => one !== found);
        return json("");
    }
    return { status: 501, body: "" };
  }
}

export function smallFogs() {
  const park = serverPark();
  return {
    closeAll: park.closeAll,
    async start(settings?: Parameters<typeof park.start>[1]) {
      const fog = new SmallFog();
      const server = await park.start(fog.script, settings);
      return { fog, ...server, server };
    },
  };
}
