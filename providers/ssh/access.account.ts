import { createHash } from "node:crypto";
import { BackendError, LabError } from "../core/errors";
import * as remote from "./access.remote";
import type { ExecResult, SshConnection } from "./client";
import { execAs } from "./sudo";

const DEADLINE_S = 60;
/** sshd looks into both unless its AuthorizedKeysFile says otherwise. */
const KEYS = ".ssh/authorized_keys";
const MORE_KEYS = ".ssh/authorized_keys2";

/** What must be so that sshd believes a file of keys (StrictModes, on by default). */
export interface Rights {
  /** The file and its folder are as we make them. */
  file: boolean;
  /** Nobody else can write to the home. */
  home: boolean;
}

export interface KeysText {
  path: string;
  exists: boolean;
  /** One character for each byte, so that what we do not understand comes back as it was. */
  text: string;
  rights: Rights;
}

const FINE: Rights = { file: true, home: true };

export interface Password {
  /** False for an account that no password opens. */
  set: boolean;
  /** Of the crypted one. */
  digest: string;
}

export interface SshdSettings {
  /** Files that keys are taken from. */
  keyFiles: string[];
  /** The setting by which no password lets this user in. */
  noPassword?: string;
}

/** One user of a machine that we are logged in to. */
export class Account {
  readonly user: string;
  readonly home: string;
  readonly #uid: string;
  readonly #login: string;
  readonly #connection: SshConnection;

  private constructor(connection: SshConnection, login: string, user: string, uid: string, home: string) {
    this.#connection = connection;
    this.#login = login;
    this.user = user;
    this.#uid = uid;
    this.home = home;
  }

  static async find(connection: SshConnection, login: string, user: string): Promise<Account> {
    const argv = ["sh", "-c", remote.ACCOUNT, "sh", user];
    const result = await connection.exec(argv, { deadlineS: DEADLINE_S });
    const [name, , uid = "", , , home = ""] = result.stdout.trimEnd().split(":");
    if (result.code === 0 && (name === user || result.stdout === ""))
      return new Account(connection, login, user, uid, home);
    throw failed(connection, `look up the user "${user}"`, result);
  }

  /** False when there is no such user. */
  get exists(): boolean {
    return this.#uid !== "";
  }

  /** The key that we are logged in with, where we are this very user: taking it away would lock us out. */
  get loginKey(): string | undefined {
    return this.#login === this.user ? this.#connection.loginKey : undefined;
  }

  get keysPath(): string {
    return `${this.home}/${KEYS}`;
  }
  get moreKeysPath(): string {
    return `${this.home}/${MORE_KEYS}`;
  }

