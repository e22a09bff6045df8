import type { RootShell } from "../ssh/root-shell";
import { LOOK } from "./host.remote";
import { type Note, parseNote } from "./note";
import type { HostInputs, HostState } from "./types";

/** What we made on a node, and how it was before. */
export interface HostNote extends Note {
  user: string;
  home: string;
  uid: number;
  made: ("key" | "user" | "home")[];
  /** Host name of before. */
  hostName: string;
}

export interface HostFound {
  hostName: string;
  hostsLine: boolean;
  /** Absent where there is no such user. */
  user?: { name: string; uid: number; home: string };
  /** Who has the number that it is to have. */
  uidOwner?: string;
  home: "open" | "closed" | "none";
  sudoers: boolean;
  publicKey?: string;
  hasKey: boolean;
  note: HostNote | "damaged" | undefined;
}

/** Of what `LOOK` says. */
export function parseLook(text: string): HostFound {
  const [facts = "", ...note] = text.split("\nnote=\n");
  const fields = new Map(
    facts.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const [name = "", , uid = "", , , home = ""] = (fields.get("user") ?? "").split(":");
  const publicKey = fields.get("key");
  const uidOwner = fields.get("owner");
  return {
    hostName: fields.get("host") ?? "",
    hostsLine: fields.get("hosts") === "ours",
    ...(name === "" ? {} : { user: { name, uid: Number(uid), home } }),
    ...(uidOwner ? { uidOwner } : {}),
    home: (fields.get("home") as "open" | "closed" | undefined) ?? "none",
    sudoers: fields.get("sudoers") === "ours",
    ...(publicKey === undefined ? {} : { publicKey }),
    hasKey: fields.get("private") === "there",
    note: parseNote<HostNote>(note.length > 0 ? note.join("\nnote=\n") : undefined),
  };
}

export async function lookAtHost(shell: RootShell, inputs: HostInputs): Promise<HostFound> {
  const words = [inputs.hostName, inputs.user, inputs.home, `${inputs.uid}`];
  return parseLook((await shell.run("look at the node", LOOK, words)).stdout);
}

/** As found; what is not ours to see is as wanted. */
export function hostState(inputs: HostInputs, found: HostFound, missing: readonly string[]): HostState {
  const isUser = found.user !== undefined && found.user.uid === inputs.uid && found.user.home === inputs.home;
  return {
    ...inputs,
    hostName: found.hostName,
    packages: inputs.packages.filter((one) => !missing.includes(one)),
    publicKey: found.publicKey ?? "",
    intact: isUser && found.home === "open" && found.sudoers && found.hasKey && found.hostsLine,
  };
}
