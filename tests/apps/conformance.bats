#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# conformance.bats - a few short modules of the suites of tests/conformance, with lag
#
# FASTIO_TEST_FULL=1: all of them; or make conformance, which shows more.

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
}

suite() {
	local name=$1
	shift
	local modules=("${@/#/$name:}")
	[[ -z ${FASTIO_TEST_FULL:-} ]] || modules=("$name")
	run "$ROOT/tests/conformance/run.py" --modes lag "${modules[@]}"
	echo "$output"
	((status == 0))
	[[ ${lines[-1]} != 0\ passed* ]] || skip "${lines[0]##*: }"
}

@test "cpython's own tests" {
	suite cpython os posix fileio glob shutil mmap
}

@test "stress-ng" {
	suite stress-ng dentry rename flock vfork
}

@test "fio" {
	suite fio psync threads
}