  /** A file of keys; empty when there is none. */
  async readKeys(path: string): Promise<KeysText> {
    const result = await this.#run(this.user, remote.READ_KEYS, [path]);
    if (result.code === remote.EXIT.none) return { path, exists: false, text: "", rights: FINE };
    if (result.code === remote.EXIT.noHome)
      throw new LabError(
        `${this.#connection.target}: "${this.user}" has no home there (${this.home || "none"}). Make it: sudo install -d -m 700 -o ${this.user} ${this.home || "<folder>"}.`,
      );
    if (result.code === remote.EXIT.isLink)
      throw new LabError(
        `${this.#connection.target}: ${path} is a link to ${result.stdout.trim()}, so something else looks after it, and it is left alone. Put a file in its place, or leave "access" out for "${this.user}".`,
      );
    if (result.code !== 0) throw failed(this.#connection, `read ${path}`, result);
    const [home, folder, file, ...content] = result.stdout.split("\n");
    const text = Buffer.from(content.join(""), "base64").toString("latin1");
    const isOurs = (line: string | undefined) => !isWritable(line) && this.#owns(line);
    return {
      path,
      exists: true,
      text,
      rights: { file: isOurs(folder) && isOurs(file), home: !isWritable(home) && this.#owns(home) },
    };
  }

  /** Replace a file of keys as a whole. False when somebody else has changed it since it was read. */
  async writeKeys(before: KeysText, text: string): Promise<boolean> {
    const bytes = Buffer.from(text, "latin1");
    const digest = before.exists ? createHash("sha256").update(before.text, "latin1").digest("hex") : "";
    const words = [before.path, `${bytes.length}`, digest];
    const result = await this.#run(this.user, remote.WRITE_KEYS, words, bytes);
    if (result.code === 0) return true;
    if (result.code === remote.EXIT.changed) return false;
    throw failed(this.#connection, `write ${before.path}`, result);
  }

  /** What sshd there says that it does for this user; nothing where it cannot be asked. */
  async sshd(): Promise<SshdSettings> {
    const { stdout } = await this.#run("root", remote.SSHD, [this.user]);
    const lines = stdout.split("\n").map((line) => line.split(" "));
    const wordsOf = (name: string) => lines.find(([key]) => key === name)?.slice(1);
    const keyFiles = (wordsOf("authorizedkeysfile") ?? [])
      .filter((word) => word !== "none")
      .map((word) => word.replace(/%[hu%]/g, (token) => ({ "%h": this.home, "%u": this.user })[token] ?? "%"))
      .map((path) => (path.startsWith("/") ? path : `${this.home}/${path}`));
    const isOff = (name: string) => wordsOf(name)?.[0] === "no";
    const [forRoot = "yes"] = this.user === "root" ? (wordsOf("permitrootlogin") ?? []) : [];
    if (forRoot !== "yes") return { keyFiles, noPassword: `PermitRootLogin ${forRoot}` };
    // PAM asks for passwords by the keyboard-interactive way as well.
    const isNone = isOff("passwordauthentication") && isOff("kbdinteractiveauthentication");
    return { keyFiles, ...(isNone ? { noPassword: "PasswordAuthentication no" } : {}) };
  }

  /** What there is to say about the password, and the text of our note, where there is one. */
  async readPassword(marker: string): Promise<{ password: Password; marker: string | undefined }> {
    const result = await this.#run("root", remote.READ_PASSWORD, [this.user, marker]);
    const [, , ...text] = result.stdout.split("\n");
    const password = this.#told(`look at the password of "${this.user}"`, result);
    return { password, marker: text.join("\n") || undefined };
  }

  async writeMarker(path: string, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const result = await this.#run("root", remote.WRITE_MARKER, [path, `${bytes.length}`], bytes);
    if (result.code !== 0) throw failed(this.#connection, `write ${path}`, result);
  }

  async removeMarker(path: string): Promise<void> {
    const result = await this.#run("root", remote.REMOVE_MARKER, [path]);
    if (result.code !== 0) throw failed(this.#connection, `remove ${path}`, result);
  }

  /** Returns what there is to say about the new one. */
  setPassword(password: string): Promise<Password> {
    return this.#chpasswd(`${this.user}:${password}\n`, []);
  }

  /**
   * No password opens the account any more. Not by usermod -L, whose "!" sshd takes for an account that is locked
   * altogether where it runs without PAM: keys would be refused, too.
   */
  async closePassword(): Promise<void> {
    await this.#chpasswd(`${this.user}:*\n`, ["-e"]);
  }

  async #chpasswd(line: string, flags: string[]): Promise<Password> {
    const result = await this.#run("root", remote.SET_PASSWORD, [this.user, ...flags], Buffer.from(line));
    if (result.code === remote.EXIT.noTool)
      throw new LabError(
        `${this.#connection.target}: there is no chpasswd. Install it (Debian: passwd, RHEL: shadow-utils), or say "password: none".`,
      );
    return this.#told(`set the password of "${this.user}"`, result);
  }

  #told(what: string, result: ExecResult): Password {
    const [state, digest = ""] = result.stdout.split("\n");
    if (result.code !== 0 || !/^[0-9a-f]{64}$/.test(digest)) throw failed(this.#connection, what, result);
    return { set: state === "set", digest };
  }

  /** 0 owns everything, as sshd sees it. */
  #owns(line: string | undefined): boolean {
    const owner = line?.split(" ")[1];
    return owner === "0" || owner === this.#uid;
  }

  #run(as: string, script: string, words: readonly string[], stdin?: Buffer): Promise<ExecResult> {
    return execAs(this.#connection, this.#login, as, ["sh", "-c", script, "sh", ...words], {
      deadlineS: DEADLINE_S,
      ...(stdin ? { stdin } : {}),
    });
  }
}

const GROUP_OR_OTHERS_WRITE = 0o022;

const isWritable = (line: string | undefined): boolean =>
  (Number.parseInt(line?.split(" ")[0] ?? "0", 8) & GROUP_OR_OTHERS_WRITE) !== 0;

function failed(
  connection: SshConnection,
  what: string,
  { code, signal, stdout, stderr }: ExecResult,
): Error {
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-5).join("\n").slice(-1_000);
  return new BackendError(
    `${connection.target}: could not ${what}: ${said || "it said nothing"} (${signal ?? `exit ${code}`}).`,
  );
}
