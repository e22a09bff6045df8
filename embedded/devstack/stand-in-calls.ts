import type { Answer } from "./answer";
import { Cloud, TROUBLES } from "./cloud";
import { novaManage } from "./nova-manage";

export interface StandInContext {
  clouds: Map<string, Cloud>;
  /** Services of nodes that no cloud has (a database of its own): `<service>@<where>`. */
  present: Set<string>;
  /** Which cloud or node an address is, for who asks. */
  resolve: (address: string) => string;
  /** `http://host:port`, as the caller knows it. */
  origin: string;
  bootMs: number;
  registerMs: number;
  now: () => Date;
  /** Not before some time has passed; it is forgotten when the server ends. */
  later: (ms: number, work: () => void) => void;
}

const text = (body: string, status = 200): Answer => ({ status, body });

/** What devstack's stand-in tells: `stand-in/<call>` with a form. */
export function answerStandIn(context: StandInContext, call: string, form: URLSearchParams): Answer {
  const work = CALLS[call];
  if (!work) return text(`no call ${call}\n`, 404);
  return work(context, form);
}

const field = (form: URLSearchParams, name: string): string => form.get(name) ?? "";

const cloudOf = (context: StandInContext, form: URLSearchParams): Cloud | undefined => {
  const asked = field(form, "cloud");
  return context.clouds.get(context.resolve(asked)) ?? context.clouds.get(asked);
};

/** Nova's processes of a devstack service; the cell they work for, where it is not the node's own. */
function binariesOf(service: string, cell: string): [binary: string, cell: string][] {
  const numbered = /^n-cond-cell(\d+)$/.exec(service)?.[1];
  if (service === "n-cpu") return [["nova-compute", cell]];
  if (service === "n-sch") return [["nova-scheduler", "cell0"]];
  if (service === "n-super-cond") return [["nova-conductor", "cell0"]];
  if (numbered !== undefined) return [["nova-conductor", `cell${numbered}`]];
  return [];
}

const CALLS: Record<string, (context: StandInContext, form: URLSearchParams) => Answer> = {
  /** A controller's keystone is there. Answers with its auth_url. */
  cloud: (context, form) => {
    const name = context.resolve(field(form, "cloud"));
    let cloud = context.clouds.get(name);
    if (cloud) {
      cloud.adminPassword = field(form, "admin_password");
      cloud.setCells(Number(field(form, "cells") || 1));
    } else {
      cloud = new Cloud({
        name,
        serviceHost: field(form, "cloud"),
        host: field(form, "host"),
        region: field(form, "region") || "RegionOne",
        adminPassword: field(form, "admin_password"),
        cells: Number(field(form, "cells") || 1),
        bootMs: context.bootMs,
        now: context.now,
      });
      context.clouds.set(name, cloud);
    }
    context.present.add(`key@${name}`);
    return text(`${context.origin}/${encodeURIComponent(name)}/identity`);
  },
  /** A controller was unstacked. */
  gone: (context, form) => {
    const name = context.resolve(field(form, "cloud"));
    context.clouds.delete(name);
    context.present.delete(`key@${name}`);
    return text("gone\n");
  },
  start: (context, form) => {
    const service = field(form, "service");
    const host = field(form, "host");
    const node = context.resolve(field(form, "address"));
    context.present.add(`${service}@${node}`);
    const cell = `cell${field(form, "cell") || 1}`;
    for (const [binary, its] of binariesOf(service, cell)) {
      const report = (): void => {
        const cloud = cloudOf(context, form);
        if (!cloud || cloud.has(`no-register:${host}`)) return;
        // Stopped again meanwhile.
        if (!context.present.has(`${service}@${node}`)) return;
        cloud.report(binary, host, its, field(form, "address"), node);
      };
      if (binary === "nova-compute") context.later(context.registerMs, report);
      else report();
    }
    return text("started\n");
  },
  stop: (context, form) => {
    const service = field(form, "service");
    context.present.delete(`${service}@${context.resolve(field(form, "address"))}`);
    for (const [binary] of binariesOf(service, ""))
      cloudOf(context, form)?.stopped(binary, field(form, "host"));
    return text("stopped\n");
  },
  /** Whether a service of another node is there yet. */
  needs: (context, form) => {
    const service = field(form, "service");
    const there = context.present.has(`${service}@${context.resolve(field(form, "address"))}`);
    return there ? text("there\n") : text(`no ${service} at ${field(form, "address")}\n`, 404);
  },
  "nova-manage": (context, form) => {
    const cloud = cloudOf(context, form);
    if (!cloud) return text("ERROR: no database connection\n1");
    const { text: said, code } = novaManage(cloud, form.getAll("word"));
    return text(`${said}${code}`);
  },
  /** Servers of somebody's, for tests: `boot` is `name@host`, `delete` a name. */
  servers: (context, form) => {
    const cloud = cloudOf(context, form);
    if (!cloud) return text("no such cloud\n", 404);
    for (const one of form.getAll("boot")) {
      const [name = "", host] = one.split("@");
      const asked = {
        name,
        host,
        image: cloud.images[0]?.id ?? "",
        flavor: "42",
        network: cloud.networks[1]?.id,
      };
      cloud.boot({ ...asked, metadata: {}, keyName: null, groups: ["default"] });
    }
    for (const name of form.getAll("delete")) {
      const at = cloud.servers.findIndex((server) => server.name === name);
      if (at >= 0) cloud.servers.splice(at, 1);
    }
    return text(cloud.servers.map(({ name, host, id }) => `${name} ${host} ${id}\n`).join(""));
  },
  /** Sets what is wrong with a cloud, for tests: `add` and `remove` as often as wanted. */
  trouble: (context, form) => {
    const cloud = cloudOf(context, form);
    if (!cloud) return text("no such cloud\n", 404);
    for (const one of form.getAll("add")) {
      if (!TROUBLES.some((known) => one.startsWith(`${known}:`))) return text(`no trouble ${one}\n`, 400);
      cloud.trouble.add(one);
    }
    for (const one of form.getAll("remove")) cloud.trouble.delete(one);
    return text(`${[...cloud.trouble].join("\n")}\n`);
  },
};
