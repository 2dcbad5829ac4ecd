#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# slow.bats - file systems on which each operation is a round trip to a server
#
# What a program leaves is looked at on the server, not through the mount, so what the kernel believes
# does not matter.

load fault

setup() {
	fault_setup
	D=$S/mnt BACK=$S/back
	FS_PID=
}

teardown() {
	fault_teardown
	[[ -z $FS_PID ]] || kill -KILL "$FS_PID" 2>/dev/null || true
}

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

programs() {
	need git zip unzip /usr/bin/python3
	in_modes "$1" mtime 'exec tar xf "$1/tree.tar"'
	in_modes 0 '' 'exec cp -r "$2/tree" .'
	in_modes "$1" mtime 'exec unzip -q "$1/tree.zip"'
	in_modes "$1" '' 'exec /usr/bin/python3 -m zipfile -e "$1/tree.zip" .'
	PREPARE='cp -a "$S/src/repo" .git' in_modes 0 '' 'exec git checkout -q -f HEAD'
	PREPARE='cp -a "$S/src/tree" .' in_modes "$2" '' 'exec rm -rf tree'
	in_modes 0 '' 'exec grep -rc return "$2/tree"'
	in_modes 0 '' 'tar c -C "$2/tree" . | sha1sum'
}

@test "slow: unpacking, copying, removing and reading, 1 ms for each operation: the same results" {
	local MODES='stock auto lag' LATENCY=1000
	sources 200 10
	programs 100 100
}

@test "slow: the same with 10 ms" {
	local MODES='stock eager' LATENCY=10000
	sources 30 3
	programs 15 15
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
	work_modes 40 xumUr --jitter-us 1000
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
