/** A file of the installer, fetched once and kept by its checksum. */
export interface InstallerFile {
  source: { url: string } | { path: string };
  /** `sha256:<hex>`; for a url without one, the mirror's own `.treeinfo` or `SHA256SUMS` is asked. */
  checksum?: string;
}

/** An image that is installed by a network boot on a machine of its own, which is gone afterwards. */
export interface BuildInputs {
  /** Logical name of the image. */
  name: string;
  backend: string;
  family: "centos-stream" | "rocky" | "alma" | "debian" | "ubuntu";
  release: string;
  installer: "kickstart" | "preseed" | "autoinstall";
  /** The rendered file. May hold `{{boot:url}}`, `{{boot:token}}` and `{{secret:name}}`, filled in when it is served. */
  text: string;
  kernel: InstallerFile;
  initrd: InstallerFile;
  /** Kernel command line; may hold `{{boot:config}}`, the URL of the rendered file. */
  cmdline: string;
  /** Of the builder's first card: what the boot server serves by. */
  mac: string;
  server: BootServerInputs;
  /** The machine that it is built on, as inputs of its own kind. Its disk is the image. */
  builder: { kind: "libvirt:Domain" | "virtualbox:Machine"; inputs: Record<string, unknown> };
  /** The disk that becomes the image, as planned for its own resource: blank again before each build. */
  disk: { kind: "libvirt:Volume" | "virtualbox:Medium"; inputs: Record<string, unknown> };
  /** How the builder finds its boot file. */
  via: "ipxe" | "virtualbox-tftp";
  generation: number;
  timeoutS: number;
}

export interface BuildState extends BuildInputs {
  /** True once its `installed` event came and the builder switched itself off. */
  installed: boolean;
  /** ISO 8601. */
  installedAt?: string;
  /** sha256 of the text that was installed, secrets not filled in. `text` is that one, too, and not a later edit. */
  installedText?: string;
}

/** Where machines find the boot server, and where it listens. */
export interface BootServerInputs {
  /** `http://10.20.0.1:8069`, as machines see it. */
  url: string;
  /** Address to bind; the same host's. */
  bind: string;
  httpPort: number;
  /** 0 for none. */
  tftpPort: number;
}
