# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# fs.sh - fresh file systems to measure on; sourced by run.sh
#
# Uses WORK (scratch directory), IMAGES (where images go), DIR (given directory, or
# empty), SLOWFS_ARGS.  fs_open sets MNT, FS_MOUNT (type and options for the report), FS_FLUSH_US, what
# a flush of a slow disk takes, and FS_BACK: another way to what is in MNT, behind the server if
# it is far away, or the same directory.  fs_afresh empties the kernel's caches of it.

MNT=
FS_BACK=
FS_MOUNT=
FS_IMAGE=
FS_FLUSH_US=
FS_RECORDER=
FS_LATENCY_US= # of a request, where fastio-slowfs is between
FS_SLOWFS=     # its process
FS_LOOP=
FS_SSHD=
FS_AFRESH=: # what mounts it again

# True when fresh file systems can be made here.
fs_can_mount() {
	[ "$(id -u)" = 0 ] || return 1
	local probe=$WORK/probe ok=1
	mkdir -p "$probe"
	if mount -t tmpfs -o size=1M tmpfs "$probe" 2>/dev/null; then
		umount "$probe"
		ok=0
	fi
	rmdir "$probe"
	return $ok
}

# Warns when numbers from directory $1 would not be typical.
fs_judge() {
	local dev type
	type=$(findmnt -no FSTYPE -T "$1" || true)
	dev=$(findmnt -no SOURCE -T "$1" || true)
	dev=$(basename "$(readlink -f "$dev" 2>/dev/null || echo "$dev")")
	if [ "$type" = ext4 ] && ! compgen -G "/proc/fs/jbd2/$dev-*" >/dev/null; then
		say "warning: ext4 without a journal at $1; it behaves unlike the usual ext4"
	fi
}

# fs_slow_disk: the image as a disk that takes FS_FLUSH_US for each flush, in FS_DISK
fs_slow_disk() {
	local i recorder=$BUILD/tests/fault-recorder
	[ -x "$recorder" ] || {
		say "$recorder is missing; build it with 'make tests'"
		return 1
	}
	mkdir -p "$WORK/recorder"
	"$recorder" --flush-us "$FS_FLUSH_US" "$FS_IMAGE" "$WORK/recorder" 2>"$WORK/err" &
	FS_RECORDER=$!
	FS_DISK=$WORK/recorder/disk
	for i in {1..100}; do
		[ ! -e "$FS_DISK" ] || return 0
		sleep 0.05
	done
	say "FUSE can't be mounted: $(cat "$WORK/err")"
	return 1
}

# fs_slowfs BACKING MOUNTPOINT: BACKING as seen from afar
fs_slowfs() {
	local i slowfs=$BUILD/fastio-slowfs
	[ -x "$slowfs" ] || {
		say "$slowfs is missing; build it with 'make tests'"
		return 1
	}
	mkdir -p "$2"
	"$slowfs" --latency-us "$FS_LATENCY_US" --counts "$WORK/counts" "${SLOWFS_ARGS[@]}" \
		"$1" "$2" 2>"$WORK/err" &
	FS_SLOWFS=$!
	for i in {1..100}; do
		! mountpoint -q "$2" || return 0
		kill -0 $FS_SLOWFS 2>/dev/null || break
		sleep 0.05
	done
	say "FUSE can't be mounted: $(cat "$WORK/err")"
	return 1
}

fs_slowfs_end() {
	[ -n "$FS_SLOWFS" ] || return 0
	fs_unmount "$1"
	wait "$FS_SLOWFS" || true
	FS_SLOWFS=
}

# The requests that fastio-slowfs has seen so far
fs_requests() {
	local i
	rm -f "$WORK/counts"
	kill -USR1 "$FS_SLOWFS"
	for i in {1..100}; do
		[ ! -e "$WORK/counts" ] || break
		sleep 0.02
	done
	jq .round_trips "$WORK/counts"
}

# A directory on the server; memory, as its own speed is not what is measured
fs_back() {
	FS_BACK=$WORK/back
	mkdir -p "$FS_BACK" "$WORK/mnt"
	mount -t tmpfs -o size=75% tmpfs "$FS_BACK"
}

