import type { Address } from "./endpoint";
import { FogError } from "./errors";
import type { Answer, Request } from "./http";

/** What a call was answered, as JSON; undefined for an empty body. Every other answer is thrown as what it means. */
export function jsonOf(answer: Answer, request: Request, address: Address): unknown {
  const { status, body } = answer;
  if (status < 200 || status > 299) throw failureOf(answer, request, address);
  if (body.trim() === "") return undefined;
  try {
    return JSON.parse(body);
  } catch {
    // The parser's own message quotes the body.
    throw new FogError(
      "protocol",
      `${whoOf(request, address)}: answered with ${kindOf(answer)} where JSON was due. Does the URL lead to FOG itself, and not to a page in front of it?`,
      { status },
    );
  }
}

const whoOf = ({ method, path }: Request, { label }: Address): string =>
  `${label}: ${method} ${path.replace(/\?.*$/, "")}`;

const kindOf = ({ contentType }: Answer): string => contentType.split(";")[0]?.trim() || "something";

/** Recorded on 1.5.8: what each status means depends on whether FOG itself gave it, and with which body. */
function failureOf(answer: Answer, request: Request, address: Address): FogError {
  const { status } = answer;
  const { label } = address;
  const who = whoOf(request, address);
  const said = wordsOf(answer, address);
  const quoted = said ? `: "${said}"` : "";
  if (status >= 300 && status < 400) return redirected(answer, address);
  switch (status) {
    case 401:
      return new FogError(
        "unauthorized",
        `${label} refuses the user token, or the API is off for that user. Check "userToken" of the backend and "User API Enabled" on the user's page.`,
        { status },
      );
    case 403:
      return new FogError(
        "forbidden",
        `${label} refuses the API token. Check "apiToken" of the backend against FOG Settings, API System, as shown there.`,
        { status },
      );
    case 404:
      return isOfFog(answer)
        ? new FogError("not-found", `${who}: no such object${quoted}.`, { status, said })
        : new FogError(
            "protocol",
            `${label}: there is no FOG below ${address.base.pathname || "/"}. The URL usually ends in /fog.`,
            { status },
          );
    case 409:
      return new FogError("conflict", `${who}: refused${quoted}.`, { status, said });
  }
  if (said) {
    const reason = /already (created|a member)/i.test(said) ? "conflict" : "refused";
    return new FogError(reason, `${who}: refused${quoted}.`, { status, said });
  }
  if (status === 501)
    return new FogError("protocol", `${who}: this server does not know the call.`, { status });
  if (status >= 500)
    return new FogError("server", `${who}: failed in the server (${status}, without a reason).`, {
      status,
      passing: status === 502 || status === 503 || status === 504,
    });
  return new FogError("refused", `${who}: refused (${status}, without a reason).`, { status });
}

/** FOG's own 404 has an empty body or JSON; a web server's has a page. */
const isOfFog = ({ body, contentType }: Answer): boolean =>
  body.trim() === "" || /json/i.test(contentType) || /^\s*[{[]/.test(body);

function redirected({ status, location }: Answer, { base, label }: Address): FogError {
  if (/\/management\//.test(location))
    return new FogError(
      "disabled",
      `${label}: its API is switched off. Switch on "API Enabled" in FOG Settings, API System.`,
      { status },
    );
  const to = URL.canParse(location, base.href) ? new URL(location, base.href) : undefined;
  const where = to ? `${to.protocol}//${to.host}` : "another place";
  return new FogError(
    "protocol",
    `${label} sends us on to ${where}. Redirects are not followed, because they would get the tokens: if that is the server, make it the URL of the backend.`,
    { status },
  );
}

const LONGEST = 200;

/** The text of a JSON `error`, and of nothing else: one line, without our tokens. */
function wordsOf({ body }: Answer, { headers }: Address): string {
  let words = "";
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    if (typeof error === "string") words = error;
  } catch {
    return "";
  }
  for (const token of Object.values(headers)) words = words.replaceAll(token, "…");
  return words.replace(/\s+/g, " ").trim().slice(0, LONGEST);
}
