const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** `10 GiB`, `281.4 MiB`, as people write sizes in the config. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[power]}`;
}
