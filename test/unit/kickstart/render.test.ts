import { describe, expect, it, test } from "vitest";
import { renderKickstart } from "../../../kickstart/render";
import { KEY, variablesOf } from "./fixtures";

const given = variablesOf({ sshKeys: [KEY], packages: ["git", "vim"], variables: { rack: 7 } });
const rendered = (template: string, variables = given) => renderKickstart(variables, template);
const textOf = (template: string) => {
  const { text, problems } = rendered(template);
  expect(problems).toEqual([]);
  return text;
};

describe("the user's own template", () => {
  it("gets the variables, and its own", () => {
    expect(
      textOf(
        "{% for p in packages %}\n{{ p }}\n{% endfor %}\n# rack {{ variables.rack }}, {{ nics[0].mac }}",
      ),
    ).toBe("git\nvim\n# rack 7, 08:00:27:aa:bb:01");
  });

  it("may be no template at all", () => {
    const plain = "text\nrootpw --lock\n%post\necho $(( 1 + 1 )) %{http_code} $x\n%end\n";
    expect(textOf(plain)).toBe(plain);
  });

  it("keeps the placeholders, with blanks or without", () => {
    expect(
      textOf("{{boot:url}} {{ boot:token }} {{secret:a.b}} {{ boot.url }} {{env:X}} {{file:/etc/x}}"),
    ).toBe("{{boot:url}} {{boot:token}} {{secret:a.b}} {{boot:url}} {{env:X}} {{file:/etc/x}}");
  });

  test("trap kickstart-pxe#50: a shell's length of a name, ${ and #, is no comment", () => {
    const length = "$".concat("{#name}");
    const lines = `if [ ${length} -gt 3 ]; then\nx\nfi\n`;
    expect(textOf(`${lines}{# gone #}`)).toBe(lines);
  });

  it("names each variable that there is not, with its line", () => {
    const { text, problems } = rendered("text\nlang {{ langage }}\n{% if webserver %}\n{% endif %}");
    expect(text).toBe("");
    expect(problems).toEqual([
      {
        line: 2,
        message: expect.stringMatching(
          /^the template uses "langage", which it is not given\. It has: .*language/,
        ),
      },
      { line: 3, message: expect.stringContaining('"webserver"') },
    ]);
  });

  it("prints nothing that has no value: its line is told", () => {
    expect(rendered("text\n\nrootpw {{ rootPassword }}").problems).toEqual([
      { line: 3, message: expect.stringMatching(/\{\{ rootPassword \}\} in line 3 has no value/) },
    ]);
    expect(rendered("{{ variables.missing }}").problems).toMatchObject([{ line: 1 }]);
  });

  it("is told when it cannot be read, or asks for a filter that there is not", () => {
    expect(rendered("text\n{% if user %}\nx").problems).toMatchObject([
      { message: expect.stringMatching(/cannot be read/) },
    ]);
    expect(rendered("text\n{{ user | rot13 }}").problems).toMatchObject([
      { message: expect.stringMatching(/rot13/) },
    ]);
  });

  it("reads no other file", () => {
    expect(rendered("{% include '/etc/passwd' %}").problems).toHaveLength(1);
  });

  it("tells which of its lines made a line of the text", () => {
    const template =
      "text\n{% for p in packages %}\n# one\n{{ p }}\n{% endfor %}\n\n{# no #}\n  {% if user %}last{% endif %}\n";
    const { text, templateLine } = rendered(template);
    expect(text.split("\n")).toEqual(["text", "# one", "git", "# one", "vim", "", "", "last"]);
    expect([1, 2, 3, 4, 5, 8].map((line) => templateLine?.(line))).toEqual([1, 3, 4, 3, 4, 8]);
  });

  it("tells lines behind a tag over several of them", () => {
    const { text, templateLine } = rendered('a\n{% set\n  x = "y"\n%}\n{{ x }}\n{#\n no\n#}b\n');
    expect(text.split("\n")).toEqual(["a", "y", "b", ""]);
    expect([1, 2].map((line) => templateLine?.(line))).toEqual([1, 5]);
  });

  it("tells no lines where marks would change the text", () => {
    expect(rendered("{% filter length %}\nabc\n{% endfilter %}").templateLine).toBeUndefined();
  });

  it("quotes a word for the shell", () => {
    expect(textOf("{{ \"it's\" | sh }} {{ 'a/b' | sh }} {{ packages | yaml }}")).toBe(
      `'it'\\''s' a/b ["git","vim"]`,
    );
  });
});

describe("values that would write lines of their own, or are none", () => {
  test.each([
    ["a line end in the user", { user: "ann\nrootpw x" }, /user .* cannot be used/],
    ["an unknown time zone's shape", { timezone: "Europe/Ber lin" }, /timezone/],
    ["a plain root password", { rootPassword: "hunter2" as never }, /rootPassword/],
    ["a key with a quote", { sshKeys: [`${KEY}" --x`] }, /quote/],
    ["a private key", { sshKeys: ["-----BEGIN OPENSSH PRIVATE KEY-----"] }, /private key/],
    [
      "a command that ends the section",
      { commands: ["true\n%end\nrootpw x"] },
      /commands\[0\]: a line that begins with %end/,
    ],
    ["a command that ends our text", { commands: ["LABPLAN"] }, /commands\[0\]/],
    ["a package with options", { packages: ["--x y"] }, /no package's name/],
    ["a port out of range", { openPorts: [70000] }, /70000 is no port/],
    ["a time server with a space", { timeServers: ["a b"] }, /time server/],
    ["a mirror that is no URL", { mirror: "repo" }, /mirror/],
    [
      "a release without a template",
      { release: "6" },
      /alma 6 is not known here; there are templates for 9 and 10/,
    ],
  ])("%s", (_, change, message) => {
    const { problems, text } = renderKickstart({ ...given, ...change });
    expect(text).toBe("");
    expect(problems.map((problem) => problem.message).join("\n")).toMatch(message);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  it("cards without a MAC, address or prefix", () => {
    const nics = [
      { mac: "x", dhcp: true, nameservers: [] },
      { mac: "08:00:27:aa:bb:02", dhcp: false, ip: "999.1.1.1", nameservers: ["1.2.3"] },
    ];
    expect(renderKickstart({ ...given, nics }).problems).toHaveLength(4);
    expect(renderKickstart({ ...given, nics: [] }).problems).toHaveLength(1);
  });
});
