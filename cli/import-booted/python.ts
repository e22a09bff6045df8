/** Python's literals as ours: tuples and sets are lists. */
export type PythonValue = string | number | boolean | null | PythonValue[] | { [key: string]: PythonValue };

/** A literal that cannot be read, with its line. */
export class PythonSyntaxError extends Error {
  override readonly name = "PythonSyntaxError";
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

interface Token {
  kind: "name" | "text" | "number" | "sign";
  value: string;
  line: number;
  /** Column; 0 begins a statement. */
  column: number;
}

const TOKEN =
  /(?<space>[ \t\f]+|\\\n)|(?<comment>#[^\n]*)|(?<newline>\r?\n)|(?<text>[uUbBrR]{0,2}(?:'''[\s\S]*?'''|"""[\s\S]*?"""|'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"))|(?<number>\d[\d_]*(?:\.\d+)?)|(?<name>[A-Za-z_]\w*)|(?<sign>[\s\S])/y;

/**
 * The top-level assignments of a Python file whose values are literals: read, never run. Everything else in the file
 * is passed over; a name or a call in a value makes that value unreadable.
 */
export function readAssignments(source: string): Map<string, { value: PythonValue; line: number }> {
  const tokens = tokensOf(source);
  const found = new Map<string, { value: PythonValue; line: number }>();
  for (let i = 0; i < tokens.length; i++) {
    const [name, equals, after] = tokens.slice(i, i + 3);
    if (name?.kind !== "name" || name.column !== 0 || equals?.value !== "=" || after?.value === "=") continue;
    // A value that is no literal is somebody's code, and nothing of ours; one that begins like a dict or list is meant.
    const begins = after?.kind === "text" || after?.kind === "number" || "{[(".includes(after?.value ?? "?");
    if (!begins) continue;
    const reader = new LiteralReader(tokens, i + 2);
    found.set(name.value, { value: reader.value(), line: name.line });
    i = reader.at - 1;
  }
  return found;
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let lineStart = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match?.groups; match = TOKEN.exec(source)) {
    const [text] = match;
    const kind = (["text", "number", "name", "sign"] as const).find(
      (name) => match?.groups?.[name] !== undefined,
    );
    if (kind) tokens.push({ kind, value: text, line, column: match.index - lineStart });
    const ends = text.split("\n").length - 1;
    if (ends > 0) {
      line += ends;
      lineStart = match.index + text.lastIndexOf("\n") + 1;
    }
    if (TOKEN.lastIndex >= source.length) break;
  }
  return tokens;
}

const CLOSES: Record<string, string> = { "{": "}", "[": "]", "(": ")" };
const DEEPEST = 50;

class LiteralReader {
  at: number;
  readonly #tokens: readonly Token[];
  #depth = 0;

  constructor(tokens: readonly Token[], at: number) {
    this.#tokens = tokens;
    this.at = at;
  }

  value(): PythonValue {
    const token = this.#next();
    if (token.kind === "text") return this.#texts(token);
    if (token.kind === "number") return Number(token.value.replaceAll("_", ""));
    if (token.value === "-") return -Number(this.value());
    if (token.value in CLOSES) return this.#collection(token);
    const word = { True: true, False: false, None: null }[token.value];
    if (word === undefined)
      throw new PythonSyntaxError(
        token.line,
        `"${token.value.slice(0, 30)}" is no literal; only literals are read here`,
      );
    return word;
  }

  /** Texts beside each other are one. */
  #texts(first: Token): string {
    let text = textOf(first.value);
    for (let next = this.#tokens[this.at]; next?.kind === "text"; next = this.#tokens[this.at]) {
      text += textOf(next.value);
      this.at++;
    }
    return text;
  }

  #collection(open: Token): PythonValue {
    if (++this.#depth > DEEPEST) throw new PythonSyntaxError(open.line, "nested too deep");
    const close = CLOSES[open.value] ?? "";
    const items: PythonValue[] = [];
    const entries = new Map<string, PythonValue>();
    let isMap = open.value === "{";
    while (this.#peek().value !== close) {
      const { line } = this.#peek();
      const item = this.value();
      if (open.value === "{" && this.#peek().value === ":") {
        this.at++;
        if (typeof item === "object" && item !== null)
          throw new PythonSyntaxError(line, "a key must be a text or number");
        entries.set(String(item), this.value());
      } else {
        isMap = false;
        items.push(item);
      }
      if (this.#peek().value === ",") this.at++;
      else if (this.#peek().value !== close)
        throw new PythonSyntaxError(this.#peek().line, `a comma or "${close}" is missing`);
    }
    const comma = this.#tokens[this.at - 1]?.value === ",";
    this.at++;
    this.#depth--;
    if (isMap) return Object.fromEntries(entries);
    const [only] = items;
    return open.value === "(" && items.length === 1 && !comma && only !== undefined ? only : items;
  }

  #peek(): Token {
    const token = this.#tokens[this.at];
    if (token) return token;
    throw new PythonSyntaxError(this.#tokens.at(-1)?.line ?? 1, "the file ends within a value");
  }

  #next(): Token {
    const token = this.#peek();
    this.at++;
    return token;
  }
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", "\n": "" };

function textOf(token: string): string {
  const [, prefix = "", quote = "", body = ""] = /^(\w*)('''|"""|'|")([\s\S]*)\2$/.exec(token) ?? [];
  if (quote === "" || /r/i.test(prefix)) return body;
  return body.replace(/\\([\s\S])/g, (all, escaped: string) =>
    escaped in ESCAPES ? (ESCAPES[escaped] ?? "") : /['"\\]/.test(escaped) ? escaped : all,
  );
}
