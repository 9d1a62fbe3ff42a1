#!/bin/bash
# Boots the image IMAGE in the folder FOLDER: systemd as process 1 of namespaces of its own, on a layer above the image.
# Runs within `unshare --mount --uts --ipc --net --pid --fork --cgroup`; FOLDER/changes is kept from boot to boot.
set -euo pipefail
image="$1" folder="$2"
root="$folder/root"

mkdir -p "$folder/changes" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=$image,upperdir=$folder/changes,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
hostname myapp-host
ip link set lo up
# Not chroot: the kernel makes no user namespaces (PrivateUsers=) for who lives in one.
cd "$root"
mkdir -p run/before
pivot_root . run/before
umount --lazy /run/before
exec env -i container=myapp-test PATH=/usr/sbin:/usr/bin /lib/systemd/systemd
