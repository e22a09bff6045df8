import * as fs from "node:fs";
import * as path from "node:path";
import { bare, com, context, FROM, failedOperation, Refusal, SyntaxRefusal } from "../errors";
import { probe } from "../image";
import type { Call } from "../interpreter";
import { has, optionOf, type Parsed, parseOptions } from "../options";
import type { Medium } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";

const MIB = 1024 * 1024;
const FORMATS = ["VDI", "VMDK", "VHD", "PARALLELS", "QED", "QCOW", "RAW"];
const CREATE = context("RTEXITCODE handleCreateMedium(HandlerArg*)", 630, "Disk");
const CLONE = context("RTEXITCODE handleCloneMedium(HandlerArg*)", 1208, "Disk");

export function createMedium({ virtualBox, session, args }: Call): void {
  const parsed = parseOptions(
    kindless(args).words,
    [
      { names: ["--filename", "-f"] },
      { names: ["--size", "-s"], value: "number" },
      { names: ["--sizebyte", "-S"], value: "number" },
      { names: ["--diffparent", "-d"] },
      { names: ["--format", "-o"] },
      { names: ["--variant", "-m"] },
      { names: ["--property"] },
    ],
    { command: "createmedium", unknown: "unknown option:" },
  );
  const name = optionOf(parsed, "--filename");
  if (!name) throw new SyntaxRefusal("Parameter --filename is required", "createmedium");
  const size = Number(optionOf(parsed, "--sizebyte") ?? Number(optionOf(parsed, "--size") ?? 0) * MIB);
  const parentRef = optionOf(parsed, "--diffparent");
  const parent = parentRef === undefined ? undefined : virtualBox.media.open(parentRef, "disk", session.cwd);
  if (size === 0 && !parent) throw new SyntaxRefusal("Parameter --size is required", "createmedium");
  const format = formatOf(parsed, parent ? "vdi" : "VDI");
  const location = withEnding(path.resolve(session.cwd, name), format);
  const capacity = parent?.capacity ?? size;
  if (capacity % 512 !== 0) {
    const detail = `VD: The given disk size ${capacity} is not aligned on a sector boundary (512 bytes) (VERR_VD_INVALID_SIZE)`;
    throw failed("create", `Could not create the medium storage unit '${location}'.\n${detail}`, CREATE);
  }
  if (parent && parent.location === location) {
    const lines = bare("VBOX_E_FILE_ERROR", "File not accessible or erroneous file contents", CREATE);
    throw new Refusal(
      ["Failed to create medium", ...lines.map((line) => line.replace("0x80bb0004", "0x80BB0004"))],
      1,
      "VBOX_E_FILE_ERROR",
    );
  }
  const medium = make(virtualBox, location, "create", CREATE, () =>
    virtualBox.media.create({
      location,
      format,
      capacity,
      variant: parent ? "differencing" : variantOf(parsed),
      ...(parent && { parent }),
    }),
  );
  if (parent?.transient) {
    delete parent.transient;
    virtualBox.media.save(parent);
  }
  session.progress();
  session.out(`Medium created. UUID: ${medium.uuid}`);
}

/** Commands on media may begin with the kind. */
export function kindless(args: readonly string[]): { kind: Medium["kind"] | undefined; words: string[] } {
  const [first = "", ...rest] = args;
  if (first === "disk") return { kind: "disk", words: rest };
  if (first === "dvd" || first === "floppy") return { kind: "dvd", words: rest };
  return { kind: undefined, words: [...args] };
}

function formatOf(parsed: Parsed, normal: string): string {
  const format = optionOf(parsed, "--format") ?? normal;
  if (FORMATS.includes(format.toUpperCase())) return format;
  const at = context(
    "CreateMedium(Bstr(pszFormat).raw(), Bstr(pszFilename).raw(), enmAccessMode, enmDevType, pMedium.asOutParam())",
    231,
    "Disk",
  );
  throw com(`Invalid medium storage format '${format}'`, "NS_ERROR_INVALID_ARG", FROM.medium, at);
}