fs_fuse() {
	! mountpoint -q "$WORK/mnt" || fs_slowfs_end "$WORK/mnt"
	fs_slowfs "$FS_BACK" "$WORK/mnt"
}

# An sshd of our own that only this machine reaches, and only with a key made for it
fs_sshd() {
	local i dir=$WORK/ssh sshd port
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd || true)
	if [ -z "$sshd" ] || ! command -v sshfs >/dev/null; then
		say "sshfs: no sshfs or no sshd; 'tools/deps.sh sshfs' installs them"
		return 1
	fi
	rm -rf "$dir"
	mkdir -m 700 "$dir"
	mkdir -p /run/sshd # where it separates its privileges
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
	for i in {1..5}; do
		port=$((20000 + RANDOM % 12000))
		printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' "HostKey $dir/host" \
			"AuthorizedKeysFile $dir/key.pub" 'AuthenticationMethods publickey' \
			"AllowUsers $(id -un)" 'UsePAM no' 'StrictModes no' 'PidFile none' \
			'Subsystem sftp internal-sftp' 'ForceCommand internal-sftp' >"$dir/sshd_config"
		printf '%s\n' 'Host *' 'HostName 127.0.0.1' "Port $port" "User $(id -un)" \
			"IdentityFile $dir/key" 'IdentitiesOnly yes' 'BatchMode yes' \
			"UserKnownHostsFile $dir/known" 'StrictHostKeyChecking yes' >"$dir/config"
		printf '[127.0.0.1]:%s %s\n' "$port" "$(cat "$dir/host.pub")" >"$dir/known"
		"$sshd" -D -e -f "$dir/sshd_config" 2>"$dir/log" &
		FS_SSHD=$!
		sleep 0.2
		! kill -0 "$FS_SSHD" 2>/dev/null || return 0
		wait "$FS_SSHD" || true
		FS_SSHD=
	done
	say "sshfs: sshd does not start: $(cat "$dir/log")"
	return 1
}

fs_sshfs() {
	! mountpoint -q "$WORK/mnt" || fs_unmount "$WORK/mnt"
	sshfs -F "$WORK/ssh/config" -o allow_other,default_permissions "server:$FS_BACK" "$WORK/mnt"
}

# The image as a disk that is read past the page cache, each read taking FS_LATENCY_US if that is set
fs_cold_disk() {
	FS_DISK=$FS_IMAGE
	if [ -n "$FS_LATENCY_US" ]; then
		fs_slowfs "$IMAGES" "$WORK/disk" || return 1
		FS_DISK=$WORK/disk/$(basename "$FS_IMAGE")
	fi
	FS_LOOP=$(losetup --find --show --direct-io=on "$FS_DISK")
}

fs_cold() {
	! mountpoint -q "$WORK/mnt" || fs_unmount "$WORK/mnt"
	mount "$FS_LOOP" "$WORK/mnt"
}

# Before a run: what the kernel knows of the file system from earlier is forgotten.
fs_afresh() { $FS_AFRESH; }

# The flushes that the slow disk has seen
fs_flushes() { cat "$WORK/recorder/mark"; }

fs_make_image() {
	local fs=$1
	rm -f "$FS_IMAGE"
	truncate -s "$IMAGE_SIZE" "$FS_IMAGE"
	local options=(-q -f)
	[ "$fs" != ext4 ] || options=(-q -F -N 400000 -E 'lazy_itable_init=0,lazy_journal_init=0')
	"mkfs.$fs" "${options[@]}" "$FS_IMAGE" >"$WORK/mkfs" 2>&1 || {
		cat "$WORK/mkfs" >&2
		return 1
	}
}

