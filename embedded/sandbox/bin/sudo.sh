#!/bin/sh
user=root; login=
while [ $# -gt 0 ]; do case "$1" in -u) user=$2; shift 2 ;; -g) shift 2 ;; -i|-s) login=1; shift ;; --) shift; break ;; -*) shift ;; *) break ;; esac; done
. /opt/labplan/bin/become
while [ $# -gt 0 ]; do case "$1" in *=*) export "$1"; shift ;; *) break ;; esac; done
[ $# -gt 0 ] || { [ -n "$login" ] || exit 0; exec "$SHELL"; }
exec "$@"
