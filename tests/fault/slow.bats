#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# slow.bats - file systems on which each operation is a round trip to a server
#
# What a program leaves is looked at on the server, not through the mount, so what the kernel believes
# does not matter.

load fault

setup() { far_setup; }
teardown() { far_teardown; }

# sources FILES DIRS: a tree, an archive of each kind, a repository, in $S/src
sources() {
	local git=(git -c user.name=t -c user.email=t@localhost -c gc.auto=0 --git-dir="$S/src/repo"
		--work-tree="$S/src/tree")
	mkdir "$S/src"
	"$ROOT/build/fastio-bench" mktree --files "$1" --dirs "$2" --owners "$S/src/tree"
	tar cf "$S/src/tree.tar" -C "$S/src/tree" .
	(cd "$S/src/tree" && zip -qry "$S/src/tree.zip" .)
	git init -q --bare -b main "$S/src/repo"
	git --git-dir="$S/src/repo" config core.bare false
	"${git[@]}" add -A
	"${git[@]}" commit -q -m tree
	rm "$S/src/repo/index"
}

# in_modes LEAST OPTION COMMAND: a shell command in an empty directory $OUT of the mount, in each of $MODES:
# stock's tree, output and status.  OPTION: what of the tree is compared: mtime, or nothing.  PREPARE makes
# what is there before, in $OUT on the server.  At least LEAST files are deferred.
in_modes() {
	local least=$1 times=$2 command=$3 mode
	for mode in $MODES; do
		rm -rf "${BACK:?}"
		mkdir "$BACK"
		cp -a "$S/src" "$BACK/src"
		mkdir "$BACK/out"
		(cd "$BACK/out" && eval "${PREPARE:-}")
		# the mount is new: the kernel knows nothing of what was there
		far "$LATENCY"
		capture "$mode" "$mode" env --chdir="$D/out" sh -c "$command" sh "$S/src" "$D/src"
		rm -rf "$BACK/out/.git"
		manifest "$BACK/out" "$times" >"$S/$mode.tree"
		near
		[[ $mode != stock ]] || continue
		same stock "$mode"
		same_manifest "$S/stock.tree" "$S/$mode.tree"
		((least == 0)) || need_deferred "$mode" "$least"
		no_task
	done
}

@test "slow: unpacking, copying, checking out, 1 ms for each operation: the same results" {
	local MODES='stock auto lag' LATENCY=1000
	need git unzip zip /usr/bin/python3
	sources 200 10
	in_modes 50 mtime 'exec tar xf "$1/tree.tar"'
	in_modes 0 '' 'exec cp -r "$2/tree" .'
	in_modes 50 mtime 'exec unzip -q "$1/tree.zip"'
	in_modes 50 '' 'exec /usr/bin/python3 -m zipfile -e "$1/tree.zip" .'
	PREPARE='cp -a "$S/src/repo" .git' in_modes 0 '' 'exec git checkout -q -f HEAD'
}

@test "slow: removing and reading, 1 ms for each operation: the same results" {
	local MODES='stock auto lag' LATENCY=1000
	need git zip
	sources 200 10
	PREPARE='cp -a "$S/src/tree" .' in_modes 50 '' 'exec rm -rf tree'
	in_modes 0 '' 'exec grep -rc return "$2/tree"'
	in_modes 0 '' 'tar c -C "$2/tree" . | sha1sum'
}

@test "slow: the same with 10 ms" {
	local MODES='stock eager' LATENCY=10000
	need git zip
	sources 30 3
	in_modes 10 mtime 'exec tar xf "$1/tree.tar"'
	PREPARE='cp -a "$S/src/tree" .' in_modes 10 '' 'exec rm -rf tree'
	in_modes 0 '' 'exec grep -rc return "$2/tree"'
}

# The workload with the server's view of what it leaves
work_modes() {
	local mode
	for mode in stock auto eager sync lag; do
		rm -rf "$BACK"
		far "$LATENCY" "${@:3}"
		capture "$mode" "$mode" "$T/fault-work" -n "$1" -t 3 "$2" "$D"
		manifest "$BACK" >"$S/$mode.tree"
		near
		[[ $mode != stock ]] || continue
		same stock "$mode"
		same_manifest "$S/stock.tree" "$S/$mode.tree"
		[[ $mode == auto ]] || need_deferred "$mode" 30
		no_task
	done
}

@test "slow: creating, changing, renaming, removing by several threads; latencies that vary" {
	local LATENCY=1000
	work_modes 40 cUmrnd
	work_modes 40 xumUr --jitter-us 800
}

# hung MODE STEPS COMMAND...: starts it on a server that will hang, and waits until that hangs
hung() {
	local mode=$1 i
	rm -rf "$BACK"
	far 1000 --hang-after "$2"
	# a program in the background would ignore Ctrl-C
	RUNNER=(env --default-signal=INT "$BASH" -c 'echo $$ >"$0"; exec "$@"' "$S/pid")
	rm -f "$S/pid"
	KILLED_IS_FINE=1 start "$mode" "$mode" "${@:3}"
	for i in {1..200}; do
		rm -f "$S/counts"
		kill -USR1 "$FS_PID"
		sleep 0.05
		[[ ! -e $S/counts ]] || (($(jq .round_trips "$S/counts") <= $2)) || return 0
	done
	fail "$mode: the server does not hang"
}

