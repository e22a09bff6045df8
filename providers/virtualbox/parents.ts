import type { Calls } from "./calls";
import { VirtualBoxError } from "./errors";
import { readMedia } from "./parse/media";

/** A linked clone is opened only after what it is based on, and its file holds no path but a UUID (measured on 7.2.22). */
const ORPHAN =
  /Parent medium with UUID \{([0-9a-f-]{36})\} of the medium '(.+?)' is not found in the media registry/;

/**
 * Where a call fails because VirtualBox does not know the parent of a linked clone, show it the disks in the clone's
 * folder until it does, and ask again. A machine that someone unregistered takes its disks' entries with it.
 */
export function withParents(calls: Calls): Calls {
  const showParent = async (uuid: string, clone: string): Promise<boolean> => {
    const folder = clone.replace(/[/\\][^/\\]*$/, "");
    const names = await calls.files.list(folder, calls.signal ? { signal: calls.signal } : {});
    let left = names.filter((name) => /\.vdi$/i.test(name)).map((name) => calls.files.join(folder, name));
    // What is a clone itself can be opened only once its own parent was.
    for (let before = left.length + 1; left.length < before; ) {
      before = left.length;
      const orphans: string[] = [];
      for (const path of left) {
        const told = await calls.run("showmediuminfo", "disk", path).catch((error: unknown) => {
          if (!(error instanceof VirtualBoxError)) throw error;
          if (ORPHAN.test(error.message)) orphans.push(path);
          return "";
        });
        if (readMedia(told, "disk")[0]?.uuid === uuid) return true;
      }
      left = orphans;
    }
    return false;
  };

  async function repeated(work: () => Promise<string>): Promise<string> {
    try {
      return await work();
    } catch (error) {
      const [, uuid, clone] = (error instanceof VirtualBoxError && ORPHAN.exec(error.message)) || [];
      if (uuid === undefined || clone === undefined || !(await showParent(uuid, clone))) throw error;
      return work();
    }
  }

  return {
    ...calls,
    run: (...argv) => repeated(() => calls.run(...argv)),
    runLong: (argv, options) => repeated(() => calls.runLong(argv, options)),
  };
}
