# labplan_report STAGE [LOG]: tells the boot server how far this machine is; the end of LOG goes along.
# Plain sh, for installers. The token stands in no argument where a tool can take it from a file.
labplan_report() (
  umask 077
  dir=$(mktemp -d /tmp/labplan.XXXXXX) || exit 1
  trap 'rm -rf "$dir"' EXIT
  unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
  echo "Authorization: Bearer $labplan_token" >"$dir/header"
  echo "s/$labplan_token/***/g; s/%/%25/g; s/&/%26/g; s/+/%2B/g" >"$dir/encode"
  {
    printf %s "mac=$labplan_mac&host=$labplan_host&bootId=$(cat /proc/sys/kernel/random/boot_id)"
    if [ -r "${2:-}" ]; then printf %s "&detail=$(tail -c 16384 "$2" | sed -f "$dir/encode")"; fi
  } >"$dir/body"
  url=$labplan_url/events/$1
  # The boot server runs while "pulumi up" does: one that was stopped may be back in half an hour, and a finished
  # installation that nobody heard of would be made anew.
  tries=3
  [ "$1" != installed ] || tries=180
  try=0
  while [ "$try" -lt "$tries" ]; do
    [ "$try" = 0 ] || sleep 10
    try=$((try + 1))
    if command -v curl >/dev/null 2>&1; then
      curl -fsS -m 20 -o /dev/null -H "@$dir/header" --data-binary "@$dir/body" "$url" && exit 0
    elif wget --help 2>&1 | grep -q -e --config; then
      sed 's/^/header = /' "$dir/header" >"$dir/wgetrc"
      wget -q -T 20 -t 1 -O /dev/null --config="$dir/wgetrc" --post-file="$dir/body" "$url" && exit 0
    else
      # Busybox takes a header as an argument alone: in an installer, where nobody else is.
      busybox wget -q -O /dev/null --header "$(cat "$dir/header")" --post-data "$(cat "$dir/body")" "$url" && exit 0
    fi
  done
  exit 1
)
