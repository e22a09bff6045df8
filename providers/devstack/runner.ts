import { HOOK, JOURNAL, RECLONE, RUN, STATE } from "./places";

/**
 * What stays on the node and runs there by itself: nothing that happens to us, our link or our machine ends it.
 */

export const EXIT = { busy: 75 } as const;

/**
 * Runs one of devstack's scripts as its user. `$1` folder of the clone, `$2` script, `$3` id of this run, `$4` digest
 * of what it is stacked with, `$5` who asked for it. The lock is held by this process and not by what it starts, so
 * that no service keeps it; what is left of a run whose runner was killed is found by its session.
 */
export const RUNNER_TEXT = `#!/bin/sh
# labplan: runs devstack's scripts on this node, so that none is ever run twice at once
umask 022
cd "$1" || exit 1
script=$2 id=$3 digest=$4 by=$5 run=${RUN}
exec 9>>"$run/lock" || exit 1
flock -n 9 || exit ${EXIT.busy}
say() { printf '%s\\n' "$1" >> ${JOURNAL}; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
born() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20; }
begun=$(date +%s)
rm -f "$run/exit"
if [ "$script" = stack.sh ]; then rm -f "$run/stacked"; : > "$run/dirty"; fi
log=$run/$script.log
(umask 077; rm -f "$log"; : > "$log")
printf '%s\\n' "$id" "$script" "$digest" "$by" "$begun" "$$" "$(born $$)" "$boot" > "$run/part" && mv -f "$run/part" "$run/current"
say "{\\"at\\":\\"$(now)\\",\\"event\\":\\"begin\\",\\"run\\":\\"$id\\",\\"script\\":\\"$script\\",\\"pid\\":$$,\\"by\\":\\"$by\\"}"
if [ "$script" = stack.sh ] && [ -e ${RECLONE} ]; then export RECLONE=yes; fi
LABPLAN_RUN=$id bash "./$script" </dev/null >>"$log" 2>&1 9>&-
code=$?
seconds=$(($(date +%s) - begun)) lines=$(wc -l < "$log")
if [ "$code" = 0 ]; then
  case $script in
    stack.sh) rm -f ${RECLONE}; printf '%s\\n' "$digest" "$(now)" > "$run/part" && mv -f "$run/part" "$run/stacked" ;;
    unstack.sh) rm -f "$run/stacked" "$run/dirty" ;;
  esac
fi
say "{\\"at\\":\\"$(now)\\",\\"event\\":\\"end\\",\\"run\\":\\"$id\\",\\"script\\":\\"$script\\",\\"code\\":$code,\\"seconds\\":$seconds,\\"lines\\":$((lines))}"
printf '%s\\n' "$id" "$code" "$seconds" > "$run/part" && mv -f "$run/part" "$run/exit"
`;

/** `$1` user: the folders that the runner writes to. */
export const FOLDERS = [
  `umask 022; mkdir -p ${RUN} ${HOOK} && : >> ${JOURNAL} && : >> ${RUN}/lock || exit 1`,
  // Where there is only one user (a sandbox), nobody can be given anything.
  `for each in ${RUN} ${RUN}/lock ${HOOK} ${JOURNAL}; do chown "$1" "$each" 2>/dev/null || :; done`,
].join("\n");

/**
 * As devstack's user, then as \`RUNNER_TEXT\`: starts the runner, detached, and waits until it has begun.
 */
export const START = [
  `r=${RUN}; rm -f "$r/refused"`,
  `( setsid sh ${STATE}/run.sh "$@" </dev/null >/dev/null 2>&1; [ $? -ne ${EXIT.busy} ] || echo "$3" > "$r/refused" ) </dev/null >/dev/null 2>&1 &`,
  "for i in 1 2 3 4 5 6 7 8 9 10 20 30 40 50 60; do",
  `  [ "$(head -n 1 "$r/current" 2>/dev/null)" != "$3" ] || exit 0`,
  `  [ "$(cat "$r/refused" 2>/dev/null)" != "$3" ] || exit ${EXIT.busy}`,
  "  sleep 0.$i 2>/dev/null || sleep 1",
  "done; exit 1",
].join("\n");

/** As root: whether the end of a login ends all that it began, a session of its own or not (logind.conf(5)). */
export const ENDS_WITH_LOGIN = [
  '[ "$(cat /proc/1/comm 2>/dev/null)" = systemd ] || exit 1',
  "case $(busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null) in",
  "  *true) exit 0 ;;",
  "esac; exit 1",
].join("\n");

