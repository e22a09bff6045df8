import * as fs from "node:fs";
import * as path from "node:path";
import { com, context, FROM, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { has, optionOf, parseOptions } from "../options";

const FIND = context("FindMachine(Bstr(pszMachineName).raw(), machine.asOutParam())", 1690, "Misc");
const CREATE = context(
  "CreateSharedFolder(Bstr(pszName).raw(), Bstr(szAbsHostPath).raw(), fWritable, fAutoMount, Bstr(pszAutoMountPoint).raw())",
  1732,
  "Misc",
);

export function sharedFolder({ virtualBox, session, args }: Call): void {
  const [action, ...rest] = args;
  const parsed = parseOptions(
    rest,
    [
      { names: ["--name", "-name"] },
      { names: ["--hostpath", "-hostpath"] },
      { names: ["--readonly", "-readonly"], value: "none" },
      { names: ["--transient", "-transient"], value: "none" },
      { names: ["--automount", "-automount"], value: "none" },
      { names: ["--auto-mount-point"] },
    ],
    { command: "sharedfolder" },
  );
  if (action !== "add" && action !== "remove")
    throw new SyntaxRefusal(`Invalid parameter '${action}'`, "sharedfolder");
  const vm = virtualBox.find(parsed.words[0] ?? "", FIND);
  const name = optionOf(parsed, "--name") ?? "";
  const { sharedFolders } = vm.hardware;
  const known = sharedFolders.find((one) => one.name === name);
  if (action === "remove") {
    if (!known) {
      const text = `Could not find a shared folder named '${name}'`;
      const at = context("RemoveSharedFolder(Bstr(pszName).raw())", 1836, "Misc");
      throw com(text, "VBOX_E_OBJECT_NOT_FOUND", FROM.session, at);
    }
    sharedFolders.splice(sharedFolders.indexOf(known), 1);
    virtualBox.save(vm);
    return;
  }
  if (known) {
    const text = `Shared folder named '${name}' already exists`;
    throw com(text, "VBOX_E_OBJECT_IN_USE", FROM.session, CREATE);
  }
  const folder = path.resolve(session.cwd, optionOf(parsed, "--hostpath") ?? "");
  if (!fs.existsSync(folder)) {
    const text = `RTPathQueryInfo failed on shared folder path '${folder}': VERR_FILE_NOT_FOUND`;
    throw com(text, "NS_ERROR_INVALID_ARG", FROM.sharedFolder, CREATE);
  }
  sharedFolders.push({
    name,
    path: folder,
    readOnly: has(parsed, "--readonly"),
    autoMount: has(parsed, "--automount"),
  });
  virtualBox.save(vm);
}
