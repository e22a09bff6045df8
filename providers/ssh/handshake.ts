import type { Duplex } from "node:stream";
import { Client } from "ssh2";
import { type Login, NO_MORE_KEYS } from "./auth";
import { SshError } from "./errors";
import { type HostKeyPolicy, judgeHostKey, offeredAlgorithms } from "./host-key";
import { blobType, type HostKey } from "./known-hosts";
import { type SshTarget, targetName } from "./target";

/** A peer that is silent for four of these is taken for dead. */
const KEEPALIVE_MS = 15_000;

export interface Handshake {
  target: SshTarget;
  policy: HostKeyPolicy;
  /** Without one the handshake ends when the host key is proven. */
  login?: Login;
  transport: Duplex;
  signal: AbortSignal;
}

/** Speak SSH over a transport until the host key is proven and, with `login`, the user is in. */
export function handshake(args: Handshake): Promise<{ client: Client; hostKey: HostKey }> {
  const { target, policy, login, transport, signal } = args;
  return new Promise((resolve, reject) => {
    const client = new Client();
    let shown: HostKey | undefined;
    let refusal: SshError | undefined;
    let stage: "greeting" | "login" = "greeting";

    const settle = (action: () => void) => {
      signal.removeEventListener("abort", stop);
      client.off("error", onError).off("end", onEnd).off("close", onEnd);
      // After the handshake too, ssh2 may emit an error; unheard it would end the process.
      client.on("error", () => {});
      action();
    };
    const fail = (error: unknown) =>
      settle(() => {
        client.destroy();
        transport.destroy();
        reject(error);
      });
    const succeed = () => {
      if (shown) settle(() => resolve({ client, hostKey: shown as HostKey }));
      else fail(new SshError(targetName(target), "protocol", "the server showed no host key."));
    };
    const stop = () => fail(signal.reason);
    const onError = (error: Error & { level?: string; code?: unknown }) => {
      // An agent that fails is one key less; ssh2 goes on to the next by itself.
      if (error.level !== "agent") fail(refusal ?? explain(target, stage, login, error));
    };
    const onEnd = () => fail(refusal ?? explain(target, stage, login, undefined));

    signal.addEventListener("abort", stop, { once: true });
    client.on("error", onError).on("end", onEnd).on("close", onEnd);
    client.on("handshake", () => {
      stage = "login";
      if (!login) succeed();
    });
    client.on("ready", succeed);
    client.connect({
      sock: transport,
      username: login?.user ?? "nobody",
      authHandler: login?.handler ?? ((_left, _partial, next) => next(NO_MORE_KEYS)),
      algorithms: { serverHostKey: offeredAlgorithms(policy) },
      hostVerifier: (blob: Buffer) => {
        shown = { type: blobType(blob) ?? "unknown", key: blob.toString("base64") };
        refusal = judgeHostKey(target, policy, shown);
        return refusal === undefined;
      },
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_MS,
      // Unix socket forwarding works with other servers than OpenSSH, too.
      strictVendor: false,
    });
  });
}

/** What an error of ssh2's, or an early end of the connection, means to the user. */
function explain(
  target: SshTarget,
  stage: "greeting" | "login",
  login: Login | undefined,
  cause: (Error & { level?: string; code?: unknown }) | undefined,
): SshError {
  const name = targetName(target);
  const options = cause ? { cause } : {};
  // Disconnect code 2 in the login is "Too many authentication failures".
  const refused = cause?.level === "client-authentication" || (stage === "login" && cause?.code === 2);
  if (login && refused) return login.refused(cause);
  const why = cause ? `: ${cause.message}` : "";
  if (stage === "login") {
    const next = "A host that is still booting does so; else look at its sshd log.";
    return new SshError(
      name,
      "lost",
      `the server closed the connection in the login${why}. ${next}`,
      options,
    );
  }
  const isLoss =
    cause === undefined || cause.level === "client-socket" || /before handshake/.test(cause.message);
  if (isLoss) {
    const next = "Is it starting up or shedding load (MaxStartups)?";
    return new SshError(
      name,
      "lost",
      `the server closed the connection before the login${why}. ${next}`,
      options,
    );
  }
  const next = "Is this the port of an SSH server, and one of the last ten years?";
  return new SshError(name, "protocol", `no SSH handshake possible${why}. ${next}`, options);
}