# fs_open NAME: mounts a fresh file system of that name, or prepares the directory.
# Returns 1 when it can't be had here.
fs_open() {
	local fs=$1 FS_DISK
	fs_close
	FS_IMAGE=$IMAGES/fastio-bench-$$-$fs.img
	FS_FLUSH_US='' FS_LATENCY_US=''
	if [[ $fs =~ ^(ext4|xfs|btrfs)-([0-9]+)ms$ ]]; then
		fs=${BASH_REMATCH[1]}
		FS_FLUSH_US=$((BASH_REMATCH[2] * 1000))
	elif [[ $fs =~ ^(fuse|cold-ext4)-([0-9]+)(us|ms)$ ]]; then
		fs=${BASH_REMATCH[1]}
		FS_LATENCY_US=${BASH_REMATCH[2]}
		[ "${BASH_REMATCH[3]}" = us ] || FS_LATENCY_US=$((FS_LATENCY_US * 1000))
	fi
	case $fs in
	ext4 | xfs | btrfs)
		if ! command -v "mkfs.$fs" >/dev/null; then
			say "$fs: no mkfs.$fs, left out"
			return 1
		fi
		if ! fs_make_image "$fs"; then
			say "$fs: no file system made, left out"
			return 1
		fi
		mkdir -p "$WORK/mnt"
		FS_DISK=$FS_IMAGE
		[ -z "$FS_FLUSH_US" ] || fs_slow_disk || return 1
		if ! mount -t "$fs" -o loop "$FS_DISK" "$WORK/mnt"; then
			say "$fs: can't be mounted here, left out"
			return 1
		fi
		MNT=$WORK/mnt
		;;
	tmpfs)
		mkdir -p "$WORK/mnt"
		mount -t tmpfs -o size=75% tmpfs "$WORK/mnt" || return 1
		MNT=$WORK/mnt
		;;
	fuse)
		[ -n "$FS_LATENCY_US" ] || FS_LATENCY_US=1000
		MNT=$WORK/mnt
		FS_AFRESH=fs_fuse
		fs_back && fs_afresh || return 1
		;;
	sshfs)
		MNT=$WORK/mnt
		FS_AFRESH=fs_sshfs
		fs_back && fs_sshd && fs_afresh || return 1
		;;
	cold-ext4)
		fs_make_image ext4 && fs_cold_disk || return 1
		mkdir -p "$WORK/mnt"
		MNT=$WORK/mnt
		FS_AFRESH=fs_cold
		fs_afresh || return 1
		;;
	dir)
		MNT=$(mktemp -d "$DIR/fastio-bench.XXXXXX")
		fs_judge "$MNT"
		;;
	*)
		say "unknown file system: $fs"
		return 1
		;;
	esac
	FS_MOUNT=$(findmnt -no FSTYPE,OPTIONS -T "$MNT" | tr -s ' ')
	: "${FS_BACK:=$MNT}"
	[ "$fs" != dir ] || FS_MOUNT="$FS_MOUNT (existing directory)"
	return 0
}

fs_unmount() {
	local i
	for i in 1 2 3 4 5; do
		umount "$1" 2>/dev/null && return 0
		mountpoint -q "$1" || return 0
		sleep 0.$((i * 2))
	done
	umount -l "$1"
}

# Safe to call at any time, any number of times.
fs_close() {
	local loop
	if [ -n "$MNT" ] && [ "$MNT" != "$WORK/mnt" ]; then
		rm -rf "$MNT"
	elif mountpoint -q "$WORK/mnt" 2>/dev/null; then
		fs_unmount "$WORK/mnt"
	fi
	MNT='' FS_AFRESH=:
	if [ -n "$FS_SSHD" ]; then
		kill "$FS_SSHD" 2>/dev/null || true
		wait "$FS_SSHD" || true
		FS_SSHD=
	fi
	if [ -n "$FS_LOOP" ]; then
		losetup -d "$FS_LOOP" || true
		FS_LOOP=
	fi
	fs_slowfs_end "$WORK/disk"
	if mountpoint -q "$WORK/back" 2>/dev/null; then fs_unmount "$WORK/back"; fi
	FS_BACK=
	if [ -n "$FS_RECORDER" ]; then
		fs_unmount "$WORK/recorder"
		wait "$FS_RECORDER" || true
		FS_RECORDER=
	fi
	if [ -n "$FS_IMAGE" ] && [ -e "$FS_IMAGE" ]; then
		while read -r loop; do
			losetup -d "$loop" || true
		done < <(losetup -nO NAME -j "$FS_IMAGE" 2>/dev/null || true)
		rm -f "$FS_IMAGE"
	fi
	FS_IMAGE=
}
