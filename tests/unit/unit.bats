#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# unit.bats - the unit tests of the core, one program per subject
#
# FASTIO_TEST_UNITS names the directory of the programs, for a sanitizer's build for instance:
#
#   make SAN=tsan units && FASTIO_TEST_UNITS=build/tsan/unit bats tests/unit
#
# All runs under each of the three sanitizers, the background task included (tests/sanitize).

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	UNITS=${FASTIO_TEST_UNITS:-$ROOT/build/unit}
	[[ $UNITS == /* ]] || UNITS=$PWD/$UNITS
	export ROOT UNITS
}

# Its output is shown when it fails; status 77: skipped, the reason is its last line.
unit() {
	local status=0 out
	# nothing of bats: descriptor numbers matter
	out=$(env -u LD_PRELOAD TMPDIR="$BATS_TEST_TMPDIR" timeout -k 2 150 "$UNITS/$1" 3>&- 2>&1) ||
		status=$?
	echo "$out"
	grep '^# total' <<<"$out" >&3 || true
	((status != 77)) || skip "${out##*$'\n'}"
	return "$status"
}

@test "formatting" {
	unit fmt
}

@test "options" {
	unit options
}

@test "lock" {
	unit lock
}

@test "buffers" {
	unit mem
}

@test "intents" {
	unit intent
}

@test "tables" {
	unit table
}

@test "queue" {
	unit queue
}

@test "directories" {
	unit dir
}

@test "life of files and processes" {
	unit life
}

@test "threads and the task at everything at once" {
	unit stress
}

@test "a ring that fails" {
	unit ring_faults
}

@test "the ring as a library" {
	unit ring
}

@test "every program is run here" {
	local f name
	for f in "$ROOT"/tests/unit/*.c; do
		name=${f##*/}
		grep -qx "	unit ${name%.c}" "$BATS_TEST_FILENAME" || {
			echo "not run: $name"
			return 1
		}
	done
}

@test "load" {
	unit load
}
