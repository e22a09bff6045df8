import { type InstallFacts, type KickstartVariables, kickstartVariables } from "../../../kickstart/variables";
import type { InstallConfig } from "../../../stacks/config/types";

export const KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1hT0m5Nn0hVb2cQ6wq1jYlq3mCkVx9r8sWzTgYp4Zd ann@desk";

/** The distributions that there are templates for. */
export const DISTRIBUTIONS = [
  { family: "centos-stream", release: "9", mirror: "https://mirror.example/centos-stream" },
  { family: "centos-stream", release: "10", mirror: "https://mirror.example/centos-stream" },
  { family: "rocky", release: "9", mirror: "https://mirror.example/rocky" },
  { family: "rocky", release: "10", mirror: "https://mirror.example/rocky" },
  { family: "alma", release: "9", mirror: "https://mirror.example/almalinux" },
  { family: "alma", release: "10", mirror: "https://mirror.example/almalinux" },
  { family: "debian", release: "12", mirror: "https://mirror.example/debian" },
  { family: "debian", release: "13", mirror: "https://mirror.example/debian" },
  { family: "ubuntu", release: "22.04", mirror: "https://mirror.example/ubuntu" },
  { family: "ubuntu", release: "24.04", mirror: "https://mirror.example/ubuntu" },
] as const satisfies Pick<InstallConfig, "family" | "release" | "mirror">[];

export const title = ({ family, release }: { family: string; release: string }) => `${family} ${release}`;

/** Everything by default. */
export const variablesOf = (
  install: Partial<InstallConfig> = {},
  facts: Partial<InstallFacts> = {},
): KickstartVariables =>
  kickstartVariables(
    {
      backend: "desk",
      family: "alma",
      release: "9",
      mirror: "https://mirror.example/almalinux",
      ...install,
    },
    { name: "base", purpose: "image", disk: "sda", nics: [{ mac: "08:00:27:aa:bb:01" }], ...facts },
  );
