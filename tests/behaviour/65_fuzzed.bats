#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the fuzzer has found.

load ../lib/common

@test "fuzzed: open of an unreadable file whose unlink is pending" {
	fiveways -u 65534 -d unlink fuzzed unlink_then_refused
}

@test "fuzzed: a pending name is created again by an open that is never deferred" {
	fiveways -d create fuzzed create_twice
}

@test "fuzzed: O_TRUNC of an empty setuid file" {
	fiveways -u 65534 fuzzed empty_setuid
}

@test "fuzzed: opendir of a pending file" {
	fiveways -d create,unlink fuzzed opendir_of_file
}

@test "fuzzed: what was done before a new name is in place when that appears" {
	fiveways -d create,unlink fuzzed marker_appears
}

@test "fuzzed: dup2 that is refused leaves the deferred file open" {
	fiveways -d create fuzzed refused_replacement
}
