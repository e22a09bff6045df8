/** The VirtualBox whose answers were recorded, and that this one speaks as. */
export const VERSION = "7.2.22_Debian";
export const REVISION = "175245";
/** As in the head of its files. */
export const BUILD = `${VERSION} (r${REVISION})`;
export const BANNER = [
  `Oracle VirtualBox Command Line Management Interface Version ${VERSION}`,
  "Copyright (C) 2005-2026 Oracle and/or its affiliates",
  "",
];
