import { CODE, FROM, refuse } from "../errors";
import { text, type XmlElement } from "./tree";

const FACTORS: Record<string, bigint> = { b: 1n, bytes: 1n, byte: 1n };
for (const [index, letter] of [..."KMGTPE"].entries()) {
  const power = BigInt(index + 1);
  FACTORS[letter.toLowerCase()] = 1024n ** power;
  FACTORS[`${letter}iB`.toLowerCase()] = 1024n ** power;
  FACTORS[`${letter}B`.toLowerCase()] = 1000n ** power;
}

/** Bytes of an element such as `<memory unit='MiB'>64</memory>`. */
export function bytesOf(of: XmlElement, defaultUnit: "bytes" | "KiB"): bigint {
  const unit = of.attributes.unit ?? defaultUnit;
  const factor = FACTORS[unit.toLowerCase()];
  if (factor === undefined) throw refuse(CODE.invalidArgument, FROM.none, `unknown suffix '${unit}'`);
  const digits = text(of);
  if (!/^\d+$/.test(digits)) {
    throw refuse(CODE.xml, FROM.domain, `malformed ${of.name} value '${digits}'`);
  }
  return BigInt(digits) * factor;
}

/** Whole KiB, rounded up as libvirt does. */
export const kibOf = (of: XmlElement): number => Number((bytesOf(of, "KiB") + 1023n) / 1024n);
