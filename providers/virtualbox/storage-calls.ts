import { LabError } from "../core/errors";
import type { Calls } from "./calls";
import type { MediumFacts, VirtualBoxClient } from "./client";
import { unlessGone, VirtualBoxError } from "./errors";
import { readMedia } from "./parse/media";

type StorageCalls = Pick<
  VirtualBoxClient,
  | "addController"
  | "removeController"
  | "attach"
  | "detach"
  | "media"
  | "medium"
  | "createMedium"
  | "createDifferencing"
  | "cloneMedium"
  | "convertFromRaw"
  | "resizeMedium"
  | "moveMedium"
  | "closeMedium"
>;

const MIB = 1024 * 1024;
/** VBoxManage's words where a file is gone and its entry is not (measured on 7.2.22). */
const STILL_REGISTERED = /Cannot register the hard disk .* already exists/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What `storagectl --add` calls a bus, and the controller of it that is written. */
const BUSES = {
  sata: ["sata", "IntelAhci"],
  nvme: ["pcie", "NVMe"],
  scsi: ["scsi", "LsiLogic"],
  virtio: ["virtio", "VirtIO"],
  ide: ["ide", "PIIX4"],
  sas: ["sas", "LSILogicSAS"],
  usb: ["usb", "USB"],
  floppy: ["floppy", "I82078"],
} as const;

/** Their number of ports is fixed. */
const FIXED_PORTS: ReadonlySet<string> = new Set(["ide", "floppy", "scsi"]);

export function storageCalls(calls: Calls): StorageCalls {
  const { run, runLong } = calls;

  const media = async () => [
    ...readMedia(await run("list", "hdds", "--long"), "disk"),
    ...readMedia(await run("list", "dvds", "--long"), "dvd"),
  ];
  const isThere = async (path: string) => (await calls.files.size(path)) !== undefined;
  const registered = async (path: string) => (await media()).find((one) => one.path === path);

  /** A file that was removed from outside stays registered. */
  const forgetStale = async (path: string) => {
    const stale = (await isThere(path)) ? undefined : await registered(path);
    if (stale) await unlessGone(run("closemedium", stale.kind, stale.uuid));
  };

  /** What is made in such a one's place is refused only after its file was written. */
  const inItsPlace = async (path: string, make: () => Promise<string>): Promise<string> => {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof VirtualBoxError && STILL_REGISTERED.test(error.message))) throw error;
      await calls.files.remove(path);
      await forgetStale(path);
      return make();
    }
  };

  const createdUuid = (told: string, path: string): string => {
    const uuid = /UUID: ([0-9a-f-]{36})/.exec(told)?.[1];
    if (uuid === undefined) throw new LabError(`${calls.label}: VBoxManage did not tell the UUID of ${path}`);
    return uuid;
  };

  const medium: StorageCalls["medium"] = async (kind, ref) => {
    const told = await unlessGone(run("showmediuminfo", kind, ref));
    const found = told === undefined ? undefined : readMedia(told, kind)[0];
    // Of one whose file is gone, VirtualBox tells what its register holds.
    return found && (found.accessible || UUID.test(ref) || (await isThere(ref))) ? found : undefined;
  };

  return {
    addController: async (vm, { name, bus, ports, bootable }) => {
      const [add, controller] = BUSES[bus];
      const argv = ["storagectl", vm, "--name", name, "--add", add, "--controller", controller];
      if (ports !== undefined && !FIXED_PORTS.has(bus)) argv.push("--portcount", `${ports}`);
      if (bootable !== undefined) argv.push("--bootable", bootable ? "on" : "off");
      await run(...argv);
    },
    removeController: async (vm, name) => {
      await unlessGone(run("storagectl", vm, "--name", name, "--remove"));
    },
    attach: async (vm, { controller, port, device = 0 }, { kind, medium: what }) => {
      const at = ["--storagectl", controller, "--port", `${port}`, "--device", `${device}`];
      const type = kind === "dvd" ? "dvddrive" : "hdd";
      await run("storageattach", vm, ...at, "--type", type, "--medium", what);
    },
    detach: async (vm, { controller, port, device = 0 }) => {
      const at = ["--storagectl", controller, "--port", `${port}`, "--device", `${device}`];
      await unlessGone(run("storageattach", vm, ...at, "--medium", "none"));
    },
    media,
    medium,
    createMedium: async ({ path, sizeBytes }) => {
      const bytes = Math.ceil(sizeBytes / MIB) * MIB;
      const argv = ["createmedium", "disk", "--filename", path, "--sizebyte", `${bytes}`, "--format", "VDI"];
      return createdUuid(await inItsPlace(path, () => runLong(argv, {})), path);
    },
    createDifferencing: async ({ path, parent }) => {
      const argv = ["createmedium", "disk", "--filename", path, "--diffparent", parent, "--format", "VDI"];
      return createdUuid(await inItsPlace(path, () => runLong(argv, {})), path);
    },
    cloneMedium: async ({ source, path }, options) => {
      const before = await registered(source);
      const argv = ["clonemedium", "disk", source, path, "--format", "VDI"];
      const told = await inItsPlace(path, () => runLong(argv, options));
      // The look at it has registered it, and nobody asked for that.
      if (!before && !UUID.test(source)) await unlessGone(run("closemedium", "disk", source));
      return createdUuid(told, path);
    },
    convertFromRaw: async ({ source, path }, options) => {
      await forgetStale(path);
      await runLong(["convertfromraw", source, path, "--format", "VDI"], options);
    },
    resizeMedium: async (ref, sizeBytes, options) => {
      const bytes = Math.ceil(sizeBytes / MIB) * MIB;
      const found = await medium("disk", ref);
      if (found && bytes < found.capacityBytes)
        throw new LabError(
          `disk ${found.path} has ${found.capacityBytes / MIB} MiB and cannot be made smaller (${bytes / MIB} MiB): VirtualBox cannot shrink disks`,
        );
      if (found?.capacityBytes === bytes) return;
      await runLong(["modifymedium", "disk", ref, "--resizebyte", `${bytes}`], options);
    },
    moveMedium: async (ref, path, options) => {
      await forgetStale(path);
      await runLong(["modifymedium", "disk", ref, "--move", path], options);
    },
    closeMedium: async (kind, ref, { deleteFile } = {}) => {
      const isPath = !UUID.test(ref);
      if (isPath && !(await isThere(ref))) {
        await forgetStale(ref);
        return;
      }
      const found: MediumFacts | undefined = deleteFile ? undefined : await medium(kind, ref);
      if (!deleteFile && !found) return;
      // An ISO is no medium that VirtualBox would delete in every version: the file is removed by us.
      const flags = deleteFile && kind === "disk" ? ["--delete"] : [];
      await unlessGone(runLong(["closemedium", kind, ref, ...flags], {}));
      if (deleteFile && isPath) await calls.files.remove(ref);
    },
  };
}
