import { LabError } from "../../core/errors";
import type { Flavor, Image, Network } from "../api";
import type { VerifyInputs } from "../types";

export type BootInputs = Exclude<VerifyInputs["boot"], false>;

export interface Choice {
  image: Image;
  flavor: Flavor;
  network: Network;
}

const named = <T extends { id: string; name: string }>(all: readonly T[], word: string): T | undefined =>
  all.find(({ id }) => id === word) ?? all.find(({ name }) => name === word);

const list = (all: readonly { name: string }[]): string =>
  all.length === 0 ? "there is none" : `there is ${all.map(({ name }) => name).join(", ")}`;

/** Kernels and ramdisks are images as well, and boot nothing. */
const PARTS = ["aki", "ari"];

/** What the test servers are made of: as said, else devstack's own smallest things. */
export function chooseParts(
  boot: BootInputs,
  { images, flavors, networks }: { images: Image[]; flavors: Flavor[]; networks: Network[] },
): Choice {
  const image = chooseImage(boot.image, images);
  return {
    image,
    flavor: chooseFlavor(boot.flavor, flavors, image),
    network: chooseNetwork(boot.network, networks),
  };
}

function chooseImage(word: string | undefined, images: Image[]): Image {
  const whole = images.filter(({ format }) => !PARTS.includes(format));
  if (word !== undefined) {
    const found = named(whole, word);
    if (!found) throw new LabError(`there is no image "${word}" (${list(whole)})`);
    return found;
  }
  // devstack gets one by default (IMAGE_URLS in its stackrc).
  const [newest] = whole
    .filter(({ name }) => name.startsWith("cirros"))
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  if (!newest)
    throw new LabError(`no image's name begins with "cirros" (${list(whole)}); say which in "verify.image"`);
  return newest;
}

function chooseFlavor(word: string | undefined, flavors: Flavor[], image: Image): Flavor {
  if (word !== undefined) {
    const found = named(flavors, word);
    if (!found) throw new LabError(`there is no flavor "${word}" (${list(flavors)})`);
    return found;
  }
  const size = ({ ramMiB, vcpus, diskGiB }: Flavor) => [ramMiB, vcpus, diskGiB] as const;
  const [smallest] = flavors
    .filter(({ ramMiB }) => ramMiB >= image.minRamMiB)
    // A disk of 0 is as large as the image.
    .filter(({ diskGiB }) => diskGiB === 0 || diskGiB >= image.minDiskGiB)
    .sort((a, b) => {
      const [left, right] = [size(a), size(b)];
      return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
    });
  if (!smallest) throw new LabError(`no flavor is large enough for image "${image.name}" (${list(flavors)})`);
  return smallest;
}

function chooseNetwork(word: string | undefined, networks: Network[]): Network {
  if (word !== undefined) {
    const found = named(networks, word);
    if (!found) throw new LabError(`there is no network "${word}" (${list(networks)})`);
    return found;
  }
  const inner = networks.filter(({ isExternal, hasSubnet }) => !isExternal && hasSubnet);
  // devstack makes one of this name (PRIVATE_NETWORK_NAME in lib/neutron_plugins/services/l3).
  const found = inner.find(({ name }) => name === "private") ?? inner[0];
  if (!found)
    throw new LabError(
      `no network inside of the cloud has a subnet (${list(networks)}); say which in "verify.network"`,
    );
  return found;
}