@test "slow: a server that hangs holds up the program, and nothing is lost when it goes on" {
	local mode
	for mode in stock auto eager lag; do
		hung "$mode" 300 "$T/fault-work" -n 150 cUrnd "$D"
		sleep 1
		kill -0 "$RUN_PID" || fail "$mode: does not wait for a server that hangs"
		[[ ! -s $S/$mode.out ]] || fail "$mode: it ends as if all were done"
		kill -USR2 "$FS_PID"
		wait "$RUN_PID" || fail "$mode: has failed"
		[[ $mode == stock || $mode == auto ]] || need_deferred "$mode" 100
		manifest "$BACK" >"$S/$mode.tree"
		near
		[[ $mode != stock ]] || continue
		same stock "$mode"
		same_manifest "$S/stock.tree" "$S/$mode.tree"
		no_task
	done
}

@test "slow: Ctrl-C ends a program whose server hangs, at once; what was acknowledged is made later" {
	local mode begin sig acked i
	for sig in INT KILL; do
		for mode in stock auto eager lag; do
			rm -f "$S/page"
			truncate -s 4096 "$S/page"
			hung "$mode" 200 "$T/fault-work" -n 150 -q -A "$S/page" cU "$D"
			sleep 0.2
			begin=${EPOCHREALTIME/./}
			kill "-$sig" "$(<"$S/pid")"
			wait "$RUN_PID" || true
			((${EPOCHREALTIME/./} - begin < 1500000)) || fail "$mode: $sig does not end it"
			acked=$(od -An -t u8 -j 8 -N 8 "$S/page" | tr -d ' ')
			kill -USR2 "$FS_PID"
			no_task
			"$T/fault-work" -V -n 150 -a "$acked" cU "$BACK" || fail "$mode: $acked acknowledged"
			near
		done
	done
}

@test "slow: death with operations of 10 ms under way loses nothing that was acknowledged" {
	local rc=0 last
	far 10000
	timeout -k 5 $((${FASTIO_TEST_SECONDS:-20} + 120)) "$T/fault-death" --lib "$FIRST$LIB" --work "$T/fault-work" \
		--dir "$D" --behind "$BACK" --files 60 --patience 6 --way "SIGKILL of the group" \
		--seed "${FASTIO_TEST_SEED:-$((EPOCHSECONDS * 1000))}" --seconds "${FASTIO_TEST_SECONDS:-20}" \
		>"$S/out" 2>&1 || rc=$?
	cat "$S/out"
	last=$(tail -n 1 "$S/out")
	((rc == 0)) || fail "status $rc"
	[[ $last == *" lost 0, left over 0, failed 0" ]] || fail "$last"
	[[ $(tail -n 2 "$S/out") != *"pending at the death 0"* ]] || fail "nothing was ever pending"
	no_task
	near
	echo "# $last" >&3
}

# The tests of release points, in a directory where work is pending for long: release LEAST FILE REGEX
release() {
	local v out=(FASTIO_TEST_WORK="$D" FASTIO_TEST_LIB="${FASTIO_TEST_LIB:-$ROOT/build/libfastio.so}"
		FASTIO_TEST_FIRST="${FASTIO_TEST_FIRST:-}" FASTIO_TEST_PROGS="$T")
	[[ -n $FS_PID ]] || far 1000
	for v in "${!BATS_@}"; do
		[[ $v == BATS_LIB_PATH ]] || out=(-u "$v" "${out[@]}")
	done
	timeout 300 env "${out[@]}" bats -f "$3" "$BATS_TEST_DIRNAME/../behaviour/$2" >"$S/out" 2>&1 3>&- ||
		fail "$2:" "$(grep -v ^ok "$S/out" | cut -c 1-600)"
	(($(grep -c '^ok' "$S/out") >= $1)) || fail "$2: few tests:" "$(cat "$S/out")"
	! grep '# skip' "$S/out" || fail "$2: skipped"
}

@test "slow: the tests of release points: ends of a process, children" {
	release 5 40_release_exit.bats 'return from main|: (_exit|exit|abort)$|pthread_exit'
	release 5 41_release_child.bats 'execve$|fork, the child looks|vfork and exec|posix_spawn$|a second thread'
}

@test "slow: the tests of release points: channels, names, calls, acquire points" {
	release 5 42_release_channel.bats 'write to a (pipe|socket)|sendmsg|a forked child reads|kill of the observer'
	release 5 44_release_name.bats 'flock released|: (rename|link|symlink)$|marker closed empty'
	release 5 45_release_call.bats ': (fsync|mmap|readdir), |: (open|lstat) by path'
	release 3 47_acquire.bats 'read from a shared pipe|: wait$|posix_spawn makes'
}

