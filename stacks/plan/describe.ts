/** Sentences of the plan's facts and notes, in one place. */

export const newCidr = (network: string, cidr: string): string => `network "${network}" is ${cidr}`;

export const newCard = (machine: string, card: string, mac: string, ip: string | undefined): string =>
  `${machine} on ${place(card)} has ${ip === undefined ? "" : `address ${ip} and `}MAC ${mac}`;

export const newAddress = (machine: string, card: string, ip: string): string =>
  `${machine} on ${place(card)} has address ${ip}`;

export const formatGiB = (bytes: number): string => `${Math.round((bytes / 2 ** 30) * 100) / 100} GiB`;

export const newPort = (machine: string, port: number): string =>
  `${machine} has its SSH at port ${port} of its host`;

export const newVni = (vni: number): string => `the overlay has VNI ${vni}`;

export const newOverlayAddress = (machine: string, address: string): string =>
  `${machine} in the overlay has address ${address}`;

/** `machines/web1` is a thing whose facts come from another name than its own. */
export function newSeed(key: string, seed: string): string {
  const [section = "", name = ""] = key.split("/");
  return `${section.replace(/s$/, "")} "${name}" has the facts of the name "${seed}"`;
}

/** `admin`, `bridge:br0` or `admin#2` in words. */
function place(card: string): string {
  const [, base = card, count] = /^(.*?)(?:#(\d+))?$/.exec(card) ?? [];
  const [, type, attachment] = /^type:([^:]*)(?::(.*))?$/.exec(base) ?? [];
  const name = base.startsWith("bridge:")
    ? `bridge "${base.slice("bridge:".length)}"`
    : type !== undefined
      ? `VirtualBox's ${type === "nat" ? "own NAT" : type}${attachment === undefined ? "" : ` "${attachment}"`}`
      : `network "${base}"`;
  return count === undefined ? name : `${name} (card ${count} there)`;
}

export const expiredUser = (user: string, until: string): string =>
  `${user}: its time ended at ${until}, so the entry is locked and taken out of its groups. A VPN session that is still open can outlast this; end it at the VPN server.`;

export const unappliedAddress = (machine: string, ip: string, network: string): string =>
  `${machine}: nothing tells the guest its address ${ip}, because network "${network}" has no DHCP and the machine no cloudInit. Set it within the guest.`;