/** What a run is begun by there: a scope of the system's is no part of a login, and ends with the last that is in it. */
export const scopeOf = (id: string): string[] => [
  ...["systemd-run", "--quiet", "--no-ask-password", "--scope", `--unit=labplan-${id}`, "--"],
];

/**
 * As devstack's user, `$1` who looks, `$2` home: facts of the last run as lines of `key=value`, then the last lines of
 * its log. With a name it is noted that somebody follows it.
 */
export const POLL = [
  `r=${RUN}; [ -z "$1" ] || printf '%s\\n' "$1" > "$r/follower"`,
  "echo now=$(date +%s)",
  `[ ! -e "$r/dirty" ] || echo dirty=yes`,
  '[ ! -x "$2/devstack/stack.sh" ] || [ ! -e "$2/devstack/.git/labplan/of" ] || echo clone=yes',
  `{ read -r digest && read -r at; } < "$r/stacked" 2>/dev/null && echo "stacked=$digest" && echo "at=$at"`,
  '[ ! -e "$r/follower" ] || { echo "follower=$(cat "$r/follower")"; echo "followed=$(stat -c %Y "$r/follower")"; }',
  `[ -e "$r/current" ] || exit 0`,
  `{ read -r id; read -r script; read -r digest; read -r by; read -r begun; read -r pid; read -r born; read -r boot; } < "$r/current"`,
  'echo "id=$id"; echo "script=$script"; echo "digest=$digest"; echo "by=$by"; echo "begun=$begun"; echo "pid=$pid"',
  // Numbers of processes mean nothing after a reboot: others have them.
  "now=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)",
  `if [ -n "$boot" ] && [ "$boot" != "$now" ]; then :`,
  // The runner leads a session of its own: whatever of it is left counts, services that made theirs do not.
  `elif [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20)" = "$born" ]; then echo running=yes`,
  // As long as one of a session is left, nobody else gets the number of its leader.
  `elif [ ! -e "/proc/$pid" ] && [ "$(head -n 1 "$r/exit" 2>/dev/null)" != "$id" ]; then`,
  `  for s in /proc/[0-9]*/stat; do case $(sed 's/.*) //' "$s" 2>/dev/null | cut -d ' ' -f 4) in "$pid") echo orphans=yes; break ;; esac; done`,
  "fi",
  `{ read -r of; read -r code; read -r seconds; } < "$r/exit" 2>/dev/null && [ "$of" = "$id" ] && echo "code=$code" && echo "seconds=$seconds"`,
  'log=$r/$script.log; m=$(stat -c %Y "$log" 2>/dev/null || echo 0)',
  '[ "$script" != stack.sh ] || { o=$(stat -L -c %Y "$2/logs/stack.sh.log" 2>/dev/null || echo 0); [ "$o" -le "$m" ] || m=$o; }',
  'echo "heard=$m"; echo "lines=$(wc -l < "$log" 2>/dev/null || echo 0)"',
  `grep "\\"run\\":\\"$id\\"" ${JOURNAL} | sed -n 's/.*"event":"phase".*"phase":"\\([^"]*\\)".*/\\1/p' | tail -n 1 | sed 's/^/phase=/'`,
  `grep '"event":"end".*"script":"stack.sh","code":0,' ${JOURNAL} | tail -n 1 | sed -n 's/.*"seconds":\\([0-9]*\\).*/usual=\\1/p'`,
  'echo "log="; tail -n 5 "$log" 2>/dev/null | cut -c 1-400',
].join("\n");

/** As root, `$1` pid: ends what is left of a run, with all that it started and that made no session of its own. */
export const END_RUN = [
  "session() { for s in /proc/[0-9]*/stat; do",
  `  set -- "$1" $(sed 's/.*) //' "$s" 2>/dev/null); [ "$5" = "$1" ] && { p=\${s#/proc/}; echo "\${p%/stat}"; }`,
  "done; :; }",
  "for signal in TERM TERM KILL; do",
  '  all=$(session "$1"); [ -n "$all" ] || exit 0; kill -s $signal $all 2>/dev/null',
  '  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -n "$(session "$1")" ] || exit 0; sleep 0.1; done',
  "done",
  '[ -z "$(session "$1")" ]',
].join("\n");
