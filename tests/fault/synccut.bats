#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2034
#
# synccut.bats - what somebody was told to be durable is there after a power cut
#
# The file system lies on a loop device over a file of fault-recorder's, which logs in which order the disk
# is written and flushed, and takes a millisecond for each flush.  An observer that is not preloaded
# enters into the same log what it has learned: by a pipe, from the names that appear, by the end of a program.
# Afterwards fault-replay makes the disk as it would have been at a cut, mounts it and looks whether all
# that the observer knew by then is there.  libeatmydata, which keeps no such promise, has to be caught.

load fault
load ../lib/projects

ROUNDS=3 CUTS=40
[[ -z ${FASTIO_TEST_FULL:-} ]] || ROUNDS=8 CUTS=900
JOBS=3 # replays at the same time: mounting is mostly waiting
SEED=${FASTIO_TEST_SEED:-$RANDOM}

setup() {
	fault_setup
	need_root
	need git dpkg-deb dpkg-scanpackages
	[[ -c /dev/fuse ]] || skip "no /dev/fuse"
	RECORDER=
	mount_on "$S/memory" -t tmpfs -o size=6G tmpfs
	M=$S/memory
	D=$M/mnt
	truncate -s 2G "$M/holder.img"
	mkfs.xfs -q -m reflink=1 "$M/holder.img" >/dev/null || skip "no mkfs.xfs"
	mount_on "$M/holder" -o loop "$M/holder.img"
	mkdir "$D" "$M/recorder" "$M/packages"
	deb_repository "$M/packages" many 40
	export GIT_CONFIG_GLOBAL=$M/gitconfig GIT_CONFIG_NOSYSTEM=1
	printf '[core]\nfsync = all\n[user]\nname = a\nemail = a@example.org\n[gc]\nauto = 0\n' >"$M/gitconfig"
	mapfile -t MODES < <(sync_modes)
}

teardown() {
	fault_teardown
	[[ -z $RECORDER ]] || kill "$RECORDER" 2>/dev/null || true
}

# record FS: a new disk with that file system, under the recorder, mounted
record() {
	local i options=(-E 'lazy_itable_init=0,lazy_journal_init=0' -J size=8 -N 16384) size=160M
	[[ $1 == ext4 ]] || options=() size=300M
	rm -f "$M/base" "$M/disk"
	truncate -s "$size" "$M/base"
	"mkfs.$1" -q "${options[@]}" "$M/base" >/dev/null || skip "no mkfs.$1"
	cp --sparse=always "$M/base" "$M/disk"
	"$T/fault-recorder" --log "$M/log" --flush-us 1000 "$M/disk" "$M/recorder" >"$M/recorder.out" 2>&1 3>&- &
	RECORDER=$!
	for i in {1..100}; do
		! mountpoint -q "$M/recorder" || break
		sleep 0.02
	done
	MOUNTS=("$M/recorder" "${MOUNTS[@]}")
	mountpoint -q "$M/recorder" || skip "FUSE cannot be mounted: $(cat "$M/recorder.out")"
	mount_on "$D" -o loop "$M/recorder/disk"
}

recorded() {
	local i
	no_task
	umount "$D"
	# the loop device lets go a little later
	for i in {1..50}; do
		! umount "$M/recorder" 2>/dev/null || break
		sleep 0.05
	done
	wait "$RECORDER"
	RECORDER=
	MOUNTS=("${MOUNTS[@]:2}")
}

# observed HOW DIR COMMAND...: the command in the mode of MODE_ENV, the observer outside of it
observed() {
	timeout -k 5 100 "$T/fault-observe" "$M/recorder/mark" "$D" "$1" "$2" \
		env "${MODE_ENV[@]}" "${@:3}" 3>&- >>"$M/out" 2>&1 ||
		fail "$1 $2, status $?: ${*:3}" "$(tail -n 5 "$M/out")"
}