const variantOf = (parsed: Parsed): Medium["variant"] =>
  /fixed/i.test(optionOf(parsed, "--variant") ?? "") ? "fixed" : "dynamic";

const withEnding = (location: string, format: string): string =>
  path.extname(location) === "" ? `${location}.${format.toLowerCase()}` : location;

const failed = (what: string, text: string, at: typeof CREATE) =>
  failedOperation(`Failed to ${what} medium`, text, "VBOX_E_FILE_ERROR", FROM.medium, at);

/** Make a file; what the file system refuses is told as VirtualBox tells it. */
function make(
  virtualBox: VirtualBox,
  location: string,
  what: string,
  at: typeof CREATE,
  work: () => Medium,
): Medium {
  const { media } = virtualBox;
  const unit = what === "clone" ? "clone medium" : "medium storage unit";
  // Of a disk whose file was removed from outside; it is found only once the new file is written, which stays.
  const stale = media.at(location);
  try {
    const made = work();
    if (!stale) return made;
    media.forget(made);
    const text = `Cannot register the hard disk '${location}' {${made.uuid}} because a hard disk '${location}' with UUID {${stale.uuid}} already exists`;
    throw failedOperation(`Failed to ${what} medium`, text, "NS_ERROR_INVALID_ARG", FROM.virtualBox, at);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      const detail = `VDI: cannot create image '${location}' (VERR_ALREADY_EXISTS)`;
      throw failed(what, `Could not create the ${unit} '${location}'.\n${detail}`, at);
    }
    if (code === undefined) throw error;
    const reason =
      code === "EACCES" || code === "EPERM"
        ? "VERR_ACCESS_DENIED"
        : code === "ENOSPC"
          ? "VERR_DISK_FULL"
          : "VERR_FILE_NOT_FOUND";
    const text = `Could not create the directory '${path.dirname(location)}' (${reason})`;
    throw failedOperation(`Failed to ${what} medium`, text, "VBOX_E_IPRT_ERROR", FROM.virtualBox, at);
  }
}

export async function cloneMedium({ virtualBox, session, args }: Call): Promise<void> {
  const { kind = "disk", words } = kindless(args);
  const parsed = parseOptions(
    words,
    [
      { names: ["--format", "-o"] },
      { names: ["--variant", "-m"] },
      { names: ["--existing", "-E"], value: "none" },
      { names: ["--uuid"] },
    ],
    { command: "clonemedium" },
  );
  const [from = "", to = ""] = parsed.words;
  if (!from || !to) throw new SyntaxRefusal("Not enough parameters", "clonemedium");
  const { media } = virtualBox;
  const source = media.open(from, kind, session.cwd);
  const location = path.resolve(session.cwd, to);
  let target: Medium;
  if (has(parsed, "--existing")) {
    target = media.open(to, kind, session.cwd);
    if (source.capacity > target.capacity) media.grow(target, source.capacity);
  } else {
    target = make(virtualBox, location, "clone", CLONE, () =>
      media.create({
        location,
        format: formatOf(
          parsed,
          source.format === "QCOW" || source.format === "RAW" ? "VDI" : source.format.toUpperCase(),
        ),
        capacity: Math.ceil(source.capacity / 512) * 512,
        variant: variantOf(parsed),
      }),
    );
  }
  await media.copy(source, target);
  session.progress();
  session.out(`Clone medium created in format '${target.format}'. UUID: ${target.uuid}`);
}

