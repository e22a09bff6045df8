/** A file that a machine must have as its seed says. The content ends without a line end. */
export interface SeedFile {
  path: string;
  /** `0600` */
  mode: string;
  content: string;
}

const END = "LABPLAN_FILE_ENDS";

/**
 * An entry of cloud-init's `bootcmd`, which is carried out at every boot before sshd starts; keys and files of its
 * own are written once per instance. A machine that was made anew on a disk that stayed is the same instance with
 * another seed, and would keep its earlier host key and token. All in the shell itself: arguments are seen by everybody.
 */
export const putFiles = (files: readonly SeedFile[]): string =>
  [
    PUT,
    ...files.flatMap(({ path, mode, content }) => [
      `labplan_put ${path} ${mode} <<'${END}'`,
      content.replace(/\n+$/, ""),
      END,
    ]),
  ].join("\n");

const PUT = `labplan_put() {
  labplan_text=$(cat)
  if [ "$labplan_text" = "$(cat "$1" 2>/dev/null)" ]; then return 0; fi
  mkdir -p "$(dirname "$1")"
  (umask 077; printf '%s\\n' "$labplan_text" >"$1")
  chmod "$2" "$1"
  restorecon "$1" 2>/dev/null || :
}`;
