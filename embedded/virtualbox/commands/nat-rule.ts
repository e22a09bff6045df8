import { bare, type Context, com, FROM, Refusal, said } from "../errors";
import type { Forward, Nic } from "../store/types";

/** RTStrToUInt16: what does not fit is cut off, what is no number is 0. */
const toPort = (text: string): number => {
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) ? 0 : number & 0xffff;
};

/** `name,tcp,hostip,hostport,guestip,guestport`; undefined where a part is missing. */
export function parseRule(rule: string, slot: string): Forward | undefined {
  const parts = rule.split(",");
  if (parts.length !== 6) return undefined;
  const [name = "", protocol = "", hostIp = "", hostPort = "", guestIp = "", guestPort = ""] = parts;
  if (protocol !== "tcp" && protocol !== "udp")
    throw said(`Invalid proto '${rule}' specfied for NIC ${slot}`);
  return {
    name: name || `${protocol}_${toPort(hostPort)}_${toPort(guestPort)}`,
    protocol,
    hostIp,
    hostPort: toPort(hostPort),
    guestIp,
    guestPort: toPort(guestPort),
  };
}

export function addForward(nic: Nic, rule: string, slot: string, at: Context): void {
  const forward = parseRule(rule, slot);
  if (!forward) throw said("Missing or invalid argument to '--natpf'", 2);
  const { forwards } = nic.nat;
  if (forwards.some((one) => one.name === forward.name))
    throw com("A NAT rule of this name already exists", "NS_ERROR_INVALID_ARG", FROM.nat, at);
  const isSame = (one: Forward): boolean =>
    one.protocol === forward.protocol && one.hostIp === forward.hostIp && one.hostPort === forward.hostPort;
  if (forwards.some(isSame)) {
    const text = "A NAT rule for this host port and this host IP already exists";
    throw com(text, "NS_ERROR_INVALID_ARG", FROM.nat, at);
  }
  forwards.push(forward);
  forwards.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function removeForward(nic: Nic, name: string, at: Context): void {
  const { forwards } = nic.nat;
  const index = forwards.findIndex((one) => one.name === name);
  if (index < 0) throw new Refusal(bare("NS_ERROR_INVALID_ARG", "Invalid argument value", at));
  forwards.splice(index, 1);
}
