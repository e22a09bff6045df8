import { lint } from "../../kickstart/lint";
import { renderKickstart } from "../../kickstart/render";
import { kickstartVariables } from "../../kickstart/variables";
import type { CarriedFile, ImportedLab } from "../import/command";
import { type Fields, given } from "../import/fields";
import { Notes } from "../import/notes";
import { stackText } from "../import/stack-text";
import { noteElsewhere, openPortsOf } from "./elsewhere";
import { type BootedImage, imagesOf } from "./environments";
import { type BootedFile, type BootedFolder, type BootedIo, readFolder } from "./folder";
import { type ConvertedKickstart, convertKickstart } from "./kickstart-template";
import { readVboxScript, type VboxSettings } from "./vbox-script";

const BACKEND = "desk";
/** Nobody chose a mirror yet. */
const MIRROR = "https://mirror.example/centos-stream";

/** Turns a checkout of booted into a stack's config. `lab` is the new lab's random id. Nothing of it is run. */
export function importBooted(dir: string, io: BootedIo, lab?: string): ImportedLab {
  const folder = readFolder(dir, io);
  const notes = new Notes();
  if (!folder.environments && !folder.script && folder.kickstarts.length === 0)
    throw new Error(
      `${dir} is no checkout of booted: it has neither fabric/environments.py nor fabric/vbox.sh nor kickstart/*.cfg`,
    );
  const settings = readVboxScript(folder.script?.text ?? "");
  const kickstart = kickstartOf(folder, notes);
  const image = kickstart && imageNameOf(kickstart.path);
  const files: CarriedFile[] = [];
  const images: Fields = {};
  if (kickstart && image) {
    const converted = convertKickstart(kickstart, notes);
    const template = { path: `templates/${image}.ks.j2`, text: converted.template };
    files.push(template);
    images[image] = { install: installOf(converted, template.path, settings, folder, notes) };
    noteRest(image, converted, settings, folder, notes);
  }
  const machines = folder.environments ? imagesOf(folder.environments, notes) : [];
  noteSettings(folder, settings, notes);
  noteElsewhere(folder, notes);
  const sections: Fields = {
    lab,
    backends: { [BACKEND]: { kind: "virtualbox" } },
    images,
    machines: Object.fromEntries(
      machines.map((machine) => [machine.logical, machineOf(machine, image, settings)]),
    ),
  };
  return {
    yaml: stackText(sections, "Imported from booted."),
    notes: notes.list(),
    files,
  };
}

/** The kickstart that pxelinux names, or the first. */
function kickstartOf({ kickstarts, pxe }: BootedFolder, notes: Notes): BootedFile | undefined {
  const named = /\bks=\S*\/([^/\s]+)/.exec(pxe?.text ?? "")?.[1];
  const chosen = kickstarts.find(({ path }) => path.endsWith(`/${named}`)) ?? kickstarts[0];
  for (const { path } of kickstarts)
    if (path !== chosen?.path)
      notes.add(path, "one kickstart makes the image; this one is not the one that pxelinux named");
  if (!chosen)
    notes.add("kickstart/", "no kickstart in it; labplan's own template would be used. No image is declared");
  return chosen;
}

