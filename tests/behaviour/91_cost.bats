#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the library costs where it has nothing to do.

load ../lib/common

BENCH=${FASTIO_LIB%/*}/fastio-bench

# fast_path NAME: the instructions of an export with nothing pending, up to the jump to the original
fast_path() {
	objdump -d --no-show-raw-insn "$FASTIO_LIB" |
		awk -v name="<$1>:" '$2 == name { on = 1; next }
			on { sub(/^[^\t]*\t/, ""); print }
			on && /jmp +\*/ { exit }'
}

@test "cost: a barrier with nothing pending is one relaxed load" {
	[[ $(uname -m) == x86_64 ]] || skip "knows the instructions of x86-64 only"
	[[ -z ${FASTIO_TEST_LIB:-} ]] || skip "another build"
	local name path
	for name in sync syncfs access ftruncate shutdown dlopen; do
		path=$(fast_path "$name")
		# the rest saves and restores arguments
		(($(grep -c . <<<"$path") <= 20)) || fail "$name: too long: $path"
		(($(grep -c '<fio_live>' <<<"$path") == 1)) || fail "$name: not one question: $path"
		! grep -qE 'call|lock|xchg|fence' <<<"$path" || fail "$name: more than a load: $path"
	done
}

@test "cost: the overhead benchmark runs" {
	not_asan "the benchmark preloads the library without its runtime"
	run "$BENCH" overhead --lib "$FASTIO_LIB" --empty "${FASTIO_LIB%/*}/empty.so" --starts 20 --blocks 20
	assert_success
	assert_output --regexp 'start with an empty library [0-9]+ us, with .* us: [+-][0-9]+ us'
	assert_line --regexp '^pread +[0-9.]+ +[0-9.]+ +[0-9.]+'
	run "$BENCH" overhead --help
	assert_success
	run "$BENCH" overhead --what
	assert_failure 2
}
