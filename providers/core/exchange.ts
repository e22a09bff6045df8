import * as http from "node:http";
import * as https from "node:https";

/** What broke a call off: a socket's error, or the end of an answer that was not whole. */
export type Broken = { code?: string; message?: string };

/** One call over HTTP, its answer taken as a whole. */
export interface Exchange {
  url: URL;
  /** Method, agent, TLS; headers besides those of the content. */
  options: https.RequestOptions & { headers: Record<string, string> };
  /** Sent as JSON. */
  body: object | undefined;
  deadlineMs: number;
  signal?: AbortSignal | undefined;
  /** Bytes of the longest answer that is taken. */
  longest: number;
  /** What it fails with. */
  errors: { endless(): Error; late(): Error; broken(error: Broken): Error };
}

export interface ExchangeAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** Codes of a server's certificate that nobody vouches for. */
export const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_ALTNAME_INVALID)/;

/** The answer, whatever it says; fails with one of the errors, or with the signal's reason. */
export function exchange({
  url,
  options,
  body,
  deadlineMs,
  signal,
  longest,
  errors,
}: Exchange): Promise<ExchangeAnswer> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    accept: "application/json",
    ...options.headers,
    ...(content !== undefined && {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(content),
    }),
  };
  const module = url.protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const call = module.request(url, { ...options, headers }, (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on("data", (part: Buffer) => {
        length += part.length;
        if (length > longest) fail(errors.endless());
        else parts.push(part);
      });
      response.on("error", (error) => fail(errors.broken(error)));
      response.on("aborted", () => fail(errors.broken({ code: "its answer broke off" })));
      response.on("end", () => {
        if (!response.complete) return;
        clear();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts).toString("utf8"),
        });
      });
    });
    const clear = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
    const fail = (error: unknown) => {
      clear();
      reject(error);
      call.destroy();
    };
    const stop = () => fail(signal?.reason);
    const timer = setTimeout(() => fail(errors.late()), deadlineMs);
    signal?.addEventListener("abort", stop, { once: true });
    call.on("error", (error) => fail(errors.broken(error)));
    call.end(content);
  });
}
