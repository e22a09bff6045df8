#!/bin/sh
# The last argument is the name; the options that take a value are skipped with it.
name=; home=; uid=; shell=/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -d|--home-dir|--home) home=$2; shift 2 ;;
    -u|--uid) uid=$2; shift 2 ;;
    -s|--shell) shell=$2; shift 2 ;;
    -g|--gid|-G|--groups|-c|--comment|-p|--password|--gecos|--ingroup) shift 2 ;;
    -*) shift ;;
    *) name=$1; shift ;;
  esac
done
case "$name" in ""|*[!a-z0-9_-]*) echo "useradd: invalid user name" >&2; exit 3 ;; esac
if grep -q "^$name:" /etc/passwd; then echo "useradd: user '$name' already exists" >&2; exit 9; fi
if [ -n "$uid" ]; then
  if cut -d: -f3 /etc/passwd | grep -qx "$uid"; then echo "useradd: UID $uid is not unique" >&2; exit 4; fi
else
  last=$(cut -d: -f3 /etc/passwd | grep -v 65534 | sort -n | tail -n 1)
  uid=$((last < 1000 ? 1000 : last + 1))
fi
[ -n "$home" ] || home=/home/$name
printf "%s:x:%s:%s::%s:%s\n" "$name" "$uid" "$uid" "$home" "$shell" >> /etc/passwd
printf "%s:x:%s:\n" "$name" "$uid" >> /etc/group
mkdir -p "$home"
