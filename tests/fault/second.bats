#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034
#
# second.bats - a second process changes what the program works on, at random
#
# FASTIO_TEST_SECONDS: about how long (10).  FASTIO_TEST_SEED: the first seed.

load fault

setup() {
	fault_setup
}

teardown() {
	fault_teardown
	rm -f /dev/shm/fault-second.*
}

@test "a second process at random: nothing lost, no strange error or content, nothing hangs" {
	local seed=${FASTIO_TEST_SEED:-$EPOCHSECONDS} end=$((SECONDS + ${FASTIO_TEST_SECONDS:-10})) mode n
	local operations=0 others=0 checks=0 errors=0 deferred=0 late=0 runs=0
	PRELOAD_AS=SECOND_PRELOAD
	while :; do
		for mode in stock sync uring eager lag synclag; do
			rm -rf "$S/w"
			mkdir "$S/w"
			LIMIT=100 capture "$mode" "$mode" "$T/fault-second" -n 2000 -t $((seed % 3 + 1)) -s "$seed" "$S/w"
			read -r n _ <"$S/$mode.out" || n=0
			((n >= 1998)) || fail "$mode, seed $seed: $n operations, status $RC:" "$(<"$S/$mode.err")"
			grep -q ' 0 wrong$' "$S/$mode.out" || fail "$mode, seed $seed:" "$(<"$S/$mode.out")"
			# only names that the other process uses as well may have failed
			! grep -vE "^fastio: cannot [a-z ]+ '.*/s[0-5]': |^fastio: the program took" "$S/$mode.err" ||
				fail "$mode, seed $seed: another message"
			((RC == $([[ -s $S/$mode.err ]] && echo 1 || echo 0))) || fail "$mode, seed $seed: status $RC"
			no_task
			[[ $mode != stock ]] || continue
			need_deferred "$mode" 50
			read -r operations others errors checks < <(awk -v a=$operations -v b=$others -v c=$errors \
				-v d=$checks '/operations/ { print a + $1, b + $3, c + $8, d + $11 }' "$S/$mode.out")
			deferred=$((deferred + $(deferred "$mode")))
			late=$((late + $(sum "$mode" .errors.late)))
			runs=$((runs + 1))
		done
		seed=$((seed + 1))
		((SECONDS < end)) || break
	done
	echo "# $runs preloaded runs, $operations operations ($deferred deferred), $others of the other process," \
		"$errors calls failed ($late late), $checks checks, lost 0" >&3
}
