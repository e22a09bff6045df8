#!/usr/bin/env bash
# A stand-in for devstack's stack.sh: its shape without OpenStack. See README.md.
unset GREP_OPTIONS
umask 022
TOP_DIR=$(cd "$(dirname "$0")" && pwd)
cd "$TOP_DIR"
source "$TOP_DIR/functions"

if is_root; then
    echo "You are running this script as root."
    echo "Cut it out."
    echo "Really."
    exit 1
fi
if [[ ! -r $TOP_DIR/local.conf && ! -r $TOP_DIR/localrc ]]; then
    die $LINENO "there is neither local.conf nor localrc in $TOP_DIR: devstack would ask now"
fi
rm -f "$TOP_DIR/.localrc.auto" "$TOP_DIR/.stackenv"
extract_localrc_section "$TOP_DIR/local.conf" "$TOP_DIR/localrc" "$TOP_DIR/.localrc.auto"
source "$TOP_DIR/stackrc"
STAND_IN_DIR=$DEST/stand-in
[[ -d $DEST ]] || sudo_if_needed mkdir -p "$DEST"
STARTED=$(date +%s)

disable_negated_services
if is_service_enabled n-cond && [[ $CELLSV2_SETUP != singleconductor ]]; then
    if is_service_enabled n-api; then enable_service n-super-cond; fi
    for ((i = 1; i <= NOVA_NUM_CELLS; i++)); do enable_service "n-cond-cell$i"; done
fi

if [[ -e $SERVICE_DIR/stack.running ]]; then
    echo "You are already running a stack.sh session."
    echo "To destroy this session, type './unstack.sh'."
    exit 1
fi
stand_in_begin stack
for each in ADMIN_PASSWORD DATABASE_PASSWORD RABBIT_PASSWORD SERVICE_PASSWORD; do
    [[ -n ${!each:-} ]] || die $LINENO "$each is not set: devstack would ask for it now"
done

# Log
mkdir -p "${LOGFILE%/*}" "$SERVICE_DIR" "$DATA_DIR"
stamp=$(date +%F-%H%M%S)
SUMFILE=$LOGFILE.$stamp.summary
: > "$LOGFILE.$stamp"
ln -sfn "$LOGFILE.$stamp" "$LOGFILE"
exec 3>&1
exec > >(while IFS= read -r line; do printf '%(%F %T)T.000 | %s\n' -1 "$line"; done | tee "$LOGFILE.$stamp" >&3) 2>&1
LOGGER=$!

function at_exit {
    local code=$?
    set +o xtrace
    [[ $code == 0 ]] || echo "Error on exit"
    exec >&- 2>&-
    wait "$LOGGER"
    exit "$code"
}
trap at_exit EXIT
set -o errexit
PS4='+ ${BASH_SOURCE##*/}:${FUNCNAME[0]:-main}:${LINENO}   '
set -o xtrace
touch "$SERVICE_DIR/stack.running"

run_phase override_defaults
fetch_plugins
run_phase source

echo_summary "Installing package prerequisites"
run_phase stack pre-install
if is_service_enabled mysql postgresql; then install_database; fi

echo_summary "Installing OpenStack project source"
install_programs
if ! is_service_enabled mysql postgresql && is_service_enabled nova key; then
    tell needs cloud="$SERVICE_HOST" address="$DATABASE_HOST" service=mysql > /dev/null ||
        die $LINENO "the database at $DATABASE_HOST does not answer"
fi
if ! is_service_enabled rabbit && is_service_enabled nova; then
    tell needs cloud="$SERVICE_HOST" address="$RABBIT_HOST" service=rabbit > /dev/null ||
        die $LINENO "the message queue at $RABBIT_HOST does not answer"
fi
run_phase stack install
if is_service_enabled mysql postgresql; then configure_database; fi

BASE_SQL_CONN=mysql+pymysql://root:$DATABASE_PASSWORD@$DATABASE_HOST
KEYSTONE_SERVICE_URI=$SERVICE_PROTOCOL://$SERVICE_HOST/identity
if is_service_enabled nova; then
    iniset "$NOVA_CONF" DEFAULT my_ip "$HOST_IP"
    iniset "$NOVA_CONF" DEFAULT transport_url "rabbit://stackrabbit:$RABBIT_PASSWORD@$RABBIT_HOST:5672/"
fi
if is_service_enabled n-cond && [[ $CELLSV2_SETUP != singleconductor ]]; then
    for ((i = 1; i <= NOVA_NUM_CELLS; i++)); do rpc_backend_add_vhost "nova_cell$i"; done
fi
make_databases
merge_config_group "$TOP_DIR/local.conf" post-config
if is_service_enabled key; then
    echo_summary "Starting Keystone"
    # Who answers for it says where. The password is in the log now, as devstack's own are.
    told=$(tell cloud cloud="$SERVICE_HOST" host="$(hostname)" address="$HOST_IP" region="$REGION_NAME" cells="$NOVA_NUM_CELLS" admin_password="$ADMIN_PASSWORD")
    KEYSTONE_SERVICE_URI=${told:-$KEYSTONE_SERVICE_URI}
elif is_service_enabled nova; then
    tell needs cloud="$SERVICE_HOST" address="$SERVICE_HOST" service=key > /dev/null ||
        die $LINENO "keystone at $SERVICE_HOST does not answer: is its controller stacked?"
fi
run_phase stack post-config

absent=""
if fault_for lie "" > /dev/null; then
    absent=${ENABLED_SERVICES%%,*}
    if is_service_enabled n-cpu; then absent=n-cpu; fi
fi
services=()
for each in ${ENABLED_SERVICES//,/ }; do
    [[ $each == "$absent" ]] || is_elsewhere "$each" || services+=("$each")
done
echo_summary "Starting ${services[*]}"
start_services "${services[@]}"
if is_service_enabled n-cpu; then
    mkdir -p "$DATA_DIR/nova/instances"
    # As nova-compute does when it first starts.
    [[ -s $DATA_DIR/nova/compute_id ]] || cat /proc/sys/kernel/random/uuid > "$DATA_DIR/nova/compute_id"
fi
merge_config_group "$TOP_DIR/local.conf" extra
run_phase stack extra
merge_config_group "$TOP_DIR/local.conf" post-extra
if [[ -x $TOP_DIR/local.sh ]]; then
    echo "Running user script $TOP_DIR/local.sh"
    "$TOP_DIR/local.sh"
fi
if is_service_enabled key; then write_clouds_yaml; fi
merge_config_group "$TOP_DIR/local.conf" test-config
run_phase stack test-config

{
    echo "# $stamp"
    for each in BASE_SQL_CONN ENABLED_SERVICES HOST_IP LOGFILE SERVICE_HOST SERVICE_PROTOCOL STACK_USER KEYSTONE_SERVICE_URI; do
        echo "$each=${!each}"
    done
} > "$TOP_DIR/.stackenv"
if is_service_enabled n-api && is_service_enabled n-cpu; then
    # Its own compute, which is heard of a moment later.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        ! "$NOVA_BIN_DIR/nova-manage" cell_v2 discover_hosts --verbose | grep 'Creating host mapping' || break
        sleep 0.1
    done
fi
set +o xtrace
stand_in_end
echo "This is your host IP address: $HOST_IP"
echo_summary "stack.sh completed in $(($(date +%s) - STARTED)) seconds."
