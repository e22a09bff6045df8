import { type Fields, fieldsOf, given, listOf, textOf } from "../import/fields";
import type { Notes } from "../import/notes";
import type { LaasFile } from "./folder";
import { knownKeys } from "./keys";
import { secretOf } from "./secrets";

const KNOWN = [
  "server",
  "authentication",
  "authenticaion",
  "directory",
  "user",
  "database",
  "permanent_users",
];

export interface ImportedVpn {
  backend: Fields;
  vpn: Fields;
}

/** The VPN file as an LDAP backend and the vpn section. */
export function vpnOf(file: LaasFile, backend: string, notes: Notes): ImportedVpn | undefined {
  const { name } = file;
  const fields = knownKeys(`${name}: `, file.fields, KNOWN, notes);
  const server = hostOf(textOf(fields.server));
  const base = baseOf(fieldsOf(fields.directory));
  if (server === undefined || base === undefined) {
    notes.add(name, "needs server and directory.root; the VPN is not imported");
    return undefined;
  }
  notes.add(
    `${name}: server`,
    "LaaS spoke LDAP in clear; ldaps:// is written. Users are declared under labplan:vpn users",
  );
  if ("database" in fields)
    notes.add(`${name}: database`, "who has access is declared in the config; there is no database");
  const login = fieldsOf(fields.authentication ?? fields.authenticaion);
  return {
    backend: given({
      kind: "ldap",
      url: `ldaps://${server}`,
      bindDn: bindDnOf(name, textOf(login.user), notes),
      password: secretOf(`${name}: authentication.pass`, login.pass, `${backend}Password`, notes),
    }),
    vpn: given({
      backend,
      base,
      objectClasses: objectClassesOf(name, fieldsOf(fields.user), notes),
      permanent: permanentOf(name, fields.permanent_users, notes),
    }),
  };
}

/** Host and port; a login in a URL is not carried. */
function hostOf(server: string | undefined): string | undefined {
  if (server === undefined) return undefined;
  const text = /^[a-z]+:\/\//i.test(server) ? server : `ldaps://${server}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The plain port does not speak TLS.
  return url?.hostname
    ? `${url.hostname}${url.port === "" || url.port === "389" ? "" : `:${url.port}`}`
    : undefined;
}

/** `user` is relative to `root`. */
function baseOf(directory: Fields): string | undefined {
  const [root, user] = [textOf(directory.root), textOf(directory.user)];
  if (root === undefined || user === undefined) return root ?? user;
  return user.toLowerCase().endsWith(root.toLowerCase()) ? user : `${user},${root}`;
}

function bindDnOf(name: string, user: string | undefined, notes: Notes): string | undefined {
  if (user === undefined || user.includes("=")) return user;
  notes.add(`${name}: authentication.user`, "no full DN; left out. Write bindDn");
  return undefined;
}

/** LDAP does not care for the order, people do: the general one first. */
function objectClassesOf(name: string, user: Fields, notes: Notes): string[] | undefined {
  const classes = listOf(user.objects).flatMap((item) => textOf(item) ?? []);
  if (classes.length === 0) return undefined;
  const unique = [...new Set(classes)];
  const top = unique.findIndex((item) => item.toLowerCase() === "top");
  if (top <= 0) return unique;
  notes.add(`${name}: user.objects`, "top is the most general class; it is put first");
  return ["top", ...unique.filter((_, i) => i !== top)];
}

function permanentOf(name: string, value: unknown, notes: Notes): string[] | undefined {
  const users = [...new Set(listOf(value).flatMap((item) => textOf(item) ?? []))];
  if (users.length === 0) return undefined;
  notes.add(`${name}: permanent_users`, "LaaS compared parts of names; here whole names count");
  return users;
}
