#!/usr/bin/env bash
# Map computes that have registered to their cells.
TOP_DIR=$(cd "$(dirname "$0")/.." && pwd)
source "$TOP_DIR/stackrc"
"$NOVA_BIN_DIR/nova-manage" cell_v2 discover_hosts --verbose
