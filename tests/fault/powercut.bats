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
	# somebody may still have the last one in a namespace of his own
	NOUUID=
	[[ $1 != xfs ]] || NOUUID=,nouuid
	rm -f "$S"/disks/*
	truncate -s "${2:-64M}" "$S/disks/disk"
	"mkfs.$1" -q "$S/disks/disk" >/dev/null 2>&1 || skip "no mkfs.$1"
	mount_on "$D" -o "loop${3:+,$3}" "$S/disks/disk"
}

# Replaces files and cuts the power at random instants; $S/NAME.left has a line for each.
cut_power() { # NAME MODE HOW
	local name=$1 i acked
	mode_env "$2" "$name"
	rm -f "$S/acked" "$S/$name.left" "$S/enough"
	env "${MODE_ENV[@]}" timeout -k 20 "${LIMIT:-300}" "$T/fault-replace" "$3" "$D" "$S/acked" 3>&- &
	PIDS=($!)
	for ((i = 0; i < 200; i++)); do
		[[ ! -s $S/acked ]] || break
		sleep 0.05
	done
	until [[ -e $S/enough ]]; do # not killed: its sync would still be at work
		sync -f "$D"
		sleep 0.0$((RANDOM % 9))
	done 3>&- &
	PIDS+=($!)
	for ((i = 0; i < CUTS; i++)); do
		sleep "0.$((RANDOM % 3))$((RANDOM % 9))"
		cp "$S/acked" "$S/acked.$i"
		cp --reflink=always "$S/disks/disk" "$S/disks/cut.$i"
	done
	: >"$S/enough"
	kill "${PIDS[0]}"
	wait "${PIDS[@]}" || true
	PIDS=()
	no_task
	umount "$D"
	MOUNTS=("$S/disks")
	for ((i = 0; i < CUTS; i++)); do
		acked=$(tail -n 1 "$S/acked.$i")
		mount -o "loop$NOUUID" "$S/disks/cut.$i" "$S/look"
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

# cuts FS HOW CONDITION MODE...: stock, and in these modes, in which the condition must hold
cuts() {
	local fs=$1 how=$2 condition=$3 mode
	for mode in stock "${@:4}"; do
		case $fs in
		ext4) disk ext4 64M commit=1 ;;
		xfs) disk xfs 320M ;;
		esac
		cut_power "$fs-$how-$mode" "$mode" "$how"
		holds "$fs-$how-$mode" '.small.missing + .large.missing == 0'
		[[ $mode == stock ]] || holds "$fs-$how-$mode" "$condition"
	done
}

# counted NAME COUNTER: so that a library that does nothing fails
counted() {
	(($(sum "$1" "$2") > 20)) || fail "$1: $(<"$S/$1.stats")"
}

@test "power cut: files overwritten in place are old or new" {
	local fs
	for fs in ext4 xfs; do
		cuts "$fs" truncate '.small.whole == 30' eager sync
		counted "$fs-truncate-eager" .elided.trunc
		counted "$fs-truncate-sync" .elided.trunc
	done
}

@test "power cut: files replaced by others of another size are there" {
	local fs
	for fs in ext4 xfs; do
		cuts "$fs" resize true eager
		counted "$fs-resize-eager" .deferred.update
	done
}

@test "power cut: files replaced by rename are there, on ext4 not empty" {
	cuts ext4 rename '.small.empty + .large.empty == 0' eager
	need_deferred ext4-rename-eager 5
	cuts xfs rename true eager
}

@test "power cut: what was synced is there" {
	local fs
	for fs in ext4 xfs; do
		cuts "$fs" fsync '.small.whole + .large.whole == 60 and .oldest >= .acked' eager lag
	done
}
