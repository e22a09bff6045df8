# Read by sudo, runuser and su. Everything in a sandbox belongs to the one user that it has, so nobody can be become by
# number: who is meant is in the environment, where `id` and `whoami` look. `$user` is the one.
line=$(grep "^$user:" /etc/passwd) || { echo "$0: user $user does not exist or the user entry does not contain all the required fields" >&2; exit 1; }
USER=$user LOGNAME=$user HOME=$(echo "$line" | cut -d: -f6) SHELL=$(echo "$line" | cut -d: -f7)
export USER LOGNAME HOME SHELL
if [ "$user" = root ]; then unset LABPLAN_SANDBOX_USER; else export LABPLAN_SANDBOX_USER="$user"; fi
