import { describe, expect, it } from "vitest";
import { readReport } from "../../../../kickstart/server/report";

const TOKEN = "0123456789abcdef0123456789abcdef";
const KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), Buffer.alloc(32, 7)]).toString("base64")}`;
const BOOT_ID = "8f2ad1c1-2b9f-4c3d-9d55-0f4ae3a7a001";
const FORM = "application/x-www-form-urlencoded";

const form = (fields: Record<string, string>) => Buffer.from(new URLSearchParams(fields).toString());

describe("what a machine says of itself", () => {
  it("is read from a form and from JSON, however the names are written", () => {
    const wanted = { macs: ["08:00:27:aa:bb:01"], hostName: "w1.lab", bootId: BOOT_ID, sshHostKey: KEY };
    const fields = { mac: "08-00-27-AA-BB-01", host: "w1.lab", bootId: BOOT_ID, hostKey: `${KEY} root@w1` };
    expect(readReport(form(fields), FORM, TOKEN)).toEqual(wanted);
    expect(readReport(form(fields), undefined, TOKEN)).toEqual(wanted);
    expect(readReport(Buffer.from(JSON.stringify(fields)), "application/json; charset=utf-8", TOKEN)).toEqual(
      wanted,
    );
    const others = { mac: "080027aabb01", hostname: "w1.lab", boot_id: `${BOOT_ID}\n`, hostkey: KEY };
    expect(readReport(form(others), FORM, TOKEN)).toEqual(wanted);
  });

  it("names all its cards", () => {
    expect(readReport(form({ mac: "08:00:27:aa:bb:01 08:00:27:aa:bb:02,junk" }), FORM, TOKEN).macs).toEqual([
      "08:00:27:aa:bb:01",
      "08:00:27:aa:bb:02",
    ]);
  });

  it("is a log when it is no form of ours: what curl --data-binary sends", () => {
    const log = "dracut: no disk & no hope=100%\nlast line\n";
    expect(readReport(Buffer.from(log), FORM, TOKEN)).toEqual({ macs: [], detail: log });
    expect(readReport(Buffer.from(log), "text/plain", TOKEN)).toEqual({ macs: [], detail: log });
    expect(readReport(Buffer.from("{not json"), "application/json", TOKEN)).toEqual({
      macs: [],
      detail: "{not json",
    });
    expect(readReport(Buffer.alloc(0), undefined, TOKEN)).toEqual({ macs: [] });
  });

  it("never keeps the token that an installer's log has in its URLs", () => {
    const { detail } = readReport(form({ detail: `fetching http://a/config/${TOKEN}/ks.cfg` }), FORM, TOKEN);
    expect(detail).toBe("fetching http://a/config/***/ks.cfg");
  });

  it("keeps the end of a long log, and nothing that a terminal would obey", () => {
    const { detail = "" } = readReport(
      form({ detail: `${"x".repeat(40_000)}\u001b[2J\u0007 the reason` }),
      FORM,
      TOKEN,
    );
    expect(detail).toHaveLength(16 << 10);
    expect(detail.endsWith("x�[2J� the reason")).toBe(true);
  });

  it.each([
    ["a cut one", KEY.slice(0, 40)],
    ["one that says another type", KEY.replace("ssh-ed25519", "ssh-rsa")],
    ["two lines", "AAAA\nssh-ed25519"],
    ["an option", 'command="rm -rf /" ssh-ed25519 AAAA'],
  ])("takes no ssh host key that is none: %s", (_, hostKey) => {
    const report = readReport(form({ hostKey }), FORM, TOKEN);
    expect(report.sshHostKey).toBeUndefined();
    expect(report.detail).toContain("its ssh host key cannot be used");
  });

  it.each(["w1; reboot", "-w1", "w1\u001b[2J", "a".repeat(300)])("takes %j for no host name", (host) => {
    const report = readReport(form({ host }), FORM, TOKEN);
    expect(report).toEqual({ macs: [], detail: "its host name is none" });
  });

  it("does not take names of objects for fields", () => {
    expect(
      readReport(
        Buffer.from('{"__proto__": {"mac": "x"}, "constructor": "y", "mac": 7}'),
        "application/json",
        TOKEN,
      ),
    ).toEqual({ macs: [], detail: '{"__proto__": {"mac": "x"}, "constructor": "y", "mac": 7}' });
  });
});
