#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154
# FASTIO_FSYNC=group: nobody can tell when a sync was really done.

load ../lib/common

# grouped [OPTIONS] CASE: a case of sync.c in all modes
grouped() {
	fiveways -e FASTIO_FSYNC=group "${@:1:$#-1}" sync "${!#}"
}

@test "fsync: files that are written, synced and closed" {
	grouped -d create,fsync create
	# what is waited for at the end, and hardly more
	(($(stat_sum lag .fsync.groups) <= 8))
	[[ $(stat_sum lag .fsync.strict) == 0 ]]
}

@test "fsync: written, synced, renamed" {
	grouped -d create,fsync,rename rename
}

@test "fsync: exit" {
	grouped -d create,fsync,rename ended
}

@test "fsync: renamed, and the directory synced" {
	grouped -d create,fsync,rename rename_dir
}

@test "fsync: linked, and the first name removed" {
	grouped -d create,fsync,link,unlink link
}

@test "fsync: a process sees its own renames" {
	grouped -d create,fsync,rename own
}

@test "fsync: what it refuses, and what cannot be put off" {
	grouped -d create,fsync errors
}

@test "fsync: files whose writes are synced" {
	grouped -d create,fsync flagged
	(($(stat_sum sync .deferred.fsync) >= 40))
	fiveways -d none sync flagged
	[[ $(stat_sum sync .deferred.fsync) == 0 ]]
}

@test "fsync: a file that can be written to by memory ends groups" {
	grouped -d none mapped
	[[ $(stat_sum lag .deferred.fsync) == 0 ]]
}

@test "fsync: threads that publish side by side" {
	grouped -d fsync,rename threads
}

@test "fsync: SIGKILL" {
	grouped -l -d none killed
}

@test "fsync: strict by default" {
	fiveways sync rename
	[[ $(stat_sum sync '.deferred | .fsync + .rename') == 0 ]]
}

# The calls in order, by whatever process: a sync where it ends, everything else where it begins.
calls() {
	sed -nE 's/^[0-9]+ +//; s/^<\.\.\. (syncfs|fsync|io_uring_enter) resumed/\1/; /^(<\.\.\.|(f?sync|io_uring_enter).*unfinished)/d; s/\(/ /p; /^(syncfs|fsync|io_uring_enter)>/p' \
		"$T/trace"
}

@test "fsync: names and changes follow it" {
	local what=openat,syncfs,fsync,io_uring_enter,rename,renameat,renameat2,link,linkat,unlink,unlinkat,write,pwrite64,ftruncate,chmod,fchmodat
	need strace
	mode_env sync
	mkdir "$W"
	cd "$W"
	"$PROGS/sync" --fixture
	strace -f -qq -o "$T/trace" -e "trace=$what" env "${ENVV[@]}" FASTIO_FSYNC=group \
		LD_PRELOAD="$FASTIO_PRELOAD" "$PROGS/sync" order >"$T/out"
	calls >"$T/calls"
	[[ ! -e final3 ]]
	# what each of them must not be without: a file that was made and then brought to the disk
	awk -F'"' '
		/^openat.*O_CREAT/ { made[$2] = 1 }
		# a few are brought to the disk by the ring, and what did not pay by strict syncs
		/^(syncfs|fsync|io_uring_enter)/ { for (f in made) durable[f] = 1 }
		/^(rename|link)/ { need = $2 }
		/^unlink.*"tmp"/ { need = "tmp" }
		/^unlink.*"final3"/ { need = "log0" }
		/^write [0-9]+, "new"/ { need = "log" }
		/^ftruncate/ { need = "log2" }
		/^pwrite64 [0-9]+, "x"/ { need = "log3" }
		/"old", O_WRONLY/ { need = "log4" }
		/^f?chmod/ { need = "log5" }
		need {
			seen++
			if (!durable[need]) { print "too early: " $0; bad = 1 }
			need = ""
		}
		END { print seen; exit bad || seen < 10 }
	' "$T/calls" || { cat "$T/calls"; fail 'the order is wrong'; }
}

@test "fsync: an error of a group is told, and nothing is published" {
	need strace
	mode_env sync
	mkdir "$W"
	cd "$W"
	"$PROGS/sync" --fixture
	# all together, or without a ring each of them
	run -1 --separate-stderr strace -f -qq -o /dev/null -e trace=syncfs,fsync,io_uring_setup \
		-e inject=syncfs,fsync:error=EIO -e inject=io_uring_setup:error=ENOSYS \
		env "${ENVV[@]}" FASTIO_FSYNC=group LD_PRELOAD="$FASTIO_PRELOAD" "$PROGS/sync" failing
	[[ $stderr == *"cannot fsync '$W/tmp': Input/output error"* ]]
	[[ $stderr == *"cannot rename '$W/tmp': Input/output error"* ]]
	[[ $stderr == *"cannot fsync '$W/lone': Input/output error"* ]]
	[[ $(<final0) == old ]]
	[[ $(<tmp) == new ]]
}

# Another's sync of everything may come in between: tried again then.
beside_others() {
	local try mode
	for try in {1..4}; do
		rm -f "$T/disk/others" # truncated, it would be written when it is closed
		head -c 80M /dev/zero >"$T/disk/others"
		fiveways -d fsync -e FASTIO_FSYNC=group sync "$1"
		for mode in sync uring; do
			(($(stat_sum "$mode" .fsync.files) > 0)) || continue 2
		done
		(($(<"$2") * 4096 <= 64 << 20)) || return 0
	done
	fail "$1: by syncfs, or what others wrote was synced"
}

# What others have written is left alone: the members of groups are synced, by the task's ring or by a caller.
@test "fsync: on a file system where others have dirtied much" {
	local c blocks MODES=(stock sync uring)
	[[ $(id -u) == 0 ]] || skip "needs root"
	truncate -s 512M "$T/image"
	mkfs.ext4 -q -F "$T/image" || skip "no mkfs.ext4"
	mkdir "$T/disk"
	mount -o loop "$T/image" "$T/disk" || skip "cannot mount"
	blocks=/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$T/disk")")/delayed_allocation_blocks
	W=$T/disk/w
	for c in rename rename_dir link threads; do
		beside_others "$c" "$blocks"
	done
}

@test "fsync: the task is killed while something waits" {
	mode_env lag
	mkdir "$W"
	cd "$W"
	env "${ENVV[@]}" FASTIO_FSYNC=group LD_PRELOAD="$FASTIO_PRELOAD" "$PROGS/sync" rename >"$T/out" &
	local pid=$! task='' i
	for ((i = 0; i < 200; i++)); do
		task=$(pgrep -P "$pid") && break
	done
	[[ -z $task ]] || kill -KILL "$task" || true
	wait "$pid"
	[[ $(cat final*) == *"content 39"* ]]
	[[ -z $(ls tmp* 2>/dev/null) ]]
}

# Everything that other files test, with all that is written being synced.
all_cases() {
	local c MODES=(stock sync lag)
	for c in $("$PROGS/$1" 2>&1 || true); do
		fiveways -d none -e T_SYNC=1 -e FASTIO_FSYNC=group "$1" "$c" || fail "$1 $c"
	done
}

@test "fsync: all cases of reading, opening" {
	all_cases rw_open
}

@test "fsync: all cases of reading, asking" {
	all_cases rw_query
}

@test "fsync: all cases of reading, changing" {
	all_cases rw_change
}

@test "fsync: all cases of names" {
	all_cases names
}
