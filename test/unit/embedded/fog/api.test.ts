import { describe, expect, it } from "vitest";
import { asShown, json, squeeze } from "../../../../embedded/fog/answer";
import { routeOf } from "../../../../embedded/fog/api";
import { localTime, macOf } from "../../../../embedded/fog/records";
import { type Tokens, whoIs } from "../../../../embedded/fog/tokens";

describe("routes of the embedded FOG server", () => {
  it.each([
    ["GET", "host", "list"],
    ["GET", "host/", "list"],
    ["GET", "task/active", "active"],
    ["GET", "task/current", "active"],
    ["GET", "host/12", "get"],
    ["PUT", "host/12/edit", "edit"],
    ["PUT", "host/12", "edit"],
    ["POST", "host/create", "create"],
    ["POST", "host/12/task", "task"],
    ["DELETE", "host/12/cancel", "cancel"],
    ["DELETE", "task/cancel", "cancel"],
    ["DELETE", "image/12/delete", "delete"],
    ["GET", "host/search/a/b", "search"],
  ])("%s %s is %s", (method, path, action) => {
    expect(routeOf(method, path)?.action).toBe(action);
  });

  it.each([
    ["GET", "Host"],
    ["GET", "host/active"],
    ["POST", "image/12/task"],
    ["DELETE", "image/12/cancel"],
    ["GET", "constructor"],
    ["PATCH", "host/12"],
  ])("%s %s is none", (method, path) => {
    expect(routeOf(method, path)).toBeUndefined();
  });
});

describe("values as FOG shows them", () => {
  it("are strings to the last scalar in 1.5, and as they are in 1.6", () => {
    const value = { id: 1, list: [2, { deep: 3 }], text: "x", none: null };
    expect(asShown("1.5", value)).toEqual({ id: "1", list: ["2", { deep: "3" }], text: "x", none: null });
    expect(asShown("1.6", value)).toBe(value);
  });

  it("have single spaces, and keep their escaped ends of lines", () => {
    expect(squeeze("a  b \n c")).toBe("a b c");
    expect(JSON.parse(String(json("1.5", { text: "one\n\ntwo   three" }).body))).toEqual({
      text: "one\n\ntwo three",
    });
  });

  it("have the server's own time, without a zone", () => {
    expect(localTime(new Date(2026, 0, 2, 3, 4, 5))).toBe("2026-01-02 03:04:05");
  });

  it("take a MAC in any form, and nothing else", () => {
    expect(macOf("52-54-00-AA-00-01")).toBe("52:54:00:aa:00:01");
    for (const bad of ["", "52:54:00:aa:00", "52:54:00:aa:00:0g", 12, undefined])
      expect(macOf(bad)).toBeUndefined();
  });
});

describe("tokens of the embedded FOG server", () => {
  const of = (text: string) => Buffer.from(text).toString("base64");
  const tokens: Tokens = {
    apiToken: of("api"),
    userToken: of("user"),
    otherToken: of("other"),
    closedToken: of("closed"),
    redfish: { user: "", password: "" },
  };
  const ask = (api?: string, user?: string) =>
    whoIs(tokens, { "fog-api-token": api, "fog-user-token": user } as Record<string, string>);

  it("tell who it is", () => {
    expect(ask(of("api"), of("user"))).toBe("fog");
    expect(ask(of("api"), of("other"))).toBe("technician");
    expect(ask(of(" api \n"), of("user\n"))).toBe("fog");
  });

  it("refuse the server's first, then the user's", () => {
    expect(ask(undefined, of("user"))).toBe(403);
    expect(ask("api", of("user"))).toBe(403);
    expect(ask(of("API"), of("user"))).toBe(403);
    expect(ask(of("api"), undefined)).toBe(401);
    expect(ask(of("api"), of("closed"))).toBe(401);
  });
});