# far_case MODE PROGRAM CASE: its notes, and its tree
far_case() {
	rm -rf "$BACK"
	far 1000
	capture "$1" "$1" env --chdir="$D" "$T/$2" "$3"
	near
	manifest "$BACK" mtime >"$S/$1.tree"
	no_task
}

# far_cases PROGRAM CASE...: stock's notes and tree in each mode, and $COUNTER is not 0 in those of $COUNTED, at
# the latest the fifth time: on a busy machine nothing may have been done ahead of the program
far_cases() {
	local c mode i
	for c in "${@:2}"; do
		far_case stock "$1" "$c"
		for mode in eager lag; do
			for i in {1..5}; do
				far_case "$mode" "$1" "$c"
				same stock "$mode"
				same_manifest "$S/stock.tree" "$S/$mode.tree"
				[[ " ${COUNTED:-eager lag} " == *" $mode "* ]] || continue 2
				(($(sum "$mode" ".$COUNTER") == 0)) || continue 2
			done
			fail "$c: $COUNTER: $(<"$S/$mode.stats")"
		done
	done
}

@test "slow: what was read ahead is what is there: descriptors" {
	local COUNTED=eager
	COUNTER=ahead.opened far_cases ahead read many
	COUNTER=ahead.real far_cases ahead descriptor forked stopped left
}

@test "slow: what was read ahead is what is there: the process itself has changed it" {
	local COUNTER=ahead.dropped COUNTED=eager
	far_cases ahead written_before written put renamed_over renamed_away unlinked truncated chmod linked
}

@test "slow: what was read ahead is what is there: another process has changed it, and said so" {
	local COUNTER=ahead.dropped COUNTED=eager
	far_cases ahead told waited
}

@test "slow: directories that were listed ahead are what is there" {
	local COUNTER=ahead.walked COUNTED=eager
	far_cases walked read written made removed moved opened_only told
}

@test "slow: what was listed and is removed is what is there" {
	local COUNTER=ahead.listed
	far_cases emptied removed again linked made made_dir symlink_made moved told
}

@test "slow: FASTIO_PREFETCH=off reads nothing ahead" {
	local EXTRA=(FASTIO_PREFETCH=off)
	far 1000
	capture off eager env --chdir="$D" "$T/ahead" read
	near
	((RC == 0))
	jq -e '.ahead | add == 0' "$S/off.stats"
}

@test "slow: a directory's times come last, whatever is done in it" {
	local COUNTER=deferred.utimens
	far_cases ordered times times_then_file times_then_unlink times_then_mkdir times_then_rename stat \
		fstat chmod chown by_descriptor files
}

@test "slow: a directory's times come after a file in it that is still open" {
	local COUNTER=deferred.utimens EXTRA=(FASTIO_AGE_US=2000000)
	far_cases ordered open_file
}

@test "slow: a file closed empty comes after what was done before, and nobody waits for it" {
	local COUNTER=deferred.close
	far_cases ordered marker markers mkdir_pending
	far_case eager ordered marker
	jq -es 'map(.cause.namespace) | add == 0' "$S/eager.stats" || fail "$(<"$S/eager.stats")"
}

@test "slow: symlinks come after what was done before, and take owner and times in" {
	local COUNTER=deferred.symlink
	far_cases ordered symlink through symlink_meta symlink_replaced symlink_removed
}

@test "slow: the task is killed with files in hand: the program finishes them, and can unmount" {
	local usec look
	for usec in -1 0 2000 5000 20000; do
		look=$([[ $usec == [0-9]000 ]] || echo -l)
		rm -rf "${BACK:?}"
		mkdir -p "$BACK/d"
		far 5000
		capture killed eager "$T/fault-unmount" ${look:+"$look"} -k $usec 40 "$D"
		[[ $(<"$S/killed.out") == "killed $((usec >= 0)), 40 files, umount 0" ]] ||
			fail "after $usec us: $(<"$S/killed.out")" "$(<"$S/killed.err")"
		MOUNTS=("${MOUNTS[@]:1}")
		need_deferred killed 20
		no_task
		wait "$FS_PID"
		FS_PID=
	done
}

@test "slow: a new file that the program looks at is made by a worker, and says what it says later" {
	COUNTER=pool.asked far_cases newfile look statx directory metadata used forked
	COUNTER=pool.given far_cases newfile used
}

@test "slow: files that were looked at are finished when the program dies, and when the task does" {
	# one that is killed counts nothing
	COUNTED=none far_cases newfile killed
	COUNTER=pool.kept far_cases newfile task_killed
}

@test "slow: a file that is looked at while it is empty may be a marker" {
	COUNTER=pool.kept far_cases newfile marker
}

@test "slow: what a new file refuses is asked once, and it takes copies of small files" {
	COUNTER=deferred.close far_cases newfile refused copied
}

@test "slow: names that are not there" {
	COUNTER=dir.absent far_cases newfile absent
}
