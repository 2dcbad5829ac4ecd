#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# fuzz.bats - random calls, stock and preloaded: the same transcript; a minute in all

load ../lib/common

# fuzz SECONDS ARG...: no difference, and work of each kind was really deferred
fuzz() {
	local seconds=$1 kind
	shift
	run "$ROOT/tests/fuzz/run.sh" --seconds "$seconds" --out "$T" "$@"
	assert_success
	assert_output --regexp ' 0 different; .*late errors 0$'
	for kind in ${KINDS-create write close unlink chown utimens trunc}; do
		refute_output --regexp " $kind 0( |;)"
	done
	echo "# ${lines[-1]}" >&3
}

@test "known seeds, all modes" {
	fuzz 15 --seed 1 --mode all
}

@test "new seeds, modes in turn" {
	fuzz 30
}

@test "new seeds, syncs in groups" {
	KINDS='create close rename link fsync' fuzz 10 --mode group
}

@test "new seeds, few long lists, default settings" {
	KINDS='create close trunc' fuzz 10 --ops 600 --mode default
}
