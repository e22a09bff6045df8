import { parseArgs } from "node:util";
import { embeddedMachines } from "../embedded/start";
import { bootHome, ensureBootHome } from "../kickstart/server/home";
import { checkHosts, type Host, hostsOf } from "../kickstart/server/hosts";
import { progressOf, type StrangerSeen, strangersOf } from "../kickstart/server/progress";
import { openFolder } from "../kickstart/server/server";
import { proveHostKey } from "../providers/ssh/client";
import { table } from "./table";

/** Seconds for one machine to prove its host key. */
const ANSWER_S = 10;

export const HOSTS_HELP = `  --filter   ask each for its SSH host key, at its address or its forwarded port; only the key that it told with its
             token is believed
  --json     for programs: { machines, strangers }

Stages: waiting, pxe, config, pre, installed, booted, failed. Strangers sent no token, a wrong one, or one from another
machine; nothing here ever connects to one.`;

/** `npm run lab -- hosts [--filter] [--json]` */
export async function hosts(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { filter: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
  });
  const { registry, log } = openFolder(ensureBootHome());
  const events = log.read();
  let found = hostsOf(registry.list(), progressOf(events));
  if (values.filter) {
    const embedded = await embeddedMachines().catch(() => []);
    found = await checkHosts(found, embedded, (target) => proveHostKey(target, { readyTimeoutS: ANSWER_S }));
  }
  const strangers = strangersOf(events);
  if (values.json) console.log(JSON.stringify({ machines: found, strangers }, undefined, 2));
  else console.log(hostsText(found, strangers, Date.now(), bootHome()));
  return 0;
}

/** What `hosts` prints. Strangers are in a table of their own, so that nobody takes one for a machine. */
export function hostsText(found: Host[], strangers: StrangerSeen[], now: number, folder: string): string {
  const parts: string[] = [];
  const checked = found.some(({ answers }) => answers !== undefined);
  if (found.length === 0) parts.push(`no machine is registered in ${folder}`);
  else {
    const head = [
      "machine",
      "host name",
      "MAC",
      "address",
      "stage",
      "last seen",
      ...(checked ? ["answers"] : []),
    ];
    const rows = found.map((host) => [
      host.machine,
      host.hostName ?? "-",
      host.mac,
      host.ssh ? `${host.ssh.host}:${host.ssh.port}` : (host.address ?? "-"),
      host.stage,
      host.at === undefined ? "-" : age(host.at, now),
      ...(checked ? [host.answers ? "yes" : `no: ${oneLine(host.why ?? "")}`] : []),
    ]);
    parts.push(table(head, rows));
  }
  if (strangers.length > 0) {
    const rows = strangers.map(({ mac, address, times, lastAt, wanted }) => [
      mac ?? "-",
      address,
      String(times),
      age(lastAt, now),
      oneLine(wanted),
    ]);
    parts.push(
      `strangers: refused, and never a target\n${table(["claimed MAC", "address", "times", "last seen", "why it was refused"], rows)}`,
    );
  }
  return parts.join("\n\n");
}

/** `12 s`, `3 min`, `5 h`, `2 d` ago. */
function age(at: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1_000));
  if (seconds < 100) return `${seconds} s ago`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 48 * 3_600) return `${Math.round(seconds / 3_600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

/** Strangers write into the log: nothing of it may act on a terminal. */
const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
  text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
