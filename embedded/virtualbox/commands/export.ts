import * as fs from "node:fs";
import * as path from "node:path";
import { context, FROM, failedOperation, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { optionOf, parseOptions } from "../options";

const FIND = context("FindMachine(Bstr(strMachine).raw(), machine.asOutParam())", 1793, "Appliance");
const WRITE = context("RTEXITCODE handleExportAppliance(HandlerArg*)", 2031, "Appliance");

/** An appliance in name: an archive of a description that says which machines it would hold, and no disks. */
export function exportAppliance({ virtualBox, session, args }: Call): void {
  const parsed = parseOptions(
    args,
    [
      { names: ["--output", "-o"] },
      ...["--ovf09", "--ovf10", "--ovf20", "--legacy09", "--manifest", "--iso"].map((name) => ({
        names: [name],
        value: "none" as const,
      })),
      { names: ["--options"] },
      { names: ["--vsys"] },
      { names: ["--description"] },
    ],
    { command: "export" },
  );
  const output = optionOf(parsed, "--output");
  if (output === undefined) throw new SyntaxRefusal("Missing --output", "export");
  const vms = parsed.words.map((name) => virtualBox.find(name, FIND));
  const file = path.resolve(session.cwd, output);
  const text = `<?xml version="1.0"?>\n<Envelope>\n${vms.map((vm) => `  <VirtualSystem id="${vm.uuid}"/>\n`).join("")}</Envelope>\n`;
  try {
    fs.writeFileSync(file, archive(`${path.basename(file, path.extname(file))}.ovf`, text), {
      flag: "wx",
      mode: 0o600,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === "EEXIST"
        ? "VERR_ALREADY_EXISTS"
        : code === "EACCES"
          ? "VERR_ACCESS_DENIED"
          : "VERR_PATH_NOT_FOUND";
    throw failedOperation(
      "Appliance write failed",
      `Failed to open '${file}' for writing (${reason})`,
      "VBOX_E_IPRT_ERROR",
      FROM.appliance,
      WRITE,
    );
  }
  session.progress();
  session.out(`Successfully exported ${vms.length} machine(s).`);
}

/** A tar of one file: a head, the text in blocks of 512 bytes, and the end that pads it to a record. */
function archive(name: string, text: string): Buffer {
  const content = Buffer.from(text);
  const tar = Buffer.alloc(
    Math.ceil((1536 + Math.ceil(content.length / 512) * 512) / RECORD_BYTES) * RECORD_BYTES,
  );
  tar.write(name.slice(0, 99), 0);
  tar.write("0000640\u00000000000\u00000000000\u0000", 100);
  tar.write(`${content.length.toString(8).padStart(11, "0")}\u000000000000000\u0000        0`, 124);
  tar.write("ustar\u000000", 257);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148);
  content.copy(tar, 512);
  return tar;
}

const RECORD_BYTES = 10_240;
