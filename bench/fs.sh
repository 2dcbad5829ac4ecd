# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# fs.sh - fresh file systems to measure on; sourced by run.sh
#
# Uses WORK (scratch directory), IMAGES (where images go), DIR (given directory, or
# empty).  fs_open sets MNT, FS_MOUNT (type and options for the report), and FS_FLUSH_US, what a
# flush of a slow disk takes.

MNT=
FS_MOUNT=
FS_IMAGE=
FS_FLUSH_US=
FS_RECORDER=

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
	FS_FLUSH_US=
	if [[ $fs =~ ^(ext4|xfs|btrfs)-([0-9]+)ms$ ]]; then
		fs=${BASH_REMATCH[1]}
		FS_FLUSH_US=$((BASH_REMATCH[2] * 1000))
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
	MNT=
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
