import { HOOK, JOURNAL, RUN } from "./places";
import { SHARE_CA } from "./shared-ca";

/**
 * Ours among devstack's plugins: devstack sources it in each of its phases. It writes them to the journal, and puts in
 * what devstack has no setting for when database or message queue are on nodes of their own (docs/devstack.md has what
 * its sources say): there, with `LABPLAN_DATABASE=elsewhere`, `mysql` is enabled without a server, so that all that
 * devstack makes only "where the database is" is made; vhosts are made where RabbitMQ is.
 */
export const HOOK_TEXT = `# labplan: writes each phase of devstack to the journal of this node
if [ -w ${JOURNAL} ]; then
  printf '{"at":"%s","event":"phase","run":"%s","phase":"%s"}\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "\${LABPLAN_RUN:-by hand}" "\${1:-}\${2:+ \${2:-}}" >> ${JOURNAL} || true
fi
if [ "\${1:-}" = unstack ] && [ "\${LABPLAN_RUN:-}" = "" ]; then rm -f ${RUN}/stacked || true; fi
case "\${1:-} \${2:-}" in
  "stack pre-install")
    ${SHARE_CA}
    if [ "\${LABPLAN_DATABASE:-}" = elsewhere ]; then
      # The server is another node's: its client alone, and nothing to set up.
      install_database() {
        if ! type -p mysql >/dev/null; then
          if is_fedora; then install_package mariadb; else install_package default-mysql-client; fi
        fi
        type -p mysql >/dev/null || die $LINENO "labplan: there is no mysql, by which the databases at $MYSQL_HOST are made. Install a client of MySQL's or MariaDB's."
      }
      configure_database() { echo "labplan: the database is at $MYSQL_HOST"; }
    fi
    if ! is_service_enabled rabbit; then
      # devstack's own fails where RabbitMQ is not.
      rpc_backend_add_vhost() { echo "labplan: vhost $1 is made where RabbitMQ is, at \${RABBIT_HOST:-}"; }
    fi
    ;;
  "stack install")
    # Where it is alone, no conductor's settings ask for them.
    if is_service_enabled rabbit && ! is_service_enabled n-cond; then
      for labplan_cell in $(seq 1 "\${NOVA_NUM_CELLS:-1}"); do rpc_backend_add_vhost "nova_cell$labplan_cell"; done
    fi
    ;;
esac
true
`;

/** The line by which devstack loads our plugin, behind the head of the section that it reads first. */
export const HOOK_LINE = `enable_plugin labplan file://${HOOK}`;

const HEAD = /^\[\[local\|localrc\]\][^\n]*$/m;

/** local.conf with our plugin, unless it has it. */
export const withHook = (text: string): string =>
  /^enable_plugin labplan /m.test(text) ? text : text.replace(HEAD, (head) => `${head}\n${HOOK_LINE}`);

/** As devstack's user, `$1` its home; our plugin on standard input. A clone of an older one goes. */
export const PUT_HOOK = [
  `cd ${HOOK} && mkdir -p devstack && cat > devstack/plugin.new || exit 1`,
  "if cmp -s devstack/plugin.new devstack/plugin.sh && git rev-parse -q --verify HEAD >/dev/null 2>&1; then rm -f devstack/plugin.new; exit 0; fi",
  "mv -f devstack/plugin.new devstack/plugin.sh && : > devstack/settings || exit 1",
  "git init -q . && git symbolic-ref HEAD refs/heads/master && git add devstack || exit 1",
  "git -c user.name=labplan -c user.email=labplan@localhost commit -q -m 'Write phases to the journal' >&2 || exit 1",
  `if [ "$(git -C "$1/labplan" remote get-url origin 2>/dev/null)" = file://${HOOK} ]; then rm -rf "$1/labplan"; fi`,
].join("\n");
