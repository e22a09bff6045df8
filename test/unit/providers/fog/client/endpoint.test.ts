import { describe, expect, it } from "vitest";
import { addressOf, type FogEndpoint } from "../../../../../providers/fog/endpoint";
import type { FogError } from "../../../../../providers/fog/errors";

const GOOD: FogEndpoint = { url: "http://fog.example/fog", apiToken: "YWJj", userToken: "YWI=" };

function refusal(change: Partial<FogEndpoint>): [string, string] {
  try {
    addressOf({ ...GOOD, ...change });
  } catch (error) {
    return [(error as FogError).reason, (error as FogError).message];
  }
  return ["", "it was not refused"];
}

describe("where a FOG server is", () => {
  it("trap fog#32: the URL may end in a slash, and what is read from files in a line break", () => {
    const { base, headers, label } = addressOf({
      ...GOOD,
      url: "https://fog.example:8443/fog/",
      apiToken: "  YWJj\r\n",
    });
    expect(base.href).toBe("https://fog.example:8443/fog");
    expect(headers).toEqual({ "fog-api-token": "YWJj", "fog-user-token": "YWI=" });
    expect(label).toBe("the FOG server https://fog.example:8443");
  });

  it("trap fog#32: a token that was decoded, or is empty, is refused before anything is sent, and not shown", () => {
    for (const [name, reason] of [
      ["apiToken", "forbidden"],
      ["userToken", "unauthorized"],
    ] as const) {
      for (const token of ["", " \n", "not base64!", "abc", "YWJj YWJj", "YW=j"]) {
        const [why, message] = refusal({ [name]: token });
        expect(why, JSON.stringify(token)).toBe(reason);
        expect(message).toContain(name);
        if (token.trim()) expect(message).not.toContain(token);
      }
    }
  });

  it("what is no address of a web server is refused, and a login in it is not shown", () => {
    for (const url of ["fog.example/fog", "ftp://fog.example/", "", "embedded:"])
      expect(refusal({ url })[0]).toBe("refused");
    const [reason, message] = refusal({ url: "http://fog:hunter2@fog.example/fog" });
    expect([reason, message]).toEqual(["refused", expect.stringContaining("Take it out")]);
    expect(message).not.toContain("hunter2");
  });

  it("a CA file that is not there is named", () => {
    expect(refusal({ caFile: "/nonexistent/ca.pem" })).toEqual([
      "refused",
      expect.stringContaining("/nonexistent/ca.pem cannot be read (ENOENT)"),
    ]);
  });
});
