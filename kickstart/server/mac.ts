/** A MAC address as it is kept everywhere here: lower case with colons. */
export const isMac = (text: unknown): text is string =>
  typeof text === "string" && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text);

/** `08-00-27-aa-bb-01`: iPXE's `hexhyp`, and pxelinux' way to ask for a machine's own file. */
export const macWithDashes = (mac: string): string => mac.replaceAll(":", "-");

/** From any common way to write one: case, colons, dashes, dots or nothing. Undefined when it is none. */
export function parseMac(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^([0-9a-f]{2}([:-]?)([0-9a-f]{2}\2){4}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4})$/i.test(trimmed))
    return undefined;
  const digits = trimmed.replace(/[^0-9a-f]/gi, "").toLowerCase();
  return digits.match(/../g)?.join(":");
}
