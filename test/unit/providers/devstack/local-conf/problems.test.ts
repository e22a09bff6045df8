import { describe, expect, it } from "vitest";
import { type LocalConfInput, mergeLocalConf } from "../../../../../providers/devstack/local-conf/merge";
import type { DevstackSettings } from "../../../../../stacks/config/types";

const compute = { source: "devstack.roles.compute", path: ["devstack", "roles", "compute"] };

const of = (settings: DevstackSettings): LocalConfInput => ({ layers: [{ ...compute, ...settings }] });
const localrc = (name: string, value: string) => of({ localrc: { [name]: value } });
const file = (name: string) => of({ conf: { "post-config": { [name]: { DEFAULT: { a: "b" } } } } });
const option = (name: string, value = "v", section = "DEFAULT") =>
  of({ conf: { "post-config": { $NOVA_CONF: { [section]: { [name]: value } } } } });

/** `path: message` of each. */
const said = (findings: { path: readonly (string | number)[]; message: string }[]) =>
  findings.map(({ path, message }) => `${path.join(".")}: ${message}`);
const problems = (input: LocalConfInput) => said(mergeLocalConf(input).problems);
const notes = (input: LocalConfInput) => said(mergeLocalConf(input).notes);

describe("variables that no shell takes", () => {
  it.each([
    ["1ST", "is no name of a shell variable"],
    ["IMAGE_URLS+", "is no name of a shell variable"],
    ['PROJECT_VENV["glance"]', "is no name of a shell variable"],
    ["A B", "is no name of a shell variable"],
    ["", "is no name of a shell variable"],
    ["UID", "bash lets nobody set UID"],
    ["ENABLED_SERVICES", 'ENABLED_SERVICES is made of "services"'],
  ])("refuses %j", (name, why) => {
    expect(problems(localrc(name, "x"))).toEqual([expect.stringContaining(why)]);
    expect(mergeLocalConf(localrc(name, "x")).problems[0]?.path).toEqual([...compute.path, "localrc", name]);
  });

  it("refuses a ring, and names the way round", () => {
    expect(problems(of({ localrc: { A: "$B/x", B: "$C", C: "1$A", D: "$A" } }))).toEqual([
      "devstack.roles.compute.localrc.A: the variable needs itself: A uses B uses C uses A",
    ]);
    expect(problems(localrc("A", "$A:x"))).toEqual([
      "devstack.roles.compute.localrc.A: the variable needs itself: A uses A",
    ]);
  });

  it("lets a variable add to the value that devstack has before localrc", () => {
    expect(problems(localrc("PATH", "$PATH:/opt/bin"))).toEqual([]);
  });

  it("refuses a variable that devstack sets only after localrc", () => {
    expect(problems(localrc("LISTEN", "$HOST_IP"))).toEqual([
      "devstack.roles.compute.localrc.LISTEN: uses $HOST_IP, which devstack sets only after localrc was read: " +
        "it would be empty. Set HOST_IP in localrc too",
    ]);
  });

  it("notes what looks like shell and stays text", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    expect(notes(localrc("A", "$FOO ${DEST:-/opt} $(id)"))).toEqual([
      expect.stringContaining('"$FOO" stands as text: neither'),
      expect.stringContaining('"${DEST:" stands as text: no command'),
      expect.stringContaining('"$(" stands as text: no command'),
    ]);
  });
});

describe("services", () => {
  it("refuses a slip of the keyboard where no plugin could bring such a service", () => {
    expect(problems(of({ services: { "n-cpuu": true } }))).toEqual([
      'devstack.roles.compute.services.n-cpuu: devstack itself has no service "n-cpuu". Did you mean "n-cpu"?',
    ]);
  });

  it("notes it where a plugin could", () => {
    const input = { ...of({ services: { "n-cpuu": true } }), plugins: { x: { url: "https://a" } } };
    expect(problems(input)).toEqual([]);
    expect(notes(input)).toEqual([
      expect.stringContaining('a plugin must bring it, or did you mean "n-cpu"'),
    ]);
  });

  it("notes a service that it has never heard of", () => {
    expect(problems(of({ services: { "ceilometer-acompute": true } }))).toEqual([]);
    expect(notes(of({ services: { "ceilometer-acompute": true } }))).toEqual([
      expect.stringContaining('no service "ceilometer-acompute"'),
    ]);
  });

  it("trap openstack#23: tells of a service that is gone since", () => {
    expect(notes(of({ services: { "n-net": true, "n-cell-child": true } }))).toEqual([
      expect.stringContaining("nova-network was removed"),
      expect.stringContaining("cells v1 was removed"),
    ]);
  });

  it("says how ENABLED_SERVICES' minus is written here", () => {
    expect(problems(of({ services: { "-horizon": true } }))).toEqual([
      'devstack.roles.compute.services.-horizon: write "horizon: false" for a service that is off',
    ]);
    expect(problems(of({ services: { "a b": true } }))).toEqual([
      expect.stringContaining("is no name of a service"),
    ]);
  });
});

