#!/usr/bin/env bash
# A throw-away machine: a real systemd as process 1 of namespaces of its own
# (processes, mounts, control groups, network, host name), over a copy of this
# machine's files that vanishes with it. Boots in about a second.
#
#   box.sh boot DIR          in the foreground, until it halts or is killed
#   box.sh in PID COMMAND..  in the machine whose process 1 this is
#   box.sh clear DIR         what a halted machine leaves behind
#
# Needs root, systemd, dbus and util-linux. A look from outside at the files
# within: under /proc/PID/root
set -Eeuo pipefail

# Which of the old control group controllers this kernel has mounted: systemd
# then uses them beside the unified hierarchy.
old_controllers() {
    local name
    for name in cpu memory pids systemd; do
        if [ "$(stat -fc %T "/sys/fs/cgroup/$name" 2>/dev/null)" = cgroupfs ]; then echo "$name"; fi
    done
}

boot() {
    local dir=$1 name folder
    for name in $(old_controllers); do
        folder=/sys/fs/cgroup/$name/lastword-box-$$
        mkdir -p "$folder"
        echo "$folder" >>"$dir/cgroups"
    done
    folder=$(findmnt -nrt cgroup2 -o TARGET | head -1)/lastword-box-$$
    mkdir -p "$folder"
    echo "$folder" >>"$dir/cgroups"
    while read -r folder; do echo $$ >"$folder/cgroup.procs"; done <"$dir/cgroups"
    # Whoever started this and dies takes the machine along.
    exec setpriv --pdeathsig KILL unshare --fork --kill-child=KILL \
        --pid --mount --cgroup --uts --ipc --net "$(realpath "$0")" become "$dir"
}

# Runs as process 1 and becomes systemd.
become() {
    local dir=$1 name node
    mount --make-rprivate /
    hostname lastword-box
    mount -t tmpfs -o mode=755 box "$dir/disk"
    mkdir "$dir"/disk/{changed,work,root}
    mount -t overlay -o "lowerdir=/,upperdir=$dir/disk/changed,workdir=$dir/disk/work" box "$dir/disk/root"
    cd "$dir/disk/root"

    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    # The network's settings are the machine's own, the kernel's are not.
    mount --bind proc/sys/net run
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount --move run proc/sys/net
    mount -t tmpfs -o mode=755 run run
    mount -t tmpfs -o mode=1777 tmp tmp
    mount -t tmpfs -o mode=755 dev dev
    for node in full null random tty urandom zero; do
        : >"dev/$node"
        mount --bind "/dev/$node" "dev/$node"
    done
    mkdir dev/pts dev/shm
    mount -t tmpfs -o mode=1777 shm dev/shm
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    ln -s fd/0 dev/stdin
    ln -s fd/1 dev/stdout
    ln -s fd/2 dev/stderr
    if [ -n "$(old_controllers)" ]; then
        mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup
        for name in $(old_controllers); do
            mkdir "sys/fs/cgroup/$name"
            case $name in
                systemd) mount -t cgroup -o none,name=systemd systemd sys/fs/cgroup/systemd ;;
                *) mount -t cgroup -o "$name" "$name" "sys/fs/cgroup/$name" ;;
            esac
        done
        mkdir sys/fs/cgroup/unified
        mount -t cgroup2 unified sys/fs/cgroup/unified
    else
        mount -t cgroup2 cgroup2 sys/fs/cgroup
    fi

    # A bare machine: nothing of this one's own runs there.
    rm -rf etc/machine-id var/log/journal etc/systemd/system/*.wants/*
    # The index of all manual pages is not made anew with each package.
    rm -f var/lib/man-db/auto-update
    : >etc/fstab
    : >etc/machine-id
    for name in modules-load networkd resolved sysctl timesyncd udevd; do
        ln -sf /dev/null "etc/systemd/system/systemd-$name.service"
    done
    mkdir -p .before
    pivot_root . .before
    umount -l /.before
    rmdir /.before
    mount --make-rshared /
    exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
        --unit=multi-user.target --show-status=0 --log-target=journal
}

inside() {
    local pid=$1
    shift
    exec nsenter -t "$pid" -m -u -i -n -p -C -r -w -- \
        env -i HOME=/root LC_ALL=C.UTF-8 SYSTEMD_PAGER= PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        timeout 300 "$@"
}

clear_up() {
    local folder
    while read -r folder; do
        # Deepest first; one that is still in use is the next one's to clear.
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done <"$1/cgroups"
}

case $1 in
    boot) mkdir -p "$2/disk" && : >"$2/cgroups" && boot "$(realpath "$2")" ;;
    become) become "$2" ;;
    in) shift && inside "$@" ;;
    clear) clear_up "$2" ;;
    *) echo "box.sh: no such thing: $1" >&2 && exit 2 ;;
esac
