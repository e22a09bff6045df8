import { ensureEmbedded } from "../../embedded/start";
import { connectLibvirt } from "../../providers/libvirt/connect";
import type { TestLab } from "./harness";

/** A second look at the embedded lab, past everything that labplan believes. */
export async function embeddedClient(lab: TestLab) {
  const { libvirtSocket } = await ensureEmbedded({ home: lab.embeddedHome });
  return connectLibvirt(`qemu+unix:///system?socket=${libvirtSocket}`);
}