describe("plugins", () => {
  const url = "https://a";
  it("refuses an `after` of none that the layout has, with a suggestion", () => {
    expect(
      problems({ layers: [], plugins: { octavia: { url, after: ["barbikan"] }, barbican: { url } } }),
    ).toEqual(['devstack.plugins.octavia.after.0: no plugin "barbikan". Did you mean "barbican"?']);
    expect(
      problems({ layers: [], plugins: { octavia: { url, after: ["x"] } }, allPlugins: ["octavia", "heat"] }),
    ).toEqual(['devstack.plugins.octavia.after.0: no plugin "x". Plugins: heat']);
  });

  it("refuses a ring, and names the way round", () => {
    expect(
      problems({
        layers: [],
        plugins: { a: { url, after: ["b"] }, b: { url, after: ["c"] }, c: { url, after: ["b"] } },
      }),
    ).toEqual(["devstack.plugins.b.after: the plugin needs itself: b after c after b"]);
  });

  it("refuses a secret in its URL, and a name that is no folder's", () => {
    expect(problems({ layers: [], plugins: { a: { url: "https://{{secret:token}}@a" } } })).toEqual([
      "devstack.plugins.a: a secret in it would stand in devstack's logs",
    ]);
    expect(problems({ layers: [], plugins: { "a/b": { url } } })).toEqual([
      expect.stringContaining("is no name of a plugin"),
    ]);
  });
});

describe("settings of files that devstack's reader would lose", () => {
  it.each([
    ["/etc/a]].conf", `drops "[" and "]"`],
    ["/etc/a b.conf", "at a blank"],
    ["/etc/a|b.conf", `at "|"`],
    ["/etc/a;reboot", "evaluate the name"],
    ["/etc/*.conf", "evaluate the name"],
    ["$(id)", "evaluate the name"],
    ["etc/a.conf", "no absolute path"],
    ["$Q_PLUGIN_CONF_FILE", `Did you mean "/$Q_PLUGIN_CONF_FILE"?`],
  ])("refuses the file %j", (name, why) => {
    expect(problems(file(name))).toEqual([expect.stringContaining(why)]);
    expect(mergeLocalConf(file(name)).problems[0]?.path).toEqual([
      ...compute.path,
      "conf",
      "post-config",
      name,
    ]);
  });

  it("refuses a variable for a file that is nearly one of devstack's, as the files after it would be skipped", () => {
    expect(problems(file("$NOVA_CNF"))).toEqual([
      expect.stringContaining('no variable "NOVA_CNF". Did you mean "NOVA_CONF"?'),
    ]);
    expect(problems(file("$MANILA_CONF_X"))).toEqual([]);
    expect(notes(file("$MANILA_CONF_X"))).toEqual([expect.stringContaining('no variable "MANILA_CONF_X"')]);
  });

  it.each([
    ["post-cnofig", `Did you mean "post-config"?`],
    ["install", "devstack reads no settings in it any more"],
    ["local", `variables of localrc stand under "localrc"`],
  ])("refuses the phase %j", (phase, why) => {
    expect(problems(of({ conf: { [phase]: { $NOVA_CONF: { DEFAULT: { a: 1 } } } } }))).toEqual([
      expect.stringContaining(why),
    ]);
  });

  it.each([
    ["a=b", `the first "=" of a line ends the name`],
    ["#a", "cannot be the name of an option"],
    ["[a", "cannot be the name of an option"],
    [" a", "cannot be the name of an option"],
    ["a b", "cannot be the name of an option"],
    ["$a", "cannot be the name of an option"],
    ["", "cannot be the name of an option"],
  ])("refuses the option %j", (name, why) => {
    expect(problems(option(name))).toEqual([expect.stringContaining(why)]);
  });

  it.each(["a b", "a]b", "[a", "", "a;b", "$a"])("refuses the section %j", (section) => {
    expect(problems(option("a", "v", section))).toEqual([
      expect.stringContaining("cannot be the name of a section"),
    ]);
  });

  it.each([
    ["a\nb", "line break"],
    ["a\rb", "line break"],
    ["a\u0001b", "control character"],
    [" a", "strips blanks"],
    ["a\t", "strips blanks"],
  ])("refuses the value %j", (value, why) => {
    expect(problems(option("a", value))).toEqual([expect.stringContaining(why)]);
  });

  it("refuses one layer that sets an option of a file twice, by two spellings", () => {
    const conf = (first: number, second: number) =>
      of({
        conf: {
          "post-config": {
            "/etc/nova/nova.conf": { DEFAULT: { workers: first } },
            $NOVA_CONF: { DEFAULT: { workers: second } },
          },
        },
      });
    expect(problems(conf(1, 2))).toEqual([
      'devstack.roles.compute.conf.post-config.$NOVA_CONF.DEFAULT.workers: "/etc/nova/nova.conf" is the same file, and sets it otherwise',
    ]);
    expect(problems(conf(1, 1))).toEqual([]);
  });

  it("refuses a NUL byte anywhere", () => {
    expect(problems(localrc("A", "a\0b"))).toEqual([expect.stringContaining("NUL")]);
    expect(problems(option("a", "a\0b"))).toEqual([expect.stringContaining("control character")]);
  });

  it("says all that is wrong at once", () => {
    expect(
      problems(of({ localrc: { "A-B": 1, C: "$C" }, services: { "n-apii": true }, conf: { x: {} } })),
    ).toHaveLength(4);
  });
});
