import { describe, expect, it, test } from "vitest";
import { PythonSyntaxError, readAssignments } from "../../../../cli/import-booted/python";

const read = (source: string, name = "x") => readAssignments(source).get(name)?.value;

describe("Python literals, read and never run", () => {
  test.each([
    ["x = {'a': ['b', \"c\"], 'd': {}}", { a: ["b", "c"], d: {} }],
    ["x = ('a', 1, -2.5, True, None,)", ["a", 1, -2.5, true, null]],
    ["x = ('a')", "a"],
    ["x = ('a',)", ["a"]],
    ["x = {'a', 'b'}", ["a", "b"]],
    ["x = 'a' \"b\"\ny = 1", "ab"],
    ["x = u'é\\n\\'q\\''", "é\n'q'"],
    ["x = r'\\d'", "\\d"],
    ['x = """a\nb"""', "a\nb"],
    ["x = {1: 'one'}", { 1: "one" }],
    ["x = {'a': 1, 'a': 2}", { a: 2 }],
    ["x = [ # a comment with ] in it\n  'a', # and\n\n  'b']", ["a", "b"]],
    ["x = {\n\t'a': 1,\n\t}", { a: 1 }],
    ["x = 1_000", 1000],
  ])("%s", (source, value) => {
    expect(read(source)).toEqual(value);
  });

  it("passes over everything else in the file", () => {
    const source =
      '"""x = 1"""\nimport os\ny = os.environ["X"]\nif y == 1:\n    x = [2]\nx = [3]\ndef f(x=[4]):\n  pass\n';
    expect([...readAssignments(source)]).toEqual([["x", { value: [3], line: 6 }]]);
  });

  test.each([
    ["x = {'a': os.system('rm -rf /')}", 1, /"os" is no literal/],
    ["x = [\n  'a',\n  __import__('os')]", 3, /no literal/],
    ["x = {'a': 1", 1, /ends within a value/],
    ["x = ['a' 1]", 1, /a comma or "]" is missing/],
    ["x = {['a']: 1}", 1, /a key must be/],
    [`x = ${"[".repeat(100)}`, 1, /nested too deep/],
    ["x = ['a' + 'b']", 1, /missing/],
    ["x = [f'a']", 1, /no literal/],
  ])("refuses %s", (source, line, message) => {
    expect(() => readAssignments(source)).toThrow(message);
    try {
      readAssignments(source);
    } catch (error) {
      expect(error).toBeInstanceOf(PythonSyntaxError);
      expect((error as PythonSyntaxError).line).toBe(line);
    }
  });

  it("does not let a key reach the prototype", () => {
    const value = read("x = {'__proto__': {'a': 1}}") as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });
});
