import type { ImageConfig } from "../config/types";
import type { Context } from "./context";
import { badLogicalName } from "./names";
import { own, sortedKeys } from "./stable";

/** As given, else by the end of the name; a cloud image's `.img` is a qcow2. */
export function imageFormat({ format, url, path }: ImageConfig): "qcow2" | "raw" | "iso" {
  if (format) return format;
  const name = (url === undefined ? (path ?? "") : url.replace(/[?#].*$/, "")).toLowerCase();
  if (name.endsWith(".iso")) return "iso";
  return name.endsWith(".raw") ? "raw" : "qcow2";
}

const DIGESTS: Record<string, number> = { sha256: 64, sha512: 128 };

export function checkImages({ config, problems }: Context): void {
  for (const name of sortedKeys(config.images)) {
    const image = own(config.images, name);
    if (!image) continue;
    const path = ["images", name];
    const bad = badLogicalName(name);
    if (bad) problems.add(path, `image "${name}": ${bad}. Rename it.`);
    if ((image.url === undefined) === (image.path === undefined))
      problems.add(path, `image "${name}": give exactly one of \`url\` and \`path\`.`);
    if (image.url !== undefined) checkUrl(problems, name, image.url);
    if (image.url !== undefined && image.checksum === undefined)
      problems.add(
        [...path, "url"],
        `image "${name}": an image from the network needs its \`checksum\`. Add "sha256:<64 hexadecimal digits>" from its publisher.`,
      );
    if (image.checksum !== undefined) {
      const [algorithm = "", digest = ""] = image.checksum.split(":");
      const length = own(DIGESTS, algorithm);
      if (length === undefined || digest.length !== length || !/^[0-9a-fA-F]+$/.test(digest))
        problems.add(
          [...path, "checksum"],
          `image "${name}": the checksum is neither "sha256:" with 64 nor "sha512:" with 128 hexadecimal digits${length === undefined ? "" : ` (it has ${digest.length} characters)`}. Copy it whole.`,
        );
    }
  }
}

function checkUrl(problems: Context["problems"], name: string, text: string): void {
  const path = ["images", name, "url"];
  if (!URL.canParse(text)) {
    problems.add(path, `image "${name}": the url is none. Write it like https://example.org/image.qcow2.`);
    return;
  }
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    problems.add(
      path,
      `image "${name}": a url of kind ${url.protocol} is not fetched. Use http or https, or \`path\`.`,
    );
  if (url.username || url.password)
    problems.add(
      path,
      `image "${name}": the url holds a login, which would be kept in state in clear. Take it out.`,
    );
}