/** `kickstart/centos-ks.cfg` → `centos`. */
const imageNameOf = (path: string): string =>
  path
    .replace(/^.*\//, "")
    .replace(/\.(cfg|ks)$/, "")
    .replace(/[-_]?ks$/, "")
    .replace(/[^A-Za-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "") || "base";

function installOf(
  converted: ConvertedKickstart,
  template: string,
  settings: VboxSettings,
  { script, deploy }: BootedFolder,
  notes: Notes,
): Fields {
  notes.add(
    `${script?.path ?? "CentOS 6"}${settings.iso ? `: ${settings.iso}` : ""}`,
    `CentOS 6 gets no fixes since 2020: CentOS Stream 9 is installed. ${MIRROR} stands for a mirror of yours: write its URL there. Rocky and Alma 9 do as well: family and mirror`,
  );
  notes.add(
    "sshKeys",
    "write your public key on the image and the machines: no password is left to log in with",
  );
  const openPorts = openPortsOf(deploy?.text ?? "");
  return given({
    backend: BACKEND,
    family: "centos-stream",
    release: "9",
    mirror: MIRROR,
    size: settings.diskMiB ? `${settings.diskMiB} MiB` : undefined,
    timezone: converted.timezone,
    language: converted.language,
    keyboard: converted.keyboard,
    openPorts: openPorts.length > 0 ? openPorts : undefined,
    template,
  });
}

/** What the lint still says of the converted kickstart: it is the user's to look at. */
function noteRest(
  image: string,
  converted: ConvertedKickstart,
  settings: VboxSettings,
  folder: BootedFolder,
  notes: Notes,
): void {
  const config = { ...installOf(converted, "", settings, folder, new Notes()), backend: BACKEND } as Fields;
  const variables = kickstartVariables(
    { backend: BACKEND, family: "centos-stream", release: "9", mirror: MIRROR, ...pick(config) },
    { name: image, purpose: "image", disk: "sda", nics: [{ mac: "08:00:27:00:00:01" }] },
  );
  const { text, problems } = renderKickstart(variables, converted.template);
  for (const { line, message } of problems)
    notes.add(`templates/${image}.ks.j2: line ${line}`, `to be looked at: ${message}`);
  if (problems.length > 0) return;
  const source = text.split("\n");
  for (const { line, message } of lint("kickstart", text, { release: "9" }))
    notes.add(
      `templates/${image}.ks.j2: ${(source[line - 1] ?? "").trim().slice(0, 60)}`,
      `to be looked at: ${message}`,
    );
}

const pick = ({ timezone, language, keyboard }: Fields): Record<string, string> =>
  given({ timezone, language, keyboard }) as Record<string, string>;

function machineOf(
  { name, logical }: BootedImage,
  image: string | undefined,
  settings: VboxSettings,
): Fields {
  const hostName = logical
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return given({
    backend: BACKEND,
    hostName: hostName === logical ? undefined : hostName,
    ...(name === logical ? {} : { name }),
    cpus: settings.cpus,
    memory: settings.memoryMiB ? `${settings.memoryMiB} MiB` : undefined,
    image,
    disk: `${settings.diskMiB ?? 20480} MiB`,
    networks: nicsOf(settings),
    wait: image === undefined ? "none" : "boot",
  });
}

/** The cards of vbox.sh; each gets a MAC of its own from its machine's name. */
function nicsOf({ nics }: VboxSettings): Fields[] {
  const cards = [...nics].sort(([a], [b]) => a - b).map(([, nic]) => nic);
  const made = cards.flatMap(({ type, adapter }): Fields[] => {
    if (type === "bridged") return [{ bridge: adapter ?? "eth0" }];
    if (type === "none" || type === "null") return [];
    const isPlain = ["nat", "intnet", "hostonly", "natnetwork", "generic"].includes(type);
    return [given({ type: isPlain ? type : "nat", attachment: type === "nat" ? undefined : adapter })];
  });
  return made.length > 0 ? made : [{ type: "nat" }];
}

function noteSettings({ script, environments }: BootedFolder, settings: VboxSettings, notes: Notes): void {
  if (environments)
    notes.add(
      "clones of the image",
      "booted built every image by itself, since its clones kept MACs and so addresses, and had no host name. Here each machine is a clone with MACs, a host name, a machine id and host keys of its own",
    );
  if (!script) return;
  const at = (what: string) => `${script.path}: ${what}`;
  for (const [place, { type, adapter }] of settings.nics)
    if (type === "bridged")
      notes.add(
        at(`--bridgeadapter${place} ${adapter ?? ""}`.trim()),
        "a network card of the host; write the name of yours in each machine's networks",
      );
  if (settings.others.some((option) => option.startsWith("nattftp")))
    notes.add(
      at("--nattftpfile1"),
      "TFTP on VirtualBox's NAT must be switched on nowadays; labplan does, while it builds the image",
    );
  if (settings.others.some((option) => option.startsWith("vrde")))
    notes.add(at("--vrdeauthtype"), "an open screen; none is opened");
  if (settings.boot.length > 0)
    notes.add(
      at(`--boot1 ${settings.boot[0]}`),
      "the builder boots from the network, and the machines from their disks",
    );
  if (settings.iso)
    notes.add(at("the ISO in the IDE drive"), "the installer comes from the network; no ISO is needed");
  if ((settings.memoryMiB ?? 2048) < 2048)
    notes.add(
      at(`--memory ${settings.memoryMiB}`),
      "kept for the machines; the installer of release 9 needs 2 GiB, and the image is built with 3 GiB",
    );
}