export async function convertFromRaw({ virtualBox, session, args }: Call): Promise<void> {
  const parsed = parseOptions(
    args,
    [{ names: ["--format"] }, { names: ["--variant"] }, { names: ["--uuid"] }],
    { command: "convertfromraw" },
  );
  const [from = "", to = ""] = parsed.words;
  if (!from || !to) throw new SyntaxRefusal("Not enough parameters", "convertfromraw");
  const source = path.resolve(session.cwd, from);
  const location = path.resolve(session.cwd, to);
  session.err(`Converting from raw image file="${from}" to file="${to}"...`);
  let size: number;
  try {
    fs.accessSync(source, fs.constants.R_OK);
    size = fs.statSync(source).size;
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "EACCES" ? "VERR_ACCESS_DENIED" : "VERR_FILE_NOT_FOUND";
    throw new Refusal([`Cannot open file "${from}": ${reason}`]);
  }
  session.err(`Creating dynamic image with size ${size} bytes (${Math.ceil(size / MIB)}MB)...`);
  if (fs.existsSync(location)) {
    throw new Refusal([
      `VDI: cannot create image '${to}'`,
      "Error code VERR_ALREADY_EXISTS at /build/reproducible-path/virtualbox-7.2.22-dfsg/src/VBox/Storage/VDI.cpp(706) in function int vdiImageCreateFile(PVDIIMAGEDESC, unsigned int, PVDINTERFACEPROGRESS, unsigned int, unsigned int)",
      `Cannot create the disk image "${to}": VERR_ALREADY_EXISTS`,
    ]);
  }
  const { media } = virtualBox;
  const uuid = optionOf(parsed, "--uuid");
  const medium = media.create({
    location,
    format: "VDI",
    capacity: Math.ceil(size / 512) * 512,
    variant: variantOf(parsed),
    ...(uuid !== undefined && { uuid }),
  });
  await media.fill(source, medium);
  // A plain tool of files: VirtualBox hears of the disk when it is first opened.
  media.forget(medium);
}

export function closeMedium({ virtualBox, session, args }: Call): void {
  const { kind = "disk", words } = kindless(args);
  const parsed = parseOptions(words, [{ names: ["--delete", "-d"], value: "none" }], {
    command: "closemedium",
  });
  const { media } = virtualBox;
  const medium = media.open(parsed.words[0] ?? "", kind, session.cwd);
  const children = media.childrenOf(medium);
  const users = virtualBox.usersOf(medium).filter(({ vm }) => vm.registered);
  const closed = context("Close()", 1877, "Disk");
  const reasonsToKeep: string[] = [];
  const { location } = medium;
  const has_ = has(parsed, "--delete");
  if (children.length > 0) {
    reasonsToKeep.push(
      ...both(
        `Cannot close medium '${location}' because it has ${children.length} child media`,
        `Cannot close medium '${location}' because it has ${children.length} child media`,
      ),
    );
  } else if (users.length > 0) {
    const uuids = users.map(({ vm }) => vm.uuid).join(", ");
    reasonsToKeep.push(
      ...both(
        `Cannot delete storage: medium '${location}' is still attached to the following ${users.length} virtual machine(s): ${uuids}`,
        `Medium '${location}' cannot be closed because it is still attached to ${users.length} virtual machines`,
      ),
    );
  }
  if (reasonsToKeep.length > 0) throw new Refusal(reasonsToKeep);
  if (has_) {
    media.remove(medium);
    session.progress();
  } else media.forget(medium);

  function both(deletion: string, closing: string): string[] {
    const storage = context("DeleteStorage(pProgress.asOutParam())", 1868, "Disk");
    return [
      ...(has_
        ? [
            ...com(deletion, "VBOX_E_OBJECT_IN_USE", FROM.medium, storage).lines,
            "Failed to delete medium. Error code VBOX_E_OBJECT_IN_USE",
          ]
        : []),
      ...com(closing, "VBOX_E_OBJECT_IN_USE", FROM.medium, closed).lines,
    ];
  }
}

export const sizeOnDisk = (medium: Medium): number => {
  try {
    return fs.statSync(medium.location).size;
  } catch {
    return 0;
  }
};
export const isThere = (medium: Medium): boolean => {
  try {
    probe(medium.location);
    return true;
  } catch {
    return false;
  }
};
