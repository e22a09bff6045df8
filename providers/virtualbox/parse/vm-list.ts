import type { VmRef } from "../facts";

/** Name and UUID of `"name" {uuid}`; names hold quotes and braces and are not escaped, so it is read from the right. */
const LINE = /^"(.*)" \{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}$/s;

/** Reads `list vms`. A machine whose settings file is gone has the name `<inaccessible>`. */
export function readVmList(text: string): VmRef[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const inaccessible = /^<inaccessible> \{([0-9a-f-]{36})\}$/.exec(line);
    if (inaccessible) return [{ name: "<inaccessible>", uuid: inaccessible[1] ?? "" }];
    const [, name, uuid] = LINE.exec(line) ?? [];
    return name !== undefined && uuid !== undefined ? [{ name, uuid }] : [];
  });
}
