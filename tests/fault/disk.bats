#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# disk.bats - read-only, full and worn file systems

load fault

MODES="auto eager sync lag"

setup() {
	fault_setup
	need_root
	D=$S/mnt
	mkdir "$D"
}

teardown() {
	fault_teardown
}

unmount() {
	umount "$D"
	MOUNTS=()
}

# fresh TYPE: an empty file system on $D, the same every time.
fresh() {
	((${#MOUNTS[@]} == 0)) || unmount
	rm -f "$S"/*.img
	case $1 in
	tmpfs) mount_on "$D" -t tmpfs -o size=1m tmpfs ;;
	tmpfs-inodes) mount_on "$D" -t tmpfs -o size=16m,nr_inodes=100 tmpfs ;;
	ext4) mount_on "$D" -o loop "$(image e 8M ext4 -m 0)" ;;
	ext4-inodes) mount_on "$D" -o loop "$(image e 16M ext4 -N 128)" ;;
	xfs) mount_on "$D" -o loop,nouuid "$(image x 320M xfs)" ;;
	xfs-inodes) mount_on "$D" -o loop,nouuid "$(image x 320M xfs -i maxpct=1)" ;;
	tmpfs-roomy) mount_on "$D" -t tmpfs -o size=256m tmpfs ;;
	ext4-roomy) mount_on "$D" -o loop,errors=remount-ro "$(image e 256M ext4)" ;;
	esac
}

# Leaves KIB free.
fill() {
	local free
	free=$(df -k --output=avail "$D" | tail -1)
	((free <= $1)) || head -c $(((free - $1) * 1024)) /dev/zero >"$D/filler" 2>/dev/null || true
	sync -f "$D"
}

# The workload on a file system that cannot hold it: stock's errors at stock's calls (exact),
# or at least every failure reported and everything acknowledged complete.
overfull() {
	local exact=$1 kind=$2 free=$3 mode
	shift 3
	for mode in stock $MODES; do
		fresh "$kind"
		[[ -z $free ]] || fill "$free"
		capture "$mode" "$mode" "$T/fault-work" "$@" "$D"
		quiet "$mode"
		((RC == 0)) || fail "$mode: status $RC"
		"$T/fault-work" -V "$@" "$D" <"$S/$mode.out" >"$S/verdict" ||
			fail "$kind, $mode: acknowledged and lost:" "$(head -20 "$S/verdict")"
		[[ -z $exact || $mode == stock ]] || same stock "$mode"
		no_task
		echo "# $kind $mode: $(grep -c ' ok$' "$S/$mode.out") ok, $(grep -c ENOSPC "$S/$mode.out") ENOSPC" >&3
	done
	grep -q ENOSPC "$S/stock.out" || fail "stock did not meet a full disk"
	for mode in $MODES; do
		grep -q ENOSPC "$S/$mode.out" || fail "$mode: no ENOSPC"
	done
}

@test "read-only file system" {
	local kind mode
	for kind in tmpfs ext4; do
		fresh "$kind"
		mkdir "$D/d"
		"$T/fault-work" -n 50 -q c "$D/d"
		mount -o remount,ro "$D"
		for mode in stock $MODES; do
			capture "$mode" "$mode" "$T/fault-work" -n 60 cxudr "$D/d"
			same stock "$mode"
		done
		grep -q EROFS "$S/stock.out"
	done
	no_task
}

@test "remounted read-only and back while a program runs" {
	local mode
	for mode in stock $MODES; do
		fresh tmpfs
		# shellcheck disable=SC2016
		capture "$mode" "$mode" sh -c 'cd "$1" || exit
			for i in $(seq 60); do echo "$i" >"f$i"; done
			mount -o remount,ro "$1"
			for i in $(seq 30); do echo "$i" >"f$i"; echo "$i" >"g$i"; done
			mount -o remount,rw "$1"
			for i in $(seq 60); do echo "$i" >"h$i"; done' sh "$D"
		mkdir "$S/tree.$mode"
		cp -a "$D/." "$S/tree.$mode"
		same stock "$mode"
		same_tree "$S/tree.stock" "$S/tree.$mode"
	done
}

# Read-only from some instant on, by the act of somebody else: under KIND ACT
turns_read_only() {
	local kind=$1 act=$2 mode i lost=0 try
	EXTRA=(FASTIO_LOG="$S/log")
	LOST=0 TOLD=0
	for mode in stock $MODES synclag; do
		for try in {1..5}; do # until it has begun before it becomes read-only
			fresh "$kind"
			rm -f "$S/log"
			for i in {1..4}; do
				mkdir "$D/$i"
			done
			capture "$mode" "$mode" "$T/fault-work" -n 3000 -p 100 cUr "$D" 3>&- &
			sleep 0.$((RANDOM % 5 + try))
			"$act" || fail "$mode: cannot make it read-only"
			wait $! || fail "$mode: has failed"
			! preloaded "$mode" || (($(deferred "$mode") < 50)) || break
			preloaded "$mode" || break
		done
		RC=$(<"$S/$mode.rc")
		grep -q EROFS "$S/$mode.out" "$S/$mode.err" || fail "$mode: nobody met it:" "$(tail -3 "$S/$mode.out")"
		! preloaded "$mode" || need_deferred "$mode" 50
		loud "$mode" -n 3000 cUr
		[[ $mode != stock ]] || ((N_LOST == 0)) || fail "stock: $N_LOST lost"
		lost=$((lost + N_LOST))
		no_task
	done
	echo "# $BATS_TEST_DESCRIPTION, $kind: $TOLD errors told, $lost files late, $LOST in silence" >&3
}

remount() {
	local i
	# refused while any file is open for writing
	for i in {1..2000}; do
		! mount -o remount,ro "$D" 2>/dev/null || return 0
	done
	return 1
}

trigger_error() {
	local dev
	dev=$(findmnt -no SOURCE "$D")
	echo test >"/sys/fs/ext4/${dev##*/}/trigger_fs_error"
}

@test "remounted read-only by somebody else while work is pending: told" {
	turns_read_only tmpfs-roomy remount
	turns_read_only ext4-roomy remount
}

@test "ext4 turns read-only because of an error: told" {
	fresh ext4-roomy
	[[ -w /sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$D")")/trigger_fs_error ]] ||
		skip "errors cannot be triggered here"
	turns_read_only ext4-roomy trigger_error
}

@test "xfs without inodes: every failure reported, everything acknowledged is there" {
	overfull "" xfs-inodes "" -n 7000 -s 10 cr # xfs itself differs by a chunk of inodes
}

@test "full tmpfs: ENOSPC at the same calls" {
	overfull exact tmpfs "" -n 600 -s 6000 cUr
}

@test "nearly full tmpfs: the last few blocks" {
	overfull exact tmpfs 200 -n 100 -s 6000 cUr
	overfull exact tmpfs 4 -n 40 -s 6000 cUr
}

@test "tmpfs without inodes: ENOSPC at the same calls" {
	overfull exact tmpfs-inodes "" -n 200 -s 300 cUrd
	overfull exact tmpfs-inodes "" -n 200 -s 300 xUrd
}

@test "ext4 without inodes: ENOSPC at the same calls" {
	overfull exact ext4-inodes "" -n 300 -s 300 cUr
}

@test "full ext4: every failure reported, everything acknowledged is there" {
	overfull "" ext4 "" -n 1500 -s 12000 cUr
	overfull "" ext4 100 -n 300 -s 12000 mr
}

@test "full xfs: every failure reported, everything acknowledged is there" {
	overfull "" xfs 3000 -n 1500 -s 12000 cUr
}

@test "full tmpfs, tar: the same messages and status" {
	local mode
	mkdir "$S/in"
	"$T/fault-work" -n 500 -s 6000 -q m "$S/in"
	tar -C "$S" -cf "$S/in.tar" in
	for mode in stock $MODES; do
		fresh tmpfs
		capture "$mode" "$mode" tar -C "$D" -xf "$S/in.tar"
		same stock "$mode"
		manifest "$D" >"$S/$mode.tree"
		cmp "$S/stock.tree" "$S/$mode.tree"
	done
	grep -q 'No space left' "$S/stock.err"
	no_task
}

@test "space that becomes free again is used again" {
	local mode
	for mode in stock $MODES; do
		fresh tmpfs
		capture "$mode" "$mode" "$T/fault-work" -n 200 -s 4000 cdcdcr "$D"
		same stock "$mode"
		unmount
	done
}
