import * as fs from "node:fs";
import * as path from "node:path";
import { com, context, FROM, failedOperation, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { has, optionOf, parseOptions } from "../options";
import type { Medium } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { isThere, kindless, sizeOnDisk } from "./medium";

const MIB = 1024 * 1024;
const MODIFY = context("RTEXITCODE handleModifyMedium(HandlerArg*)", 937, "Disk");

export function modifyMedium({ virtualBox, session, args }: Call): void {
  const { kind = "disk", words } = kindless(args);
  const parsed = parseOptions(
    words,
    [
      { names: ["--resize", "-r"], value: "number" },
      { names: ["--resizebyte"], value: "number" },
      { names: ["--type", "-t"] },
      { names: ["--autoreset", "-z"], value: "switch" },
      { names: ["--compact", "-c"], value: "none" },
      { names: ["--move"] },
      { names: ["--setlocation", "-l"] },
      { names: ["--description"] },
      { names: ["--property", "-p"] },
    ],
    { command: "modifymedium" },
  );
  if (parsed.options.length === 0) throw new SyntaxRefusal("No operation specified", "modifymedium");
  const { media } = virtualBox;
  const medium = media.open(parsed.words[0] ?? "", kind, session.cwd);
  const type = optionOf(parsed, "--type");
  if (type !== undefined) setType(virtualBox, medium, type);
  const bytes =
    optionOf(parsed, "--resizebyte") ??
    (has(parsed, "--resize") ? Number(optionOf(parsed, "--resize")) * MIB : undefined);
  if (bytes !== undefined) {
    resize(virtualBox, medium, Number(bytes));
    session.progress();
  }
  if (has(parsed, "--compact")) session.progress();
  const move = optionOf(parsed, "--move") ?? optionOf(parsed, "--setlocation");
  if (move !== undefined) {
    const location = path.resolve(session.cwd, move);
    if (has(parsed, "--move")) fs.renameSync(medium.location, location);
    media.move(medium, location);
    session.progress();
    session.out(`Move medium with UUID ${medium.uuid} finished`);
  }
  const description = optionOf(parsed, "--description");
  if (description !== undefined) {
    media.save({ ...medium, description });
    session.out("Medium description has been changed.");
  }
}

function setType(virtualBox: VirtualBox, medium: Medium, type: string): void {
  if (type === "multiattach" && virtualBox.usersOf(medium).length === 0) {
    const text = `Cannot change type for medium '${medium.location}': the media type 'MultiAttach' can only be used on media registered with a machine that was created with VirtualBox 4.0 or later`;
    const at = context("COMSETTER(Type)(enmMediumType)", 896, "Disk");
    throw com(text, "VBOX_E_INVALID_OBJECT_STATE", FROM.medium, at);
  }
  virtualBox.media.save({ ...medium, type: type as Medium["type"] });
}

function resize(virtualBox: VirtualBox, medium: Medium, bytes: number): void {
  const refuse = (text: string) =>
    failedOperation(
      "Failed to resize medium",
      `${text} for medium '${medium.location}'`,
      "VBOX_E_NOT_SUPPORTED",
      FROM.medium,
      MODIFY,
    );
  if (bytes < medium.capacity) throw refuse("Shrinking is not yet supported");
  if (medium.variant === "fixed") throw refuse(`Resizing to new size ${bytes} is not yet supported`);
  if (bytes > medium.capacity) virtualBox.media.grow(medium, bytes);
}

export function showMediumInfo({ virtualBox, session, args }: Call): void {
  const { kind = "disk", words } = kindless(args);
  const medium = virtualBox.media.open(words[0] ?? "", kind, session.cwd);
  session.out(...mediumLines(virtualBox, medium, true));
}

export function mediumProperty({ virtualBox, session, args }: Call): void {
  const { kind = "disk", words } = kindless(args);
  const [action, ref = "", name = ""] = words;
  virtualBox.media.open(ref, kind, session.cwd);
  if (name === "AllocationBlockSize" && action === "get") {
    session.out(`${name}=1048576`);
    return;
  }
  const at =
    action === "set"
      ? context("SetProperty(Bstr(pszProperty).raw(), Bstr(pszValue).raw())", 1958, "Disk")
      : context("GetProperty(Bstr(pszProperty).raw(), strVal.asOutParam())", 1971, "Disk");
  throw com(`Property '${name}' does not exist`, "VBOX_E_OBJECT_NOT_FOUND", FROM.medium, at);
}

export function mediumLines(virtualBox: VirtualBox, medium: Medium, long: boolean): string[] {
  const { media } = virtualBox;
  const line = (name: string, value: string): string => `${`${name}:`.padEnd(15)} ${value}`;
  const isDisk = medium.kind === "disk";
  const differencing = isDisk && medium.parent !== undefined;
  const kind = differencing ? "differencing" : "base";
  const children = media.childrenOf(medium);
  const users = virtualBox.usersOf(medium).filter(({ vm }) => vm.registered);
  return [
    line("UUID", medium.uuid),
    ...(isDisk ? [line("Parent UUID", medium.parent ?? "base")] : []),
    line("State", isThere(medium) ? "created" : "inaccessible"),
    ...(long && !isThere(medium)
      ? [line("Access Error", `Could not open the medium '${medium.location}'.`)]
      : []),
    ...(long && medium.description ? [line("Description", medium.description)] : []),
    line("Type", medium.type === "normal" ? `normal (${kind})` : medium.type),
    ...(long && differencing ? [line("Auto-Reset", "off")] : []),
    line("Location", medium.location),
    line("Storage format", medium.format),
    ...(long ? [line("Format variant", `${medium.variant} default`)] : []),
    line("Capacity", `${Math.floor(medium.capacity / MIB)} MBytes`),
    ...(long ? [line("Size on disk", `${Math.floor(sizeOnDisk(medium) / MIB)} MBytes`)] : []),
    line("Encryption", "disabled"),
    ...(long && isDisk ? [line("Property", "AllocationBlockSize=1048576")] : []),
    ...(long
      ? users.map(({ vm, snapshots }, index) => {
          const kept = vm.snapshots
            .filter((one) => snapshots.includes(one.uuid))
            .map((one) => ` [${one.name} (UUID: ${one.uuid})]`);
          const name = index === 0 ? "In use by VMs:" : "";
          return `${name.padEnd(15)} ${vm.name} (UUID: ${vm.uuid})${kept.join("")}`;
        })
      : []),
    ...(long
      ? children.map((one, index) => `${(index === 0 ? "Child UUIDs:" : "").padEnd(15)} ${one.uuid}`)
      : []),
  ];
}
