import { describe, expect, test } from "vitest";
import { parseForward } from "../../../../stacks/config/port-forwards";

describe("a forwarded port in short", () => {
  test.each([
    ["2222:22", { protocol: "tcp", hostPort: 2222, guestPort: 22 }],
    ["0.0.0.0:8080:80", { protocol: "tcp", hostIp: "0.0.0.0", hostPort: 8080, guestPort: 80 }],
    ["5353:53/udp", { protocol: "udp", hostPort: 5353, guestPort: 53 }],
    [" 127.0.0.1:1:65535/tcp ", { protocol: "tcp", hostIp: "127.0.0.1", hostPort: 1, guestPort: 65535 }],
  ])("%s", (text, forward) => {
    expect(parseForward(text)).toEqual(forward);
  });

  test.each([
    ["2222", '"2222" is no forwarded port; write "2222:22" (host:guest)'],
    ["a:22", "is no forwarded port"],
    ["2222:22/sctp", "is no forwarded port"],
    ["256.0.0.1:2222:22", '"256.0.0.1" is no IPv4 address of the host'],
    ["70000:22", "port 70000 does not exist; use 1 to 65535"],
    ["2222:0", "port 0 does not exist"],
  ])("%s is refused", (text, message) => {
    expect(() => parseForward(text)).toThrow(message);
  });
});
