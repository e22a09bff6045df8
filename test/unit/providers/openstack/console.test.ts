import { expect, test } from "vitest";
import { hostKeyIn } from "../../../../providers/openstack/console";

const ED = `ssh-ed25519 ${"A".repeat(68)}`;
const RSA = `ssh-rsa ${"B".repeat(300)}`;
const block = (...keys: string[]) =>
  `-----BEGIN SSH HOST KEY KEYS-----\r\n${keys.join("\r\n")}\r\n-----END SSH HOST KEY KEYS-----\r\n`;

test("the best host key of the block that cloud-init prints", () => {
  expect(hostKeyIn(`[  1.0] Linux\r\n${block(`${RSA} root@n1`, `${ED} root@n1`)}login:`)).toBe(ED);
  expect(hostKeyIn(block(`<14>Nov 21 cloud-init: ${ED} root@n1`))).toBe(ED);
});

test("of the last boot, where the log holds several", () => {
  const former = ED.replace("AAAA", "CCCC");
  expect(hostKeyIn(block(former) + block(ED))).toBe(ED);
});

test("none while it is being printed, and none of a log that shows a fingerprint alone", () => {
  expect(hostKeyIn("FAKE CONSOLE OUTPUT")).toBeUndefined();
  expect(hostKeyIn(`-----BEGIN SSH HOST KEY KEYS-----\n${ED}`)).toBeUndefined();
  expect(hostKeyIn(block("ssh-ed25519 SHA256:abc"))).toBeUndefined();
});
