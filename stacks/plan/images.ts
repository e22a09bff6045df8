import type { ImageConfig } from "../config/types";
import type { Context } from "./context";
import { own, sortedKeys } from "./stable";

/** As given, else by the end of the name; a cloud image's `.img` is a qcow2. */
export function imageFormat({ format, url, path }: ImageConfig): "qcow2" | "raw" | "iso" {
  if (format) return format;
  const name = (url === undefined ? (path ?? "") : url.replace(/[?#].*$/, "")).toLowerCase();
  if (name.endsWith(".iso")) return "iso";
  return name.endsWith(".raw") ? "raw" : "qcow2";
}

/** A url is an input of its volume, so it must hold no login. */
export function checkImages({ config, problems }: Context): void {
  for (const name of sortedKeys(config.images)) {
    const url = own(config.images, name)?.url;
    if (url === undefined || !URL.canParse(url)) continue;
    const { username, password } = new URL(url);
    if (username || password)
      problems.add(
        ["images", name, "url"],
        "the url holds a login, which would be kept in state in clear. Take it out; fetch the image first and give its `path`.",
      );
  }
}
