#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# death.bats - the program, its process group or its background task is killed
#
# Every file whose close had returned is there and complete, at the latest two
# seconds after the program's death, and no task is left behind.

load fault

setup() {
	fault_setup
	KILLED_IS_FINE=1
}

# The steps that the threads of a run with -A $S/page have counted, as -a takes them.
acked() {
	od -An -v -t u8 -w8 -j 8 -N $((${1:-1} * 8)) "$S/page" | tr -d ' ' | paste -sd ,
}

fresh() {
	rm -rf "$S/w"
	mkdir "$S/w"
	head -c 4096 /dev/zero >"$S/page"
}

teardown() {
	fault_teardown
}

# Dies by HOW at step K of PHASES; the steps before are acknowledged.
dies() {
	local how=$1 k=$2 phases=$3 mode=$4
	shift 4
	rm -rf "$S/w"
	mkdir "$S/w"
	capture "$mode" "$mode" setsid -w "$T/fault-work" -n 400 "$@" -k "$k" -x "$how" "$phases" "$S/w"
	# what ends by itself has finished everything when it is waited for
	[[ $how == exit || $how == _exit || $how == quick_exit || $how == abort || $how == exec ||
		$how == raise ]] || no_task
	"$T/fault-work" -V -n 400 "$@" -a "$k" "$phases" "$S/w" >"$S/verdict" ||
		fail "$how at $k of $phases, $mode:" "$(head -20 "$S/verdict")"
	no_task
}

each_step() {
	local how=$1 mode k
	for k in $2; do
		dies "$how" "$k" cmUud stock
		for mode in $3; do
			dies "$how" "$k" cmUud "$mode"
			same stock "$mode" || fail "$how at $k, $mode"
		done
	done
}

@test "SIGKILL at a chosen step" {
	each_step kill "1 17 399 400 555 1000 1999" "auto eager sync lag"
}

@test "SIGKILL of the whole process group" {
	each_step killgroup "17 399 1000" "eager sync lag"
}

@test "SIGTERM, SIGSEGV, SIGILL" {
	each_step term "17 399 1000" "eager lag"
	each_step segv "17 399 1000" "eager lag"
	each_step trap "17 399 1000" "eager lag"
}

@test "abort, raise" {
	each_step abort "17 399 1000" "eager lag"
	each_step raise "17 399 1000" "eager lag"
}

@test "_exit, exit, quick_exit, a raw exit_group, exec" {
	each_step _exit "17 399 1000" "eager lag"
	each_step exit "17 399 1000" "eager lag"
	each_step quick_exit "17 399 1000" "eager lag"
	each_step rawexit "17 399 1000" "eager lag"
	each_step exec "17 399 1000" "eager lag"
}

@test "SIGKILL in one thread while others write" {
	local mode
	for mode in stock eager sync lag; do
		rm -rf "$S/w"
		mkdir "$S/w"
		PRELOAD_AS=KILLER_PRELOAD capture "$mode" "$mode" "$T/fault-killer" -d 3000 -- \
			"$T/fault-work" -n 2000 -t 4 cmUd "$S/w"
		no_task
		"$T/fault-work" -V -n 2000 -t 4 -a "$(sed 's/.*acked //' "$S/$mode.out")" cmUd "$S/w" \
			>"$S/verdict" || fail "$mode: $(cat "$S/$mode.out")" "$(head -20 "$S/verdict")"
	done
}

@test "one thread ends the process while others write" {
	local how mode thread
	for how in _exit exit quick_exit rawexit abort raise exec kill; do
		for mode in stock eager lag; do
			fresh
			thread=$((RANDOM % 2 * 2)) # the main thread or another
			capture "$mode" "$mode" "$T/fault-work" -q -n 100 -t 4 -A "$S/page" -T $thread \
				-k $((RANDOM % 350)) -x "$how" cmUd "$S/w"
			[[ $how == exec ]] || ((RC > 0)) || fail "$how, $mode: status $RC"
			# what others acknowledged after the barrier of raise is finished after the death
			[[ $how == rawexit || $how == kill || $how == raise ]] && no_task
			"$T/fault-work" -V -n 100 -t 4 -a "$(acked 4)" cmUd "$S/w" >"$S/verdict" ||
				fail "$how by $thread, $mode: $(acked 4)" "$(head -20 "$S/verdict")"
			no_task
		done
	done
}

# Program and task are killed at the same instant: nobody is left to do what was pending.
# both_killed MODE HOW STEP [-w USEC]: LOST steps of those acknowledged.
both_killed() {
	local mode=$1 how=$2 step=$3
	shift 3
	fresh
	capture "$mode" "$mode" "$T/fault-work" -q -n 4000 -A "$S/page" -k "$step" -x "$how" "$@" c "$S/w"
	((RC == 137)) || fail "$mode: status $RC" "$(<"$S/$mode.err")"
	[[ $(acked) == "$step" ]] || fail "$mode: $(acked) steps"
	no_task
	"$T/fault-work" -V -n 4000 -a "$step" c "$S/w" >"$S/verdict" || true
	LOST=$(sed -n 's/.* lost //p' "$S/verdict")
}

# Work that is older than a lag is done; of what is younger no more is lost than the queue holds.
both_die() {
	local how=$1 mode i total=0
	for mode in stock eager sync lag; do
		both_killed "$mode" "$how" 1000 -w 2000000
		((LOST == 0)) || fail "$mode: $LOST lost after two seconds:" "$(head -5 "$S/verdict")"
		for i in 1 2 3; do
			both_killed "$mode" "$how" $((RANDOM % 3000 + 500))
			((LOST <= $([[ $mode == stock ]] && echo 0 || echo 1024))) ||
				fail "$mode: $LOST lost" "$(tail -5 "$S/verdict")"
			((total += LOST)) || true
		done
	done
	echo "# ${how##*/}: 16 deaths, $total steps lost, none older than two seconds" >&3
}

