import { context, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";

const GET = context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 1378, "Misc");
const SET = context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 1438, "Misc");
const GUEST = context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 90, "GuestProp");

export function getExtraData({ virtualBox, session, args }: Call): void {
  const [of = "", key] = args;
  const data = of === "global" ? virtualBox.globals.extraData : virtualBox.find(of, GET).extraData;
  if (key === undefined || key === "enumerate") {
    for (const name of Object.keys(data).sort()) session.out(`Key: ${name}, Value: ${data[name]}`);
    return;
  }
  session.out(data[key] === undefined ? "No value set!" : `Value: ${data[key]}`);
}

export function setExtraData({ virtualBox, args }: Call): void {
  const [of = "", key, value = ""] = args;
  if (key === undefined) throw new SyntaxRefusal("Not enough parameters", "setextradata");
  const write = (data: Record<string, string>): void => {
    if (value === "") delete data[key];
    else data[key] = value;
  };
  if (of === "global") {
    write(virtualBox.globals.extraData);
    virtualBox.saveGlobals();
    return;
  }
  const vm = virtualBox.find(of, SET);
  write(vm.extraData);
  virtualBox.save(vm);
}

export function guestProperty({ virtualBox, session, args }: Call): void {
  const [action, of = "", name = "", value = ""] = args;
  const vm = virtualBox.find(of, GUEST);
  const all = vm.guestProperties;
  if (action === "get") {
    session.out(all[name] ? `Value: ${all[name].value}` : "No value set!");
  } else if (action === "set" || action === "unset" || action === "delete") {
    if (action === "set" && value !== "") all[name] = { value, time: virtualBox.now() };
    else delete all[name];
    virtualBox.save(vm);
  } else if (action === "enumerate") {
    for (const key of Object.keys(all).sort())
      session.out(`${key} = '${all[key]?.value}' @ ${all[key]?.time}`);
  } else throw new SyntaxRefusal(`Invalid parameter '${action}'`, "guestproperty", 2);
}
