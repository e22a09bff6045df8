import { LabError } from "./errors";

const SLOW_MS = 3_000;

/**
 * Test hook: `LABPLAN_FAULT=libvirt:Domain/3:throw` makes step 3 of every libvirt:Domain fail before it starts;
 * `hang` waits for ever instead, so that a test can kill the process in the middle, `slow` for 3 s; a name in front
 * (`libvirt:Domain@w1/3:hang`) narrows it to one resource.
 */
export async function injectFault(
  kind: string,
  name: string,
  title: string,
  spec = process.env.LABPLAN_FAULT,
) {
  const match = /^(?<kind>[^@/]+)(@(?<name>[^/]+))?\/(?<step>\d+):(?<action>throw|hang|slow)$/.exec(
    spec ?? "",
  );
  if (!match?.groups) return;
  const { kind: wantedKind, name: wantedName, step, action } = match.groups;
  if (wantedKind !== kind || (wantedName && wantedName !== name) || !title.startsWith(`${step}/`)) return;
  if (action === "throw") throw new LabError(`injected fault at "${title}"`);
  if (action === "slow") return void (await new Promise((resolve) => setTimeout(resolve, SLOW_MS)));
  await new Promise(() => setInterval(() => {}, 1_000));
}
