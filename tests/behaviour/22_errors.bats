#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the stock call refuses is refused at the call, with the same errno.

load ../lib/common

require_root() {
	[[ $(id -u) == 0 ]] || skip "needs root"
}

# Mounts a small tmpfs or ext4 on DIR, or skips the test.
small_fs() {
	local dir=$1 type=$2
	mkdir -p "$dir"
	case $type in
	tmpfs) mount -t tmpfs -o size=64k,mode=0755 none "$dir" ;;
	ext4)
		truncate -s 1M "$T/image"
		mkfs.ext4 -q -F -O ^has_journal -m 0 "$T/image"
		mount -o loop "$T/image" "$dir"
		rmdir "$dir/lost+found"
		;;
	esac
}

# A trial mount, so that the test can say why it is left out.
require_mount() {
	require_root
	mkdir "$T/trial"
	(small_fs "$T/trial" "$1") >/dev/null 2>&1 || skip "cannot mount $1 here"
	umount "$T/trial"
}

empty_m() {
	mkdir m
}

unmount_all() {
	local m
	for m in m ro small; do
		! mountpoint -q "$m" || umount "$m"
	done
}

foreign_files() {
	mkdir p noexec nowrite noread sticky
	local d f
	for f in p/noread p/readonly p/secret p/mine0444 p/mine0000 own \
		noexec/f nowrite/f noread/f sticky/root sticky/mine; do
		echo "$f" >"$f"
	done
	[[ $(id -u) != 0 ]] || chown 65534:65534 p/mine* own sticky/mine p noexec/f nowrite/f
	chmod 0200 p/noread
	chmod 0444 p/readonly p/mine0444
	chmod 0600 p/secret
	chmod 0 p/mine0000
	chmod 0666 noexec/f nowrite/f noread/f sticky/root sticky/mine
	chmod 0644 noexec
	chmod 0555 nowrite
	chmod 0733 noread
	chmod 1777 sticky
}

read_only_fs() {
	mkdir ro
	mount -t tmpfs none ro
	echo x >ro/f
	mount -o remount,ro ro
}

fs_to_remount() {
	mkdir m
	mount -t tmpfs none m
	echo x >m/f
}

immutable_files() {
	IMMUTABLE=1
	mkdir fixed_dir
	echo x | tee fixed appendonly fixed_dir/f >/dev/null
	chattr +i fixed fixed_dir
	chattr +a appendonly
}

mutable_again() {
	chattr -i fixed fixed_dir
	chattr -a appendonly
}

full_fs() {
	small_fs small "$1"
	head -c 6000 /dev/zero >small/victim
	! cat /dev/zero >small/filler 2>/dev/null
	local i
	for ((i = 0; i < 200; i++)); do
		echo x >"small/x$i" || break
	done 2>/dev/null
	sync -f small
}

full_tmpfs() {
	full_fs tmpfs
}

full_ext4() {
	full_fs ext4
}

empty_tmpfs() {
	small_fs small tmpfs
}

empty_ext4() {
	small_fs small ext4
}

same_names_left_out() {
	# how many files fit depends on when the file system allocates
	rm -f small/f*
}


@test "errors: ENOENT" {
	fiveways errs enoent
}

@test "errors: EEXIST" {
	fiveways errs eexist
}

@test "errors: EISDIR and directories" {
	fiveways -d none errs directories
}

@test "errors: ENOTDIR" {
	fiveways errs enotdir
}

@test "errors: ELOOP and O_NOFOLLOW" {
	fiveways errs eloop
}

@test "errors: ENAMETOOLONG" {
	fiveways -d none errs enametoolong
}

@test "errors: EBADF by the wrong direction" {
	fiveways errs wrong_direction
}

@test "errors: EFAULT" {
	fiveways errs efault
}

@test "errors: EINVAL" {
	fiveways errs einval
}

@test "errors: special files" {
	fiveways errs special
}

@test "errors: EFBIG under RLIMIT_FSIZE" {
	fiveways errs efbig
}

@test "errors: EACCES and EPERM as an unprivileged user" {
	fiveways -u 65534 -s foreign_files errs eacces
}

@test "errors: EROFS on a read-only file system" {
	require_mount tmpfs
	fiveways -s read_only_fs -c unmount_all errs erofs
}

@test "errors: a file system remounted read-only and back" {
	require_mount tmpfs
	fiveways -s fs_to_remount -c unmount_all errs remounted
}

@test "errors: none when a file system is unmounted in which something was made" {
	require_mount tmpfs
	fiveways -s empty_m -c unmount_all errs unmounted
}

@test "errors: EPERM on immutable and append-only files" {
	require_root
	(cd "$T" && touch trial && chattr +i trial && chattr -i trial) 2>/dev/null || skip "no chattr here"
	fiveways -s immutable_files -c mutable_again errs immutable
}

@test "errors: ENOSPC at the call on a full tmpfs" {
	require_mount tmpfs
	fiveways -d none -s full_tmpfs -c unmount_all errs full
}

@test "errors: ENOSPC at the call on a full ext4" {
	require_mount ext4
	fiveways -d none -s full_ext4 -c unmount_all errs full
}

@test "errors: a tmpfs filled up to ENOSPC" {
	require_mount tmpfs
	fiveways -d none -e T_COUNT_FILES=1 -s empty_tmpfs -c unmount_all errs fill
}

@test "errors: an ext4 filled up to ENOSPC" {
	require_mount ext4
	fiveways -d none -s empty_ext4 -a same_names_left_out -c unmount_all errs fill
}
