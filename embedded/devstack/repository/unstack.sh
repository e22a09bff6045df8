#!/usr/bin/env bash
# Stops what stack.sh started. Records of it stay with the controller, as with devstack.
TOP_DIR=$(cd "$(dirname "$0")" && pwd)
cd "$TOP_DIR"
source "$TOP_DIR/functions"
if is_root; then
    echo "You are running this script as root."
    echo "It might work but you will have a better day running it as the user of stack.sh"
    exit 1
fi
source "$TOP_DIR/stackrc"
if [[ -r $TOP_DIR/.stackenv ]]; then
    # The services that were started, not those that local.conf asks for by now.
    ENABLED_SERVICES=$(sed -n 's/^ENABLED_SERVICES=//p' "$TOP_DIR/.stackenv")
fi
STAND_IN_DIR=$DEST/stand-in
stand_in_begin unstack
disable_negated_services
run_phase override_defaults
load_plugin_settings
run_phase unstack
stop_services
if is_service_enabled key; then tell gone cloud="$SERVICE_HOST" address="$HOST_IP" > /dev/null || :; fi
if is_service_enabled n-cpu; then rm -rf "$DATA_DIR/nova"; fi
rm -rf "$SERVICE_DIR/stack.running" "$DEST/async"
stand_in_end
