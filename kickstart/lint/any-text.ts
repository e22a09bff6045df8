import type { Findings } from "./finding";

const OURS = /\{\{\s*(?:boot:(?:url|token|config)|(?:secret|env|file):[^{}\s]+)\s*\}\}/g;
const SECRET_WORD = "token|key|secret|pass|passwd|password|auth|apikey|api_key|access_token";
const TOKEN_IN_QUERY = new RegExp(
  `[?&](?:(?:${SECRET_WORD})=[^&\\s"']|[^\\s"'=]*=(?:\\{\\{\\s*boot:token|\\$\\{?labplan_token))`,
  "i",
);

/** What no line of any installer's file may hold, whatever it is. */
export function lintAnyText(text: string, findings: Findings): void {
  text.split("\n").forEach((whole, index) => {
    const line = index + 1;
    const rest = whole.replace(OURS, "");
    // `{{.Name}}` and `{{ range … }}` are other tools' formats, in a command of the user's.
    const open = /\{\{(?!\s*[.#/])|\{%|<%=/.exec(rest);
    if (open)
      findings.error(
        line,
        "unrendered",
        `"${rest.slice(open.index, open.index + 40).trim()}" was not rendered; is its variable mistyped, or the file no template?`,
      );
    if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/.test(whole))
      findings.error(
        line,
        "private-key",
        "a private key in a file that is served over the network; leave it out",
      );
    if (TOKEN_IN_QUERY.test(whole))
      findings.error(
        line,
        "token-in-query",
        "a secret in a URL's query is in every access log; send it in a header, from a file",
      );
    if (/\bhttps?:\/\/[^\s/"'@]+:[^\s/"'@]+@/.test(whole))
      findings.error(
        line,
        "password-in-url",
        "a URL holds a password; name it as {{secret:…}} in a file of mode 0600",
      );
    if (whole.includes("\r"))
      findings.error(
        line,
        "carriage-return",
        "the line ends as on Windows; save the file with plain line ends",
      );
    if (/[\u2018\u2019\u201c\u201d\u00a0]/.test(whole))
      findings.error(
        line,
        "typographic-quote",
        "a typographic quote or a hard space, which no shell or installer reads",
      );
  });
  lintTokenTargets(text, findings);
}

/** The token of a machine goes to the boot server and nowhere else. */
function lintTokenTargets(text: string, findings: Findings): void {
  let command = "";
  let first = 0;
  text.split("\n").forEach((whole, index) => {
    if (command === "") first = index + 1;
    command += whole.replace(/\\$/, " ");
    if (whole.endsWith("\\")) return;
    const holds = /\{\{\s*boot:token\s*\}\}|\$\{?labplan_token|Authorization:/i.test(command);
    const [stranger] = /\bhttps?:\/\/[^\s"'\\;]+/.exec(command) ?? [];
    if (holds && stranger && !/^\s*#/.test(command))
      findings.error(
        first,
        "token-to-stranger",
        `the machine's token goes to ${stranger.slice(0, 60)}; only {{boot:url}} may have it`,
      );
    command = "";
  });
}
