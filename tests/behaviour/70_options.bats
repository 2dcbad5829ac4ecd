#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Options and counters.

load ../lib/common

# preloaded MODE CMD...: runs CMD once with the library; sets $status and $stderr_text.
preloaded() {
	local mode=$1
	shift
	mode_env "$mode"
	rm -rf "$W"
	mkdir "$W"
	[[ -z ${FIXTURE:-} ]] || (cd "$W" && "$FIXTURE" --fixture)
	status=0
	(cd "$W" && exec "$PROGS/bare" timeout 30 env "${ENVV[@]}" "${MORE_ENV[@]}" \
		"LD_PRELOAD=$FASTIO_PRELOAD" "$@") >"$T/stdout" 2>"$T/stderr" </dev/null || status=$?
	output=$(<"$T/stdout")
	stderr_text=$(<"$T/stderr")
}

# The statistics line of the last process to end.
last_line() {
	tail -n 1 "$T/$1.stats"
}

setup() {
	common_setup
	MORE_ENV=()
}

@test "options: malformed and unknown values change nothing" {
	local v MODES=(stock sync uring)
	for v in FASTIO_WINDOW=abc FASTIO_WINDOW=-1 FASTIO_ENGINE=bogus FASTIO_ENGINE= FASTIO_LAG_US=-5 \
		FASTIO_WARMUP=99999999999999999999 FASTIO_MAX_FILE=0x10 FASTIO_MAX_FILE= FASTIO_CRASH=maybe \
		FASTIO_AGE_US=1.5 FASTIO_UNKNOWN=1 FASTIO_=x; do
		fiveways -d none -e "$v" mkfiles sizes 25
	done
}

@test "options: extreme values change only the speed" {
	local v MODES=(stock sync uring)
	for v in FASTIO_WINDOW=1 FASTIO_WINDOW=2 FASTIO_WINDOW=100000 FASTIO_MAX_FILE=1 FASTIO_MAX_FILE=99 \
		FASTIO_MAX_PENDING=1 FASTIO_MAX_PENDING=1000 FASTIO_AGE_US=0 FASTIO_AGE_US=1 \
		FASTIO_AGE_US=500000; do
		fiveways -d none -e "$v" mkfiles sizes 25
	done
}

@test "options: both crash guarantees leave the same files" {
	fiveways -e FASTIO_CRASH=strict mkfiles sizes 60
	fiveways -e FASTIO_CRASH=posix mkfiles sizes 60
}

@test "options: statistics and log that cannot be opened" {
	local MODES=(stock sync uring)
	fiveways -d none -e FASTIO_STATS=/nonexistent/x mkfiles sizes 25
	fiveways -d none -e FASTIO_LOG=/nonexistent/x mkfiles sizes 25
	fiveways -d none -e FASTIO_STATS=. -e FASTIO_LOG=. mkfiles sizes 25
	fiveways -d none -e FASTIO_STATS= -e FASTIO_LOG= mkfiles sizes 25
}

@test "options: FASTIO_LOG=stderr prints lines, without it nothing is printed" {
	MORE_ENV=(FASTIO_WINDOW=abc)
	preloaded uring "$PROGS/mkfiles" 30
	assert_success
	assert_equal "$stderr_text" ""
	MORE_ENV=(FASTIO_WINDOW=abc FASTIO_LOG=stderr)
	preloaded uring "$PROGS/mkfiles" 30
	assert_success
	[[ $stderr_text == *FASTIO_WINDOW* ]]
	MORE_ENV=(FASTIO_NO_SUCH_OPTION=1 FASTIO_LOG=stderr)
	preloaded uring "$PROGS/mkfiles" 30
	assert_success
	[[ $stderr_text == *FASTIO_NO_SUCH_OPTION* ]]
}

@test "options: FASTIO_LOG=FILE writes there" {
	MORE_ENV=(FASTIO_MAX_FILE=huge "FASTIO_LOG=$T/log")
	preloaded uring "$PROGS/mkfiles" 30
	assert_success
	assert_equal "$stderr_text" ""
	grep -q FASTIO_MAX_FILE "$T/log"
}

