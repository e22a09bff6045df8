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

/** A url is an input of its volume, and a mirror stands in the installer's file: they must hold no login. */
export function checkImages({ config, problems }: Context): void {
  for (const name of sortedKeys(config.images)) {
    const { url, install } = own(config.images, name) ?? {};
    const refuse = (path: string[], advice: string) =>
      problems.add(
        ["images", name, ...path],
        `the url holds a login, which would be kept in state in clear. Take it out; ${advice}.`,
      );
    if (hasLogin(url)) refuse(["url"], "fetch the image first and give its `path`");
    if (hasLogin(install?.mirror))
      refuse(["install", "mirror"], "an installer needs a mirror that everybody on its network can read");
    for (const field of ["kernel", "initrd"] as const)
      if (hasLogin(install?.[field]?.url))
        refuse(["install", field, "url"], "fetch the file first and give its `path`");
  }
}

export function hasLogin(url: string | undefined): boolean {
  if (url === undefined || !URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}
