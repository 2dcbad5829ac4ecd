#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# docker.sh - stands in for Docker where commands for it are tested
#
#	docker run [--rm] [-v FROM:TO[:ro]]... [-w DIR] [-e NAME=VALUE]... IMAGE COMMAND...
#
# The image is this system's own root, whatever its name: on overlayfs, with the capabilities that Docker
# leaves and what its default seccomp profile does to io_uring and clone3. What the command changes
# outside FROM is gone afterwards. Needs root; FASTIO_TEST_PROGS has fault-seccomp.
set -euo pipefail

if [[ -z ${DOCKER_INSIDE:-} ]]; then
	DOCKER_INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi

[[ ${1-} == run ]] || {
	echo "docker.sh: only 'run' is known here, not '${1-}'" >&2
	exit 125
}
shift
binds=() environment=() dir=/
while (($#)); do
	case $1 in
	--rm) ;;
	-v) binds+=("$2") && shift ;;
	-w) dir=$2 && shift ;;
	-e) environment+=("$2") && shift ;;
	-*)
		echo "docker.sh: unknown option $1" >&2
		exit 125
		;;
	*) break ;;
	esac
	shift
done
(($# > 1)) || exit 125
shift # the image

# the upper layer on a file system of its own: it must not lie in the lower one
layer=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$layer"
root=$layer/root
mkdir "$layer/upper" "$layer/scratch" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/scratch" "$root"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
: >"$root/.dockerenv"
for bind in "${binds[@]}"; do
	IFS=: read -r from to options <<<"$bind"
	if [[ -d $from ]]; then
		mkdir -p "$root$to"
	else
		mkdir -p "$root${to%/*}"
		: >>"$root$to"
	fi
	mount --bind "$from" "$root$to"
	[[ $options != ro ]] || mount -o remount,bind,ro "$root$to"
done

capabilities=-all
for capability in chown dac_override fsetid fowner mknod net_raw setgid setuid setfcap setpcap \
	net_bind_service sys_chroot kill audit_write; do
	capabilities+=,+$capability
done
status=0
setpriv --bounding-set="$capabilities" --inh-caps=-all "$FASTIO_TEST_PROGS/fault-seccomp" \
	io_uring_setup=EPERM io_uring_enter=EPERM io_uring_register=EPERM clone3=ENOSYS -- \
	chroot "$root" env -i -C "$dir" HOME=/root \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${environment[@]}" "$@" || status=$?
umount -R "$root"
umount "$layer"
rmdir "$layer"
exit "$status"
