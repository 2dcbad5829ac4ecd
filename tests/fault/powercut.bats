#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# powercut.bats - what is left of files that were being replaced when the power failed
#
# The file system is in an image that lies on xfs, where a reflink copies it at one instant: what the disk
# would have had.  Each copy is mounted, which replays its journal, and looked at.
#
# Stock itself leaves some files empty, cut short, or with zeros in them (space that was allocated before it
# was written): what it never leaves is demanded of the library; the counts of both are printed.

load fault

CUTS=6
[[ -z ${FASTIO_TEST_FULL:-} ]] || CUTS=60

PIDS=()

setup() {
	fault_setup
	need_root
	D=$S/mnt
	mkdir "$D" "$S/look"
	mount_on "$S/disks" -o loop "$(image holder 3G xfs -m reflink=1)"
}

teardown() {
	local p
	for p in "${PIDS[@]}"; do
		kill -KILL "$p" 2>/dev/null || true
	done
	wait
	fault_teardown
}

# A disk with a fresh file system, mounted.
disk() {
	rm -f "$S"/disks/*
	truncate -s "${2:-64M}" "$S/disks/disk"
	"mkfs.$1" -q "$S/disks/disk" >/dev/null 2>&1 || skip "no mkfs.$1"
	mount_on "$D" -o "loop${3:+,$3}" "$S/disks/disk"
}

# Replaces files and cuts the power at random instants; $S/NAME.left has a line for each.
cut_power() { # NAME MODE HOW
	local name=$1 i acked
	mode_env "$2" "$name"
	rm -f "$S/acked" "$S/$name.left"
	env "${MODE_ENV[@]}" timeout -k 1 "${LIMIT:-300}" "$T/fault-replace" "$3" "$D" "$S/acked" 3>&- &
	PIDS=($!)
	for ((i = 0; i < 200; i++)); do
		[[ ! -s $S/acked ]] || break
		sleep 0.05
	done
	while :; do
		sync -f "$D"
		sleep 0.0$((RANDOM % 9))
	done 3>&- &
	PIDS+=($!)
	for ((i = 0; i < CUTS; i++)); do
		sleep "0.$((RANDOM % 3))$((RANDOM % 9))"
		cp "$S/acked" "$S/acked.$i"
		cp --reflink=always "$S/disks/disk" "$S/disks/cut.$i"
	done
	kill "${PIDS[@]}"
	wait "${PIDS[@]}" || true
	PIDS=()
	no_task
	umount "$D"
	MOUNTS=("$S/disks")
	for ((i = 0; i < CUTS; i++)); do
		acked=$(tail -n 1 "$S/acked.$i")
		mount -o loop "$S/disks/cut.$i" "$S/look"
		"$T/fault-replace" -V "$S/look" | jq -c --argjson acked "${acked:-0}" '.acked = $acked' \
			>>"$S/$name.left"
		umount "$S/look"
	done
	echo "# $name: $(all "$name" '{large: (.[0].large | with_entries(.value = 0)), small: (.[0].small | with_entries(.value = 0))} as $none
		| reduce .[] as $l ($none; .large |= with_entries(.value += $l.large[.key])
			| .small |= with_entries(.value += $l.small[.key])) + {generations: map(.acked) | max}')" >&3
}

all() { # NAME FILTER
	jq -sc "$2" "$S/$1.left"
}

# holds NAME CONDITION: for each cut
holds() {
	all "$1" "all(.[]; $2)" | grep -qx true || fail "$1, $2:" "$(<"$S/$1.left")"
}

elided() {
	(($(sum "$1" .elided.trunc) > 20)) || fail "$1: $(<"$S/$1.stats")"
}

@test "power cut: files overwritten in place are old or new (ext4)" {
	local mode
	for mode in stock eager sync; do
		disk ext4 64M commit=1
		cut_power "truncate-$mode" "$mode" truncate
		[[ $mode == stock ]] || holds "truncate-$mode" '.small.whole == 30'
	done
	elided truncate-eager
	elided truncate-sync
}

@test "power cut: files replaced by others of another size (ext4)" {
	local mode
	for mode in stock eager; do
		disk ext4 64M commit=1
		cut_power "resize-$mode" "$mode" resize
		holds "resize-$mode" '.small.missing + .large.missing == 0'
	done
	(($(sum resize-eager .deferred.update) > 20)) || fail "$(<"$S/resize-eager.stats")"
}

@test "power cut: files replaced by rename are old or new (ext4)" {
	local mode
	for mode in stock eager; do
		disk ext4 64M commit=1
		cut_power "rename-$mode" "$mode" rename
		holds "rename-$mode" '.small.empty + .large.empty + .small.missing + .large.missing == 0'
	done
	need_deferred rename-eager 5
}

@test "power cut: what was synced is there (ext4, xfs)" {
	local mode fs
	for fs in ext4 xfs; do
		for mode in stock eager; do
			disk "$fs" "$([[ $fs == xfs ]] && echo 320M || echo 64M)"
			cut_power "fsync-$fs-$mode" "$mode" fsync
			holds "fsync-$fs-$mode" '.small.whole + .large.whole == 60 and .oldest >= .acked'
		done
	done
}

@test "power cut: replaced on xfs" {
	local mode how
	for how in truncate resize rename; do
		for mode in stock eager; do
			disk xfs 320M
			cut_power "xfs-$how-$mode" "$mode" "$how"
			holds "xfs-$how-$mode" '.small.missing + .large.missing == 0'
		done
	done
}
