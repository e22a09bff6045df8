import * as fs from "node:fs";
import * as path from "node:path";
import { context, FROM, failedOperation, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { optionOf, parseOptions } from "../options";

const FIND = context("FindMachine(Bstr(strMachine).raw(), machine.asOutParam())", 1793, "Appliance");
const WRITE = context("RTEXITCODE handleExportAppliance(HandlerArg*)", 2031, "Appliance");

/** An appliance in name: an archive that says which machines it would hold. */
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
    fs.writeFileSync(file, text, { flag: "wx", mode: 0o600 });
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
