import type { PoolInputs } from "../pool";
import { element, find, render, textOf, type XmlElement } from "./element";

/** A pool over one folder. No permissions: building a pool would force them on a folder that exists already. */
export const renderPool = ({ name, uuid, path }: PoolInputs): string =>
  render(
    element(
      "pool",
      { type: "dir" },
      element("name", {}, name),
      element("uuid", {}, uuid),
      element("target", {}, element("path", {}, path)),
    ),
  );

export const readPoolPath = (root: XmlElement): string | undefined => textOf(find(root, "target", "path"));
