import { COMMANDS } from "./commands";
import { Refusal, SyntaxRefusal } from "./errors";
import type { Session } from "./session";
import type { VirtualBox } from "./store/virtualbox";
import { BANNER, REVISION, VERSION } from "./version";

/** What a command gets. */
export interface Call {
  virtualBox: VirtualBox;
  session: Session;
  /** Words behind the command. */
  args: string[];
}

export type Command = (call: Call) => void | Promise<void>;

/** Carry one command line out; what it says goes to the session. Gives the exit code. */
export async function runCommand(
  virtualBox: VirtualBox,
  session: Session,
  argv: readonly string[],
): Promise<number> {
  const [name = "", ...args] = argv;
  if (["--version", "-v", "-V"].includes(name)) {
    session.out(`${VERSION}r${REVISION}`);
    return 0;
  }
  virtualBox.called();
  try {
    const command = COMMANDS[name];
    if (!command) throw new SyntaxRefusal(`Invalid command '${name}'`, "", 2, true);
    // Without any word a command explains itself.
    if (args.length === 0) {
      session.out(...usageOf(name));
      return 1;
    }
    await command({ virtualBox, session, args });
    return 0;
  } catch (error) {
    return tell(session, error);
  }
}

function tell(session: Session, error: unknown): number {
  if (error instanceof Refusal) {
    if (error.atProgress !== undefined) session.brokenProgress(error.atProgress);
    for (const line of error.lines) {
      if (error.plain) session.out(line);
      else session.error(line);
    }
    return error.exit;
  }
  if (error instanceof SyntaxRefusal) {
    session.err(...BANNER);
    session.error(error.text);
    session.err(...(error.tight ? [] : [""]), ...usageOf(error.command));
    if (error.twice) session.error(error.text);
    return error.exit;
  }
  // A fault of ours, or of the file system: told as VirtualBox tells what it did not foresee.
  const text = error instanceof Error ? error.message : String(error);
  session.error(text);
  session.error(
    "Details: code NS_ERROR_FAILURE (0x80004005), component VirtualBoxWrap, interface IVirtualBox",
  );
  return 1;
}

/** Only that there is a usage: its text is VirtualBox's own. */
const usageOf = (command: string): string[] => [
  `Usage - VBoxManage ${command}:`,
  "",
  `  See the VirtualBox manual, VBoxManage ${command}`.trimEnd(),
];
