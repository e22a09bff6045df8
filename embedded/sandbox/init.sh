# pid 1 of a sandbox, inside new user, mount, pid, uts and ipc name spaces. Arguments: root folder, host name.
# Standard input is a pipe from the daemon: its end is the end of the sandbox.
set -e
umask 022
ROOT=$1
NAME=$2
exec 3<&0

# The old /proc still shows the host's process ids: the daemon needs ours, to send commands in.
read -r HOST_PID REST < /proc/self/stat

mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"

# System folders: links stay links, folders are shown read-only.
mkdir -p usr
mount --rbind /usr usr
mount -o remount,bind,ro usr
for folder in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$folder" ]; then
    ln -sfn "$(readlink "/$folder")" "$folder"
  elif [ -d "/$folder" ]; then
    mkdir -p "$folder"
    mount --bind "/$folder" "$folder"
    mount -o remount,bind,ro "$folder"
  fi
done
# What programs look up in /etc, and what holds no secret.
for name in alternatives ssl ld.so.cache ld.so.conf ld.so.conf.d localtime protocols services mime.types ca-certificates.conf; do
  [ -e "/etc/$name" ] || continue
  # A link would lead out of the disk as long as the host's root is ours, too.
  [ ! -L "etc/$name" ] || rm -f "etc/$name"
  if [ -d "/etc/$name" ]; then mkdir -p "etc/$name"; else [ -e "etc/$name" ] || : > "etc/$name"; fi
  mount --bind "/etc/$name" "etc/$name" && mount -o remount,bind,ro "etc/$name" || :
done 2> /dev/null

for folder in dev/pts dev/shm old; do [ ! -L "$folder" ] || rm -f "$folder"; done
mkdir -p proc dev/pts dev/shm old
mount -t proc proc proc
# The kernel's own is that of the host, and the same at each boot.
if [ -f ../boot-id ]; then
  mount --bind ../boot-id proc/sys/kernel/random/boot_id && mount -o remount,bind,ro proc/sys/kernel/random/boot_id || :
fi
for device in null zero full random urandom tty; do
  [ ! -L "dev/$device" ] || rm -f "dev/$device"
  [ -e "dev/$device" ] || : > "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts 2> /dev/null && ln -sfn pts/ptmx dev/ptmx || :
mount -t tmpfs -o size=16m tmpfs dev/shm 2> /dev/null || :
ln -sfn /proc/self/fd dev/fd
ln -sfn /proc/self/fd/0 dev/stdin
ln -sfn /proc/self/fd/1 dev/stdout
ln -sfn /proc/self/fd/2 dev/stderr

pivot_root . old
cd /
umount -l /old
rmdir /old
hostname "$NAME" || :
set +e

trap 'exit 10' TERM
trap 'exit 11' USR1
echo "ready $HOST_PID"
exec > /dev/null 2>&1
cat <&3 > /dev/null &
# Waits for the pipe's end, and meanwhile takes in whoever is left without a parent.
wait "$!"
exit 0
