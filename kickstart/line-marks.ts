/** Line of a template (from 1) for a line of its text (from 1). */
export type LineMap = (line: number) => number;

const MARK = /\uE003(\d+)\uE004/g;

/**
 * The template with a mark on each line that makes output, behind its indentation and a tag at its start, where
 * trimming does not see it. Lines inside a tag or comment get none.
 */
export function withLineMarks(template: string): string {
  let inside: "" | "%}" | "}}" | "#}" = "";
  const marked = template.split("\n").map((line, index) => {
    const mark = `\uE003${index + 1}\uE004`;
    const wasInside = inside !== "";
    for (const [token] of line.matchAll(/\{[%{#]|[%}#]\}/g)) {
      if (inside === "") {
        if (token.startsWith("{")) inside = token === "{%" ? "%}" : token === "{{" ? "}}" : "#}";
      } else if (token === inside) inside = "";
    }
    if (wasInside) return line;
    const [head = ""] = /^\s*(\{%.*?%\}|\{#.*?#\})*/.exec(line) ?? [];
    const isAllTag = head.length === line.length || /^\s*\{[%#]/.test(line.slice(head.length));
    return isAllTag ? line : `${head}${mark}${line.slice(head.length)}`;
  });
  return marked.join("\n");
}

/** Read the marks of a rendering, if apart from them it is the one without. */
export function lineMap(withMarks: string, without: string): LineMap | undefined {
  if (withMarks.replace(MARK, "") !== without) return undefined;
  let last = 1;
  const lines = withMarks.split("\n").map((line) => {
    const [first] = line.matchAll(MARK);
    if (first) last = Number(first[1]);
    return last;
  });
  return (line) => lines[Math.min(Math.max(line, 1), lines.length) - 1] ?? 1;
}
