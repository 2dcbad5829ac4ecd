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

# A library that does less than it says
@test "a fault is found, shrunk, replayed, and printed as a program that shows it" {
	local program d
	need "${CC:=cc}"
	echo 'int unlink(const char *path) { (void)path; return 0; }' >"$T/liar.c"
	"$CC" -shared -fPIC -o "$T/liar.so" "$T/liar.c"
	run "$ROOT/tests/fuzz/run.sh" --lib "$T/liar.so" --mode off --seed 1 --count 4 --ops 40 --tries 1 --out "$T"
	assert_failure 1
	assert_output --partial "DIFFERENT: seed "
	assert_output --regexp 'shrunk to [1-4] operations'
	program=$(ls "$T"/fuzz-*-off.c | head -n 1)
	run "$ROOT/tests/fuzz/run.sh" --lib "$T/liar.so" --mode off --no-shrink --replay "${program%.c}.ops"
	assert_failure 1
	run "$ROOT/tests/fuzz/run.sh" --lib "$FASTIO_LIB" --mode sync --replay "${program%.c}.ops"
	assert_success
	"$CC" -w -o "$T/repro" "$program" -lpthread -lutil
	for d in stock liar ours; do
		rm -rf "$T/there"
		mkdir "$T/there"
		case $d in
		stock) unset T_PRELOAD ;;
		liar) export T_PRELOAD=$T/liar.so ;;
		ours) export T_PRELOAD=$FASTIO_PRELOAD ;;
		esac
		(cd "$T/there" && "$T/repro" >"$T/$d.text")
	done
	cmp "$T/stock.text" "$T/ours.text"
	! cmp "$T/stock.text" "$T/liar.text"
}
