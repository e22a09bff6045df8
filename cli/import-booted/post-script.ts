import type { KickstartSection } from "../../kickstart/lint/kickstart-file";

/** Packages of Python 2 that have another name now. */
const PYTHON2 = /\bpython-([a-z0-9]+)\b/g;

/** What a %post of CentOS 6 did, without its phone-home. */
export function convertPost(section: KickstartSection, note: (what: string, why: string) => void): string[] {
  return section.body.flatMap((raw) => {
    const line = raw.trimEnd();
    if (/rc\.local\b/.test(line)) {
      note(
        shown(line),
        "rc.local is gone, and anybody could call: machines call home by a unit, with a token of their own",
      );
      return [];
    }
    if (/\b(curl|wget)\b.*\/booted\b/.test(line)) {
      note(
        shown(line),
        "this ran in the installer, and told of a boot that was still to come: labplan_report installed is in its place",
      );
      return [];
    }
    if (/\bpasswd\b|\bchpasswd\b/.test(line)) {
      note("a line of %post that sets a password", "not carried over: no password is kept in a kickstart");
      return [];
    }
    const modern = line.replace(/\byum\b/g, "dnf").replace(PYTHON2, "python3-$1");
    if (modern !== line) note(shown(line), `Enterprise Linux 9 says: ${shown(modern)}`);
    return modern === "" ? [] : [modern];
  });
}

const shown = (line: string): string => line.trim().replace(/\s+/g, " ").slice(0, 90);
