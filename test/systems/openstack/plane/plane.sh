#!/bin/bash
# First process of the pid and mount namespaces of one OpenStack control plane on loopback, on free ports of the host's.
# usage: plane.sh <state folder, absolute> seed|run
#   seed: makes schemas and objects, ends MariaDB in good order and leaves the data
#   run:  starts on such data; /mnt/ports has the ports, /mnt/ready appears when every API answers
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=$1
mode=$2
. "$here/configure.sh"

mount --make-rprivate /
# The same path in every run: locations of images and all of the configuration stay true in a copy.
mount --bind "$state" /mnt
cd /mnt
started=$(date +%s)
say() { printf '%4d s  %s\n' $(($(date +%s) - started)) "$*"; }
python=/usr/bin/python3
entry() { "$python" "$here/entry.py" "$@"; }
database() { echo "mysql+pymysql://os:os@localhost/$1?unix_socket=/mnt/db.sock"; }
sql() { mariadb --no-defaults -S /mnt/db.sock -u root "$@"; }
export PYTHONPATH=/mnt/python PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 HOME=/mnt/data

read -r KEYSTONE GLANCE PLACEMENT NOVA NEUTRON RABBIT RABBIT_DIST EPMD < <("$python" - <<'PYTHON'
import socket
held = [socket.socket() for _ in range(8)]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PYTHON
)
write_configuration
export OS_AUTH_URL=http://127.0.0.1:$KEYSTONE/v3 OS_USERNAME=admin OS_PASSWORD=admin-password-canary OS_PROJECT_NAME=admin
export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default OS_REGION_NAME=RegionOne OS_IDENTITY_API_VERSION=3

