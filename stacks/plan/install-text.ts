import { commandLine } from "../../kickstart/cmdline";
import { lint, lintCommandLine } from "../../kickstart/lint";
import { renderKickstart } from "../../kickstart/render";
import { installerSources } from "../../kickstart/sources";
import { kickstartVariables } from "../../kickstart/variables";
import type { BuildInputs, InstallerFile } from "../../providers/boot/build";
import type { InstallConfig } from "../config/types";
import type { Context } from "./context";
import { hasLogin } from "./images";

/** The installer and what it is told. */
export type InstallText = Pick<BuildInputs, "installer" | "text" | "kernel" | "initrd" | "cmdline">;

/** The rendered kickstart, preseed or autoinstall, after its lint; undefined after a problem. */
export function planInstallText(
  context: Context,
  image: string,
  install: InstallConfig,
  builder: { mac: string; disk: string },
): InstallText | undefined {
  const { problems, notes } = context;
  const path = ["images", image, "install"];
  // Told where images are checked, and once is enough.
  if (hasLogin(install.mirror)) return undefined;
  const before = problems.found.length;
  const variables = kickstartVariables(install, {
    name: image,
    purpose: "image",
    nics: [{ mac: builder.mac }],
    disk: builder.disk,
  });
  const isOwn = install.template !== undefined;
  const file = install.templateFile ?? "template";
  /** A line of one's own template is told as such; one of ours comes from the config's values. */
  const add = (line: number, message: string) =>
    isOwn && line > 0
      ? problems.add([...path, "template"], `${file}:${line}: ${message}`)
      : problems.add(path, message);

  const rendered = renderKickstart(variables, install.template);
  for (const { line, message } of rendered.problems) add(line, sentence(message));
  if (rendered.problems.length === 0) {
    const { installer, text, templateLine } = rendered;
    for (const { line, severity, rule, message } of lint(installer, text, {
      release: variables.release,
      purpose: "image",
    })) {
      const at = templateLine?.(line) ?? line;
      if (severity === "error") add(at, `${sentence(message)} (${rule})`);
      else notes.push(`image "${image}": ${isOwn ? `${file}:${at}: ` : ""}${message} (${rule})`);
    }
  }
  const kernel = installerFile(context, install, "kernel", path);
  const initrd = installerFile(context, install, "initrd", path);
  if (problems.found.length > before || !kernel || !initrd) return undefined;
  const cmdline = commandLine(variables);
  for (const { severity, message } of lintCommandLine(rendered.installer, cmdline))
    if (severity === "error") problems.add(path, `kernel command line: ${sentence(message)}`);
  return { installer: rendered.installer, text: rendered.text, kernel, initrd, cmdline };
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** As given, else where the family's mirrors have it. */
function installerFile(
  { problems }: Context,
  { family, release, mirror, ...install }: InstallConfig,
  which: "kernel" | "initrd",
  path: string[],
): InstallerFile | undefined {
  const given = install[which] ?? {};
  const checksum = given.checksum === undefined ? {} : { checksum: given.checksum.toLowerCase() };
  if (given.path !== undefined) return { source: { path: given.path }, ...checksum };
  if (given.url !== undefined) {
    if (given.checksum === undefined)
      problems.add(
        [...path, which, "url"],
        `a url needs a checksum; get one with "curl -L ${given.url} | sha256sum".`,
      );
    return { source: { url: given.url }, ...checksum };
  }
  const url = installerSources(family, release.replace(/-stream$/, ""), mirror)?.[which];
  return url === undefined ? undefined : { source: { url }, ...checksum };
}