# Writes d/f0 to d/f4 and stays; OPEN: without closing them.
write_and_stay() {
	/usr/bin/python3 -c '
import os, sys
for i in range(5):
    f = os.open(f"d/f{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(f, b"x")
    if not sys.argv[1]: os.close(f)
while True: pass' "$1"
}

@test "options: FASTIO_LOG names what could not be done after the program's death, and why" {
	local open pid i
	mkdir "$W"
	cd "$W" || return
	for open in '' open; do
		mkdir d
		export -f write_and_stay
		FASTIO_LOG=$T/log FASTIO_WARMUP=0 FASTIO_LAG_US=400000 FASTIO_AGE_US=10000000 LD_PRELOAD=$FASTIO_PRELOAD \
			bash -c "write_and_stay '$open'" &
		pid=
		for ((i = 0; i < 100; i++)); do
			pid=$(pgrep -P $! python3 || true)
			# it has got as far as to have a background task
			[[ -n $pid ]] && pgrep -P "$pid" >/dev/null && break
			sleep 0.02
		done
		sleep 0.1
		rmdir d || open=late
		kill -KILL "$pid"
		wait || true
		[[ $open != late ]] || fail 'the files were there before'
		for ((i = 0; i < 100; i++)); do
			! grep -q "cannot create '$W/d.*/f4': No such file or directory" "$T/log" || break
			sleep 0.05
		done
		((i < 100)) || fail "$open: $(cat "$T/log")"
		[[ -z $open ]] || grep -q "after the program's death" "$T/log"
		rm "$T/log"
	done
}

@test "options: engine off defers nothing and starts nothing" {
	preloaded off "$PROGS/mkfiles" kinds
	assert_success
	run jq -e '.engine == "off" and (.deferred | add) == 0 and .task.starts == 0' <(last_line off)
	assert_success
}

@test "options: a short process never starts the background task" {
	local cmd
	for cmd in /bin/true "ls /" "$PROGS/mkfiles 5" "cat /etc/passwd"; do
		rm -f "$T/default.stats"
		# shellcheck disable=SC2086
		preloaded default $cmd
		assert_success
		[[ -s $T/default.stats ]]
		[[ $(stat_sum default .task.starts) == 0 ]] || fail "$cmd: $(<"$T/default.stats")"
		[[ $(stat_sum default '(.deferred|add)') == 0 ]] || fail "$cmd: $(<"$T/default.stats")"
	done
	[[ $(stat_sum default .pass.warmup) == 0 ]]
}

@test "options: a compiler writing one object file never starts the background task" {
	command -v gcc >/dev/null || skip "no gcc"
	echo 'int main(void) { return 0; }' >"$T/x.c"
	preloaded default gcc -c "$T/x.c" -o "$T/x.o"
	assert_success
	[[ $(stat_sum default .task.starts) == 0 ]]
	[[ -s $T/x.o ]]
}

@test "options: a long run with the default warm-up is deferred" {
	# where others need the processors, most is passed through: then it is tried again
	for _ in {1..5}; do
		preloaded default "$PROGS/mkfiles" 2000
		assert_success
		! jq -e '.pass.warmup > 0 and (.deferred | .create + .write) > 1000 and .deferred.unlink > 100
			and .task.starts > 0' <(last_line default) || return 0
	done
	fail "$(last_line default)"
}

@test "counters: each kind of work is deferred in each engine" {
	local mode
	FIXTURE=$PROGS/mkfiles
	for mode in sync uring lag; do
		preloaded "$mode" "$PROGS/mkfiles" kinds
		assert_success
		run jq -e '.deferred | (.create + .write) > 0 and .close > 0 and .unlink > 0
			and .chmod > 0 and .utimens > 0' <(last_line "$mode")
		[[ $status == 0 ]] || fail "$mode: $(last_line "$mode")"
		run jq -e '.elided.trunc > 0 and .elided.write > 0' <(last_line "$mode")
		[[ $status == 0 ]] || fail "$mode: $(last_line "$mode")"
		run jq -e '(.executed | add) > 0 and .barrier.all > 0 and .errors.late == 0' <(last_line "$mode")
		[[ $status == 0 ]] || fail "$mode: $(last_line "$mode")"
	done
}

@test "counters: create then unlink before execution: nothing happens at all" {
	preloaded lag "$PROGS/mkfiles" kinds
	assert_success
	run jq -e '.elided.annihilated > 0' <(last_line lag)
	assert_success
}

@test "counters: the uring engine submits to the ring, the sync engine does not" {
	preloaded uring "$PROGS/mkfiles" 3000
	assert_success
	run jq -e '.engine == "uring" and .ring.submits > 0 and .ring.sqes > 0' <(last_line uring)
	assert_success
	preloaded sync "$PROGS/mkfiles" 3000
	assert_success
	run jq -e '.engine == "sync" and .ring.submits == 0 and (.executed.task + .executed.caller) > 0' \
		<(last_line sync)
	assert_success
}

@test "counters: what is passed through has a reason" {
	FIXTURE=$PROGS/wr
	preloaded uring "$PROGS/wr" odd_flags
	assert_success
	run jq -e '.pass.flags > 0' <(last_line uring)
	assert_success
}

@test "counters: barriers have a cause" {
	FIXTURE=$PROGS/rw_child
	preloaded lag "$PROGS/rw_child" fork
	assert_success
	run jq -es 'map(.cause.fork // 0) | add > 0' "$T/lag.stats"
	assert_success
}

@test "options: nothing of ours shows in the jobs and threads of a shell" {
	fiveways -d none bash -c 'for i in {1..40}; do echo $i >f$i; done; ls /proc/$$/task | wc -l
		jobs; wait; echo $?'
}

@test "options: FASTIO_TRACE leaves events of each engine" {
	local mode
	for mode in sync uring lag; do
		MORE_ENV=("FASTIO_TRACE=$T/$mode.events")
		preloaded "$mode" "$PROGS/mkfiles" 100
		assert_success
		[[ $(stat -c %a "$T/$mode.events") == 600 ]]
		(($(stat -c %s "$T/$mode.events") > 100 * 32)) || fail "$mode: $(stat -c %s "$T/$mode.events") bytes"
	done
}
