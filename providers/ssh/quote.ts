const PLAIN = /^[A-Za-z0-9_/.:,@%+-]+$/;

/**
 * Make one command line of an argv, so that the login shell on the far side gives exactly these words to the
 * program. SSH has no other way to send a command. Backslashes and single quotes stand outside the quotes, which
 * sh, bash, zsh, dash, busybox and fish all read alike.
 */
export function quoteArgv(argv: readonly string[]): string {
  if (argv.length === 0) throw new RangeError("an argv needs at least the program's name");
  return argv
    .map((word, index) => {
      if (word.includes("\0")) throw new RangeError(`word ${index} of the argv holds a NUL byte`);
      // The program's name is always quoted: `if`, `time` or an alias would mean something else unquoted.
      return index > 0 && PLAIN.test(word) ? word : quoteWord(word);
    })
    .join(" ");
}

function quoteWord(word: string): string {
  if (word === "") return "''";
  return word
    .split(/(['\\])/)
    .filter((part) => part !== "")
    .map((part) => (part === "'" || part === "\\" ? `\\${part}` : `'${part}'`))
    .join("");
}
