import { createHash } from "node:crypto";
import { com, context, FROM, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { optionOf, parseOptions } from "../options";
import type { HostOnlyInterface } from "../store/types";
import { guid } from "./list";

/** Host-only interfaces exist on paper here: the lab's host has the module for them. */
export function hostOnlyIf({ virtualBox, session, args }: Call): void {
  const [action = "", name = "", ...rest] = args;
  const all = virtualBox.hostOnlyInterfaces();
  const find = (line: number): HostOnlyInterface => {
    const found = all.find((one) => one.name === name);
    if (found) return found;
    const text = `The host network interface named '${name}' could not be found`;
    const at = context(
      "FindHostNetworkInterfaceByName(Bstr(pszName).raw(), hif.asOutParam())",
      line,
      "Hostonly",
    );
    throw com(text, "NS_ERROR_INVALID_ARG", FROM.host, at);
  };
  if (action === "create") {
    let number = 0;
    while (all.some((one) => one.name === `vboxnet${number}`)) number++;
    const made = `vboxnet${number}`;
    const mac = `0a:00:27:00:00:${number.toString(16).padStart(2, "0")}`;
    virtualBox.saveHostOnly({ name: made, uuid: guid(made, mac), mac, ...firstAddress(made) });
    session.progress();
    session.out(`Interface '${made}' was successfully created`);
  } else if (action === "remove") {
    virtualBox.dropHostOnly(find(150).name);
    session.progress();
  } else if (action === "ipconfig") {
    const found = find(242);
    const parsed = parseOptions(
      rest,
      [
        { names: ["--ip", "-ip"] },
        { names: ["--netmask", "-netmask"] },
        { names: ["--dhcp", "-dhcp"], value: "none" },
        { names: ["--ipv6", "-ipv6"] },
        { names: ["--netmasklengthv6", "-netmasklengthv6"] },
      ],
      { command: "hostonlyif" },
    );
    virtualBox.saveHostOnly({
      ...found,
      ip: optionOf(parsed, "--ip") ?? found.ip,
      netmask: optionOf(parsed, "--netmask") ?? "255.255.255.0",
    });
  } else throw new SyntaxRefusal(`Unknown sub-command '${action}'`, "hostonlyif");
}

/** VirtualBox gives a new one an address of its own choice. */
function firstAddress(name: string): { ip: string; netmask: string } {
  const number = Number(name.replace(/\D/g, ""));
  const third = number === 0 ? 56 : 57 + ((createHash("sha256").update(name).digest()[0] ?? 0) % 150);
  return { ip: `192.168.${third}.1`, netmask: "255.255.255.0" };
}
