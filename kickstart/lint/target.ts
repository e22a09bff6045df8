import type { Findings } from "./finding";
import { hereDocument, type Script } from "./script";

/** Programs that make no sense in an installer: they are meant for the new system. */
const FOR_TARGET =
  /^(apt|apt-get|systemctl|useradd|usermod|adduser|userdel|groupadd|passwd|chpasswd|dpkg|update-grub|update-initramfs|pip3?|service|update-rc\.d|timedatectl|hostnamectl|ufw|snap|dpkg-reconfigure|update-alternatives)\b/;
/** Files of the installer itself that a script may write. */
const OF_INSTALLER =
  /^\/(tmp|dev|run|target|proc|sys|cdrom|var\/(log|run)|usr\/lib\/(finish|base-installer|pre-pkgsel|post-base-installer)[\w.-]*)(\/|$)/;

/** Commands at the end of an installation run in the installer; what is for the new system says so. */
export function lintTarget({ lines, line: start }: Script, findings: Findings): void {
  let hereEnd: string | undefined;
  let goesOn = false;
  lines.forEach((text, index) => {
    const line = start + index;
    if (hereEnd !== undefined) {
      if (text.trim() === hereEnd) hereEnd = undefined;
      return;
    }
    hereEnd = hereDocument(text)?.word;
    if (/^\s*#/.test(text)) return;
    const startsWithin = goesOn;
    goesOn = /[^;&|({\s]\s*\\$/.test(text);
    unquoted(text)
      .split(/;|&&|\|\||\|/)
      .forEach((part, position) => {
        const command = part.trim().replace(/^(if|then|else|do|!|\{|\()\s+/, "");
        const [program] = (startsWithin && position === 0 ? undefined : FOR_TARGET.exec(command)) ?? [];
        if (program)
          findings.error(
            line,
            "not-in-target",
            `${program} runs in the installer here; write in-target ${program} …`,
          );
        const [, path] = />>?\s*(\/[^\s;&|)]*)/.exec(command) ?? [];
        if (path && !OF_INSTALLER.test(path))
          findings.error(
            line,
            "not-in-target",
            `${path} is the installer's own, gone at its end; write /target${path}`,
          );
      });
  });
}

/** Quoted words are arguments: what they hold is run elsewhere. */
const unquoted = (text: string): string => text.replace(/'[^']*'|"(?:[^"\\]|\\.)*"/g, "Q");