work() {
	local i
	mkdir "$D"/{told,alone,groups,threads,polled}
	# where others have dirtied much, the members of groups are synced one by one
	head -c 70M /dev/zero >"$D/others"
	observed pipe - "$T/fault-synced" talk 1 "$ROUNDS" "$D/alone" several severalren
	rm "$D/others"
	observed pipe - "$T/fault-synced" talk 1 "$ROUNDS" "$D/told" all
	# nothing else, or making groups would not pay
	observed pipe - "$T/fault-synced" talk 1 $((ROUNDS * 3)) "$D/groups" several severalren
	observed pipe - "$T/fault-synced" talk 3 "$ROUNDS" "$D/threads" all
	observed poll polled "$T/fault-synced" quiet 2 $((ROUNDS * 4)) "$D/polled" rename
	for ((i = 0; i < ROUNDS; i++)); do
		mkdir "$D/ended.$i"
		observed exit "ended.$i" "$T/fault-synced" quiet 1 1 "$D/ended.$i" create batch update excl
	done
}

# Real programs; what they have promised by ending: objects of git, files of a package
programs() {
	local i j root=$D/debian
	git init -q "$D/repository"
	for ((i = 0; i < ROUNDS; i++)); do
		for j in {1..5}; do echo "$i $j" >"$D/repository/$i-$j"; done
		observed sum repository/.git/objects git -C "$D/repository" add .
		observed sum repository/.git/objects git -C "$D/repository" commit -qm "$i"
	done
	mkdir -p "$root"/var/lib/dpkg/{info,updates}
	: >"$root/var/lib/dpkg/status"
	observed sum debian/usr/share/many dpkg --root="$root" --force-depends --no-force-unsafe-io --log=/dev/null \
		--unpack "$M/packages/many_99_all.deb"
}

# replay FS NAME: cuts the power; the sums in $S/NAME.cuts, promises broken in BROKEN
replay() {
	local i rc=0 pids=()
	for ((i = 0; i < JOBS; i++)); do
		mkdir -p "$M/holder/$i" "$M/look.$i"
		"$T/fault-replay" --cuts $((CUTS / JOBS)) --seed $((SEED + i)) ${FASTIO_TEST_FULL:+--all} \
			"$M/base" "$M/log" "$M/holder/$i" "$M/look.$i" "$1" \
			>"$M/cuts.$i" 2>"$M/broken.$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || (($? == 1)) || fail "no replay: $(cat "$M"/broken.*)"
	done
	jq -sc '. as $all | reduce (.[0] | keys_unsorted[]) as $k ({}; .[$k] = ($all | map(.[$k])
		| if $k == "promises" or $k == "writes" or $k == "flushes" then max else add end))' \
		"$M"/cuts.? >"$S/$2.cuts"
	echo "# $2: $(<"$S/$2.cuts")" >&3
	BROKEN=$(jq .broken "$S/$2.cuts")
}

# cuts FS MODE NAME WORKLOAD...
cuts() {
	local fs=$1 mode=$2 name=$3 w
	mode_env "$mode" "$name"
	rm -f "$M/out"
	record "$fs"
	for w in "${@:4}"; do "$w"; done
	recorded
	replay "$fs" "$name"
}

kept() { # FS
	local mode
	for mode in "${MODES[@]}"; do
		cuts "$1" "$mode" "$1-$mode" work programs
		((BROKEN == 0)) || fail "$1, $mode, seed $SEED: broken promises:" "$(cat "$M"/broken.*)"
		[[ $mode == stock ]] || need_deferred "$1-$mode" 100
		[[ $mode != group* ]] || (($(sum "$1-$mode" .deferred.fsync) > 20)) ||
			fail "$1-$mode: no groups were made: $(<"$S/$1-$mode.stats")"
		[[ $mode != group* ]] || (($(sum "$1-$mode" .fsync.files) > 20)) ||
			fail "$1-$mode: none of them without syncfs: $(<"$S/$1-$mode.stats")"
	done
}

@test "sync cut: what was told to be durable is there after a power cut, ext4" {
	kept ext4
}

@test "sync cut: what was told to be durable is there after a power cut, xfs" {
	kept xfs
}

@test "sync cut: libeatmydata is caught" {
	local fs workload
	PRELOAD=$(compgen -G '/usr/lib/*/libeatmydata.so') || skip "no libeatmydata"
	for fs in ext4 xfs; do
		for workload in work programs; do
			cuts "$fs" off "$fs-eatmydata-$workload" "$workload"
			((BROKEN > 0)) || fail "$fs, $workload: libeatmydata was not caught"
		done
	done
}
