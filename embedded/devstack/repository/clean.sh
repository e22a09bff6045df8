#!/usr/bin/env bash
# Removes what stack.sh wrote. Repositories stay.
TOP_DIR=$(cd "$(dirname "$0")" && pwd)
cd "$TOP_DIR"
source "$TOP_DIR/functions"
source "$TOP_DIR/stackrc"
if [[ -e $SERVICE_DIR/stack.running ]]; then "$TOP_DIR/unstack.sh" --all; fi
STAND_IN_DIR=$DEST/stand-in
stand_in_begin clean
load_plugin_settings
run_phase clean
for each in keystone glance nova cinder swift heat neutron placement; do
    [[ ! -e $ETC/$each ]] || sudo_if_needed rm -rf "$ETC/$each"
done
if is_service_enabled key; then sudo_if_needed rm -f "$ETC/openstack/clouds.yaml"; fi
rm -rf "$DATA_DIR" "$SERVICE_DIR" "$LOGDIR"
rm -f "$LOGFILE" "$LOGFILE".* "$TOP_DIR"/.localrc.auto "$TOP_DIR"/.stackenv "$TOP_DIR"/.prereqs
stand_in_end
