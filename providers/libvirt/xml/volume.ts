import type { VolumeInputs } from "../volume";
import { attribute, element, find, render, textOf, type XmlElement } from "./element";

export interface VolumeShape {
  name: string;
  format: VolumeInputs["format"];
  /** Bytes. */
  capacity: number;
  /** Path and format of the image below. */
  backing?: { path: string; format: string };
}

/** A volume that takes no more room than is written to it. With `backing` it is an overlay, made in the same call. */
export function renderVolume({ name, format, capacity, backing }: VolumeShape): string {
  const formatElement = (type: string) => element("format", { type: type === "iso" ? "raw" : type });
  return render(
    element(
      "volume",
      {},
      element("name", {}, name),
      element("capacity", { unit: "bytes" }, capacity),
      element("allocation", { unit: "bytes" }, 0),
      element("target", {}, formatElement(format)),
      backing &&
        element("backingStore", {}, element("path", {}, backing.path), formatElement(backing.format)),
    ),
  );
}

/** What a volume definition says. libvirt calls an ISO image `raw` until the pool is read again, `iso` after. */
export interface VolumeFacts {
  format: string | undefined;
  path: string | undefined;
  backingPath: string | undefined;
}

export const readVolume = (root: XmlElement): VolumeFacts => ({
  format: attribute(find(root, "target", "format"), "type"),
  path: textOf(find(root, "target", "path")),
  backingPath: textOf(find(root, "backingStore", "path")),
});
