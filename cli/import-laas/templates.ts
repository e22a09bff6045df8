import type { CarriedFile } from "../import/command";
import { textOf } from "../import/fields";
import type { Notes } from "../import/notes";
import type { LaasFile, LaasIo } from "./folder";

/** The Jinja template that a domains or networks file names, carried into the project's `templates/`. */
export function templateOf(file: LaasFile, dir: string, io: LaasIo, notes: Notes): CarriedFile | undefined {
  const written = textOf(file.fields["jinja-template"]);
  if (written === undefined) return undefined;
  const name = written.split("/").at(-1) ?? written;
  const text = firstOf([`${dir}/${name}`, `${dir}/templates/${name}`, `${dir}/${written}`, written], io);
  const where = `${file.name}: jinja-template ${written}`;
  if (text === undefined) {
    notes.add(where, "the template is not there; labplan's own is used");
    return undefined;
  }
  notes.add(where, "carried over as it stands; its variables are labplan's now, see docs/config.md");
  return { path: `templates/${name}`, text };
}

function firstOf(paths: string[], io: LaasIo): string | undefined {
  for (const path of paths) {
    try {
      return io.readFile(path);
    } catch {
      // Not there; the next place.
    }
  }
  return undefined;
}
