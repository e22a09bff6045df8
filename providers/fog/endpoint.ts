import { readFileSync } from "node:fs";
import { FogError } from "./errors";

/** Where a FOG server is and who we are there, with the tokens' values: never stored, never shown. */
export interface FogEndpoint {
  /** `http(s)://server/fog` */
  url: string;
  /** Base64, as FOG's web page shows them. */
  apiToken: string;
  userToken: string;
  /** PEM file with the CA of an https server. @default the system's */
  caFile?: string;
}

/** An endpoint that calls can be made to. */
export interface Address {
  /** Without a slash at its end. */
  base: URL;
  /** For messages. */
  label: string;
  headers: Record<string, string>;
  ca?: Buffer;
}

/** Reads an endpoint; refuses what cannot work before anything is sent. */
export function addressOf({ url, apiToken, userToken, caFile }: FogEndpoint): Address {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new FogError(
      "refused",
      "the URL of a FOG server must be like http://fog.example/fog; correct its backend.",
    );
  const base = new URL(url);
  const label = `the FOG server ${base.protocol}//${base.host}`;
  if (base.username || base.password)
    throw new FogError(
      "refused",
      `${label}: its URL holds a login. Take it out: the tokens are what logs in.`,
    );
  base.pathname = base.pathname.replace(/\/+$/, "");
  base.search = "";
  base.hash = "";
  return {
    base,
    label,
    headers: {
      "fog-api-token": tokenOf(label, "apiToken", apiToken),
      "fog-user-token": tokenOf(label, "userToken", userToken),
    },
    ...(caFile !== undefined && { ca: certificateOf(label, caFile) }),
  };
}

/** A file's last line break in a header is another token, and one that was decoded is none (recorded, 1.5.8). */
function tokenOf(label: string, name: "apiToken" | "userToken", given: string): string {
  const token = given.trim();
  if (/^(?=.)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(token)) return token;
  throw new FogError(
    name === "apiToken" ? "forbidden" : "unauthorized",
    `${label}: its ${name} is ${token === "" ? "empty" : "not base64"}. Copy it as FOG's web page shows it, without decoding it.`,
  );
}

function certificateOf(label: string, caFile: string): Buffer {
  try {
    return readFileSync(caFile);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new FogError("refused", `${label}: its CA file ${caFile} cannot be read (${code}).`, {}, { cause });
  }
}
