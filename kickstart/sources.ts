import type { Family } from "./variables";

/** Where an installer's files lie at a mirror. */
export interface InstallerSources {
  kernel: string;
  initrd: string;
  /** File at the mirror that holds the checksums of both, and how it names them. */
  checksums: { url: string; kind: "treeinfo" | "sha256sums"; kernel: string; initrd: string };
  /** What the installer goes on with: repository, or ISO. */
  root: string;
}

/** Debian's suites by release. */
const SUITES: Record<string, string> = { "11": "bullseye", "12": "bookworm", "13": "trixie" };

/** The last ISO of each Ubuntu release, as far as known here; `release: "24.04.4"` names another. */
const ISO_RELEASES: Record<string, string> = { "22.04": "22.04.5", "24.04": "24.04.3" };

/** Releases that the templates are made for. */
export const RELEASES: Record<Family, readonly string[]> = {
  "centos-stream": ["9", "10"],
  rocky: ["9", "10"],
  alma: ["9", "10"],
  debian: ["12", "13"],
  ubuntu: ["22.04", "24.04"],
};

/** `9.4` → `9`, `24.04.3` → `24.04`: the release that a template is for. */
export const majorRelease = (family: Family, release: string): string =>
  release
    .split(".")
    .slice(0, family === "ubuntu" ? 2 : 1)
    .join(".");

const trimmed = (mirror: string): string => mirror.replace(/\/+$/, "");

/** BaseOS and AppStream of an Enterprise Linux, by the layout of its own mirrors. */
export function elRepositories(
  family: Family,
  release: string,
  mirror: string,
): { baseos: string; appstream: string } {
  const version = family === "centos-stream" ? `${majorRelease(family, release)}-stream` : release;
  const at = (repository: string) => `${trimmed(mirror)}/${version}/${repository}/x86_64/os`;
  return { baseos: at("BaseOS"), appstream: at("AppStream") };
}

/** A Debian mirror as its installer wants it: in pieces. */
export function debianMirror(mirror: string): { protocol: string; host: string; directory: string } {
  const url = new URL(trimmed(mirror));
  return { protocol: url.protocol.replace(":", ""), host: url.host, directory: url.pathname };
}

/** Kernel, initrd and what they go on with; undefined for a release whose place is not known. */
export function installerSources(
  family: Family,
  release: string,
  mirror: string,
): InstallerSources | undefined {
  const major = majorRelease(family, release);
  const base = trimmed(mirror);
  if (family === "debian") {
    const suite = SUITES[major];
    if (!suite) return undefined;
    const images = `${base}/dists/${suite}/main/installer-amd64/current/images`;
    const inside = "netboot/debian-installer/amd64";
    return {
      kernel: `${images}/${inside}/linux`,
      initrd: `${images}/${inside}/initrd.gz`,
      checksums: {
        url: `${images}/SHA256SUMS`,
        kind: "sha256sums",
        kernel: `./${inside}/linux`,
        initrd: `./${inside}/initrd.gz`,
      },
      root: base,
    };
  }
  if (family === "ubuntu") {
    const iso = release.split(".").length > 2 ? release : ISO_RELEASES[major];
    if (!iso) return undefined;
    const folder = `${base}/${major}`;
    return {
      kernel: `${folder}/netboot/amd64/linux`,
      initrd: `${folder}/netboot/amd64/initrd`,
      checksums: {
        url: `${folder}/SHA256SUMS`,
        kind: "sha256sums",
        kernel: "netboot/amd64/linux",
        initrd: "netboot/amd64/initrd",
      },
      root: `${folder}/ubuntu-${iso}-live-server-amd64.iso`,
    };
  }
  const { baseos } = elRepositories(family, release, mirror);
  return {
    kernel: `${baseos}/images/pxeboot/vmlinuz`,
    initrd: `${baseos}/images/pxeboot/initrd.img`,
    checksums: {
      url: `${baseos}/.treeinfo`,
      kind: "treeinfo",
      kernel: "images/pxeboot/vmlinuz",
      initrd: "images/pxeboot/initrd.img",
    },
    root: baseos,
  };
}
