/** Where a mirror says what its files are: `.treeinfo` of Enterprise Linux trees, `SHA256SUMS` of Debian and Ubuntu. */
export const CHECKSUM_FILES = [".treeinfo", "SHA256SUMS"] as const;

/** Folders to look in, from the file's own upwards: a list names files by their path below it. */
const MOST_LEVELS = 6;

/** Each place to ask, and the name that the file has in there. */
export function checksumPlaces(
  url: string,
): { url: string; name: string; list: (typeof CHECKSUM_FILES)[number] }[] {
  const { origin, pathname } = new URL(url);
  const parts = pathname.split("/").slice(1);
  const places = [];
  for (let up = 1; up <= Math.min(MOST_LEVELS, parts.length); up++) {
    const folder = parts.slice(0, -up).map((part) => `${part}/`);
    const name = decodeURIComponent(parts.slice(-up).join("/"));
    for (const list of CHECKSUM_FILES)
      places.push({ url: `${origin}/${folder.join("")}${list}`, name, list });
  }
  return places;
}

/** `sha256:<hex>` of a file in such a list, else undefined. */
export const checksumIn = (
  list: (typeof CHECKSUM_FILES)[number],
  text: string,
  name: string,
): string | undefined => (list === ".treeinfo" ? fromTreeinfo(text, name) : fromSums(text, name));

/** `[checksums]` and lines `images/pxeboot/vmlinuz = sha256:…`. */
function fromTreeinfo(text: string, name: string): string | undefined {
  let section = "";
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    const head = /^\[(.*)\]$/.exec(line);
    if (head) section = head[1] ?? "";
    const [key, value] = line.split(/\s*=\s*/, 2);
    if (section === "checksums" && key === name && /^sha256:[0-9a-f]{64}$/i.test(value ?? ""))
      return value?.toLowerCase();
  }
  return undefined;
}

/** `<hex>  ./netboot/netboot.tar.gz`; a `*` before the name means binary. */
function fromSums(text: string, name: string): string | undefined {
  for (const line of text.split("\n")) {
    const found = /^([0-9a-f]{64})\s+\*?(?:\.\/)?(.+?)\s*$/i.exec(line);
    if (found?.[2] === name) return `sha256:${found[1]?.toLowerCase()}`;
  }
  return undefined;
}