@test "cgroup.kill: program and background task at once" {
	cgroup cgroup.kill
	both_die "$CGROUP/cgroup.kill"
}

# The kernel ends all that shares the memory: the task as well.
@test "out of memory: program and background task at once" {
	local kills swap mode i lost=0
	cgroup memory.max memory.limit_in_bytes
	swap=${CGROUP_FILE/memory.max/memory.swap.max} swap=${swap/memory.limit/memory.memsw.limit}
	kills=$CGROUP/memory.oom_control
	[[ -e $kills ]] || kills=$CGROUP/memory.events
	grep -q '^oom_kill ' "$kills" || skip "the kernel does not count what it kills"
	echo 64M 2>/dev/null >"$CGROUP_FILE" || skip "no limit of memory can be set"
	case $swap in
	*memsw*) echo 64M 2>/dev/null >"$swap" || true ;;
	*) echo 0 2>/dev/null >"$swap" || true ;;
	esac
	both_die oom
	for i in 1 2; do
		EXTRA=(FASTIO_LAG_US=1000000)
		both_killed eager oom 200
		((LOST <= 200)) || fail "$LOST lost of 200"
		((lost += LOST)) || true
	done
	echo "# with a lag of a second $lost of 400 steps lost" >&3
	grep -qx 'oom_kill 18' "$kills" || fail "it was not the kernel:" "$(<"$kills")"
}

# Kills from outside, after a growing time; counts what was acknowledged.
killed_from_outside() {
	local rounds=$1 mode i total=0 acked
	shift
	for mode in eager sync lag; do
		for ((i = 0; i < rounds; i++)); do
			rm -rf "$S/w"
			mkdir "$S/w"
			PRELOAD_AS=KILLER_PRELOAD capture "$mode" "$mode" "$T/fault-killer" "$@" \
				-d $((i * i * 2000)) -- "$T/fault-work" -n 10000 -s 200 -q cUd "$S/w"
			acked=$(sed 's/.*acked //' "$S/$mode.out")
			no_task
			"$T/fault-work" -V -n 10000 -s 200 -a "$acked" cUd "$S/w" >"$S/verdict" ||
				fail "$mode, round $i: $(cat "$S/$mode.out")" "$(head -20 "$S/verdict")"
			total=$((total + acked))
		done
	done
	echo "# $((rounds * 3)) kills, $total acknowledged steps, lost 0" >&3
}

@test "SIGKILL from outside while 10,000 files are written" {
	killed_from_outside "${FASTIO_TEST_KILLS:-12}"
}

@test "SIGKILL of the process group from outside" {
	killed_from_outside "${FASTIO_TEST_KILLS:-6}" -g
}

@test "timeout -s KILL" {
	local mode t
	need timeout
	for mode in eager lag; do
		for t in 0.01 0.05 0.2; do
			fresh
			capture "$mode" "$mode" timeout -s KILL "$t" "$T/fault-work" -n 20000 -p 20 -q \
				-A "$S/page" cU "$S/w"
			[[ $RC == 137 ]] || fail "status $RC"
			no_task
			"$T/fault-work" -V -n 20000 -a "$(acked)" cU "$S/w" >"$S/verdict" ||
				fail "$mode: $(acked) steps:" "$(head -20 "$S/verdict")"
		done
	done
}

@test "the background task is killed: the program takes over" {
	local mode d seen=0
	KILLED_IS_FINE=
	for mode in eager sync lag; do
		for d in 500 3000 20000 100000; do
			rm -rf "$S/w"
			mkdir "$S/w"
			PRELOAD_AS=KILLER_PRELOAD capture "$mode" "$mode" "$T/fault-killer" -b -d "$d" -- \
				"$T/fault-work" -n 1500 -s 300 -p 40 cmUr "$S/w"
			grep -q ' status 0 ' "$S/$mode.out" || fail "$mode: $(tail -1 "$S/$mode.out")"
			! grep -q 'killed 0' "$S/$mode.out" || seen=$((seen - 1))
			seen=$((seen + 1))
			quiet "$mode"
			"$T/fault-work" -V -n 1500 -s 300 cmUr "$S/w" <"$S/$mode.out" >"$S/verdict" ||
				fail "$mode, after $d us:" "$(head -20 "$S/verdict")"
			! grep -v -e ' ok$' -e '^killed' "$S/$mode.out" || fail "$mode: calls failed"
			no_task
		done
	done
	((seen > 0)) || fail "there never was a background task to kill"
}

@test "no task, zombie or descriptor is left when programs end" {
	local mode
	KILLED_IS_FINE=
	for mode in auto eager sync lag; do
		rm -rf "$S/w"
		mkdir "$S/w"
		# shellcheck disable=SC2016
		capture "$mode" "$mode" sh -c 'cd "$1"; for d in a b c; do mkdir "$d"
			(cd "$d"; for i in $(seq 40); do echo "$i" >"$i"; done; cp -r . "../$d.copy") & done
			wait; ps -o stat= --ppid "$$" | grep -c Z; ls | wc -l' sh "$S/w"
		[[ $(<"$S/$mode.out") == $'0\n6' ]] || fail "$(cat "$S/$mode.out" "$S/$mode.err")"
		no_task
	done
}