daemon() { # name command...
  local name=$1
  shift
  "$@" >"/mnt/log/$name.out" 2>&1 </dev/null &
}
wait_for() { # seconds what command...
  local seconds=$1 what=$2
  shift 2
  for ((i = 0; i < seconds * 5; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  echo "no $what after $seconds s" >&2
  exit 1
}
answers() { curl -s -o /dev/null --noproxy '*' --max-time 5 "http://127.0.0.1:$1"; }
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

start_database() {
  daemon mariadb mariadbd --no-defaults --user=root --datadir=/mnt/db --socket=/mnt/db.sock --pid-file=/mnt/db.pid \
    --skip-networking --skip-name-resolve --max-connections=400 --performance-schema=OFF \
    --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --sync-binlog=0 \
    --innodb-buffer-pool-size=256M --innodb-log-file-size=32M
  wait_for 120 MariaDB sql -e 'select 1'
  say "MariaDB is up"
}

make_schemas() {
  local names="keystone glance placement nova_api nova nova_cell0 neutron"
  { for name in $names; do echo "CREATE DATABASE $name CHARACTER SET utf8mb3;"; done
    echo "CREATE USER os@localhost IDENTIFIED BY 'os'; GRANT ALL ON *.* TO os@localhost;"; } | sql
  manage() { entry nova.cmd.manage:main --config-file etc/nova.conf "$@"; }
  nova_schema() {
    manage api_db sync
    manage cell_v2 map_cell0 --database_connection "$(database nova_cell0)"
    manage db sync
    manage cell_v2 create_cell --name cell1 --database_connection "$(database nova)" \
      --transport-url "rabbit://guest:guest@127.0.0.1:$RABBIT/"
  }
  keystone_schema() {
    local keystone="keystone-manage --config-file etc/keystone.conf"
    $keystone fernet_setup --keystone-user root --keystone-group root
    $keystone credential_setup --keystone-user root --keystone-group root
    $keystone db_sync
    $keystone bootstrap --bootstrap-password "$OS_PASSWORD" --bootstrap-region-id RegionOne \
      --bootstrap-admin-url "$OS_AUTH_URL" --bootstrap-internal-url "$OS_AUTH_URL" --bootstrap-public-url "$OS_AUTH_URL"
  }
  small_schemas() {
    keystone_schema
    entry glance.cmd.manage:main --config-file etc/glance-api.conf db_sync
    placement-manage --config-file etc/placement.conf db sync
  }
  local jobs=()
  for job in nova_schema small_schemas; do
    $job >"log/$job.log" 2>&1 &
    jobs+=($!)
  done
  entry neutron.db.migration.cli:main --config-file etc/neutron.conf --config-file etc/ml2.ini upgrade heads \
    >log/neutron_schema.log 2>&1
  for job in "${jobs[@]}"; do wait "$job"; done
  say "schemas are there"
}

# Data from another run: its ports, and services that were up then.
correct_data() {
  sql <<SQL
UPDATE nova_api.cell_mappings SET transport_url = 'rabbit://guest:guest@127.0.0.1:$RABBIT/' WHERE name = 'cell1';
UPDATE nova.services SET last_seen_up = '2000-01-01';
UPDATE keystone.endpoint e JOIN keystone.service s ON s.id = e.service_id SET e.url = CASE s.type
  WHEN 'identity' THEN '$OS_AUTH_URL' WHEN 'image' THEN 'http://127.0.0.1:$GLANCE'
  WHEN 'placement' THEN 'http://127.0.0.1:$PLACEMENT' WHEN 'compute' THEN 'http://127.0.0.1:$NOVA/v2.1'
  WHEN 'network' THEN 'http://127.0.0.1:$NEUTRON' ELSE e.url END;
SQL
}

start_rabbit() {
  echo '[].' >rabbit/plugins
  printf 'loopback_users = none\ncluster_formation.peer_discovery_backend = classic_config\n' >rabbit/rabbitmq.conf
  daemon rabbitmq env HOME=/mnt/rabbit ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$EPMD" \
    RABBITMQ_NODENAME=lab@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$RABBIT" \
    RABBITMQ_DIST_PORT="$RABBIT_DIST" RABBITMQ_MNESIA_BASE=/mnt/rabbit RABBITMQ_LOG_BASE=/mnt/log \
    RABBITMQ_ENABLED_PLUGINS_FILE=/mnt/rabbit/plugins RABBITMQ_CONFIG_FILE=/mnt/rabbit/rabbitmq \
    RABBITMQ_PID_FILE=/mnt/rabbit/pid RABBITMQ_CONF_ENV_FILE=/dev/null \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none" \
    /usr/lib/rabbitmq/bin/rabbitmq-server
}

wsgi() { # name port processes variable
  daemon "$1" env "$4" uwsgi --plugin python3 --master --http-socket "127.0.0.1:$2" --processes "$3" --threads 1 \
    --enable-threads --buffer-size 65535 --lazy-apps --need-app --die-on-term --thunder-lock \
    --add-header "Connection: close" --disable-logging --wsgi-file "etc/$1.wsgi"
}
nova() { daemon "nova-$1" "$python" "$here/entry.py" "nova.cmd.$2:main" --config-file etc/nova.conf --config-file etc/nova-quota.conf; }
conductor_is_up() {
  [ "$(sql -N -e "select count(*) from nova.services where topic = 'conductor' and (last_seen_up > '2001-01-01' or last_seen_up is null)")" != 0 ]
}

start_services() {
  wsgi keystone "$KEYSTONE" 2 OS_KEYSTONE_CONFIG_DIR=/mnt/etc
  wait_for 120 keystone answers "$KEYSTONE"
  say "keystone answers"
  if [ "$mode" = seed ]; then
    "$python" "$here/seed.py" identity "$GLANCE" "$PLACEMENT" "$NOVA" "$NEUTRON"
    say "projects, users and the catalog are there"
  fi
  wsgi placement "$PLACEMENT" 1 OS_PLACEMENT_CONFIG_DIR=/mnt/etc
  daemon glance "$python" "$here/entry.py" glance.cmd.api:main --config-file etc/glance-api.conf
  wait_for 120 RabbitMQ listens "$RABBIT"
  say "RabbitMQ listens"
  nova conductor conductor
  daemon neutron "$python" "$here/entry.py" neutron.cmd.eventlet.server:main --config-file etc/neutron.conf \
    --config-file etc/ml2.ini --config-file etc/neutron-quota.conf
  nova api api_os_compute
  nova scheduler scheduler
  wait_for 120 placement answers "$PLACEMENT"
  # Without it nova-compute would wait through a time-out of 10 s.
  wait_for 120 nova-conductor conductor_is_up
  printf '[DEFAULT]\nhost = lab\n' >etc/compute-lab.conf
  daemon nova-compute "$python" "$here/entry.py" nova.cmd.compute:main --config-file etc/nova.conf \
    --config-file etc/compute-lab.conf
  wait_for 120 glance answers "$GLANCE"
  wait_for 120 nova-api answers "$NOVA"
  wait_for 180 neutron answers "$NEUTRON"
  say "every API answers"
}

compute_is_there() { [ "$(sql -N -e 'select count(*) from nova.compute_nodes')" = 1 ]; }

start_rabbit
if [ "$mode" = seed ]; then
  mariadb-install-db --no-defaults --datadir=/mnt/db --user=root --auth-root-authentication-method=normal \
    --skip-test-db >log/install-db.log 2>&1
  start_database
  make_schemas
else
  start_database
  correct_data
fi
start_services
if [ "$mode" = seed ]; then
  wait_for 120 nova-compute compute_is_there
  manage cell_v2 discover_hosts >log/discover.log 2>&1
  "$python" "$here/seed.py" cloud
  say "images, flavors and the external network are there"
  mariadb-admin --no-defaults -S /mnt/db.sock -u root shutdown
  rm -rf rabbit log etc db.pid
  say "seeded"
  exit 0
fi
echo "$KEYSTONE $GLANCE $PLACEMENT $NOVA $NEUTRON" >ports
: >ready
set +e
while :; do wait; sleep 60; done
