import { BlockList, isIP } from "node:net";
import type { Problem, Run } from "../core/definition";
import { type Found, ourLinks, who } from "./endpoint.look";
import { aliasOf, canonical, overhead, ownerOf, scriptPath, unitPath, vxlanName } from "./endpoint.names";
import { ownerIn } from "./endpoint.script";
import type { EndpointInputs } from "./types";

/** What is wrong with the inputs by themselves. */
export function problemsOf(inputs: EndpointInputs): Problem[] {
  const problems: Problem[] = [];
  const [own = "", prefix = ""] = inputs.address.split("/");
  const family = isIP(own);
  if (family === 0 || Number(prefix) > (family === 6 ? 128 : 32))
    problems.push({
      field: "address",
      message: `${who(inputs)}: "${inputs.address}" is no address with a prefix length`,
    });
  const underlays: [string, string][] = [
    ["local", inputs.local],
    ...Object.values(inputs.peers).map(({ underlay }): [string, string] => ["peers", underlay]),
  ];
  for (const [field, address] of underlays)
    if (isIP(address) === 0) problems.push({ field, message: `${who(inputs)}: "${address}" is no address` });
    else if (isIP(address) !== isIP(inputs.local))
      problems.push({
        field,
        message: `${who(inputs)}: peer ${address} and its own ${inputs.local} are not of one kind: VXLAN goes over IPv4 or over IPv6`,
      });
  return problems;
}

/** What must have been installed by the time that it is made: in a preview, that may be still to come. */
export function missing(inputs: EndpointInputs, found: Found): Problem[] {
  if (inputs.bridge !== "ovs") return [];
  if (found.ovs?.silent !== undefined)
    return [
      {
        field: "bridge",
        message: `${who(inputs)}: Open vSwitch does not answer there (${found.ovs.silent}). devstack's unstack.sh stops and disables it where neutron uses it: start it (systemctl enable --now openvswitch-switch; openvswitch on RPM distributions), or write "bridge: linux" in the overlay, which devstack leaves alone.`,
      },
    ];
  if (found.ovs !== undefined) return [];
  return [
    {
      field: "bridge",
      message: `${who(inputs)}: there is no Open vSwitch (no ovs-vsctl). Install openvswitch-switch there, or write "bridge: linux" in the overlay.`,
    },
  ];
}

/** What only a look at the node can refuse. */
export function refusals(inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): Problem[] {
  return [...foreign(inputs, found, run), ...underlay(inputs, found), ...overlaps(inputs, found, run)];
}

/** Things of our names that are somebody else's. */
function foreign(inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): Problem[] {
  const { device, vni, port } = inputs;
  const owner = ownerOf(run.mark);
  const refuse = (field: string, what: string, next: string): Problem => ({
    field,
    message: `${who(inputs)}: ${what}, and it is left alone. ${next}`,
  });
  for (const [path, text] of [
    [scriptPath(device), found.script],
    [unitPath(device), found.unit],
  ] as const) {
    const theirs = ownerIn(text);
    if (text.trim() === "" || theirs === owner) continue;
    const whose = theirs === undefined ? "somebody else" : `another labplan resource (${theirs})`;
    return [refuse("device", `${path} there is of ${whose}`, "Name another device, or remove it there.")];
  }
  const began = ownerIn(found.script) === owner;
  const isOurs = (alias: string | undefined) => alias === aliasOf(run.mark) || (began && alias === undefined);
  const told = (alias: string | undefined) => (alias === undefined ? "" : ` ("${alias}")`);
  const problems: Problem[] = [];
  for (const link of found.links) {
    const isBridge = link.name === device;
    if (isBridge && inputs.bridge === "ovs" ? found.ovs?.owner === owner : isOurs(link.alias)) continue;
    if (isBridge)
      problems.push(
        refuse(
          "device",
          `there is a device "${device}" already that is not ours${told(link.alias)}`,
          `Name another device, or remove that one: ip link del dev ${device}`,
        ),
      );
    else if (
      link.name === vxlanName(inputs) ||
      // Open vSwitch's own device takes all identifiers of a port.
      (link.vxlan?.vni === vni && link.vxlan.port === port)
    )
      problems.push(
        refuse(
          "vni",
          `device "${link.name}" there has VXLAN identifier ${vni} on port ${port} already and is not ours${told(link.alias)}`,
          "Take another identifier (overlay.vni) or another port.",
        ),
      );
  }
  if (
    inputs.bridge === "ovs" &&
    found.ovs?.owner !== undefined &&
    found.ovs.owner !== owner &&
    problems.length === 0
  )
    problems.push(
      refuse(
        "device",
        `Open vSwitch has a bridge "${device}" already that is not ours`,
        "Name another device.",
      ),
    );
  return problems;
}

/** The network below must carry the packets as they are: nothing is cut in pieces. */
function underlay(inputs: EndpointInputs, found: Found): Problem[] {
  const local = canonical(inputs.local);
  const link = found.links.find(({ addresses }) => addresses.some((one) => one.split("/")[0] === local));
  if (!link) {
    const all = found.links
      .filter(({ name }) => name !== "lo")
      .flatMap(({ name, addresses }) => addresses.map((one) => `${one.split("/")[0]} (${name})`));
    return [
      {
        field: "local",
        message: `${who(inputs)}: no device there has the address ${inputs.local} that its peers send to; there are ${all.join(", ") || "none"}. Name the node's address on the network between the nodes.`,
      },
    ];
  }
  const need = inputs.mtu + overhead(local);
  if (link.mtu >= need) return [];
  return [
    {
      field: "mtu",
      message: `${who(inputs)}: ${link.name} (${inputs.local}) has an MTU of ${link.mtu}, and packets of ${inputs.mtu} bytes need ${need} there (VXLAN over ${local.includes(":") ? "IPv6" : "IPv4"} adds ${overhead(local)}). Set the overlay's MTU to ${link.mtu - overhead(local)} or less, or raise that of ${link.name}.`,
    },
  ];
}

/** Another device in the overlay's network would get its packets. */
function overlaps(inputs: EndpointInputs, found: Found, run: Pick<Run, "mark">): Problem[] {
  const [own = "", prefix = ""] = inputs.address.split("/");
  const family = isIP(own) === 6 ? "ipv6" : "ipv4";
  const network = new BlockList();
  network.addSubnet(own, Number(prefix), family);
  const ours = new Set(ourLinks(found, run, inputs).map(({ name }) => name));
  for (const { name, addresses } of found.links) {
    if (name === inputs.device || ours.has(name)) continue;
    const taken = addresses.find((one) => {
      const ip = one.split("/")[0] ?? "";
      return isIP(ip) === isIP(own) && network.check(ip, family);
    });
    if (taken)
      return [
        {
          field: "address",
          message: `${who(inputs)}: ${name} there has ${taken}, which is in the overlay's network (${inputs.address}). Give the overlay another network.`,
        },
      ];
  }
  return [];
}
