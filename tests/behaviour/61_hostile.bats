#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2034
# Calls at moments and from places that a library is not asked about.

load ../lib/common

@test "hostile: a timer storm whose handler writes files" {
	fiveways hostile storm
}

@test "hostile: a timer storm, the handler on a small stack of its own" {
	fiveways hostile storm_altstack
}

@test "hostile: a timer storm among threads" {
	fiveways hostile storm_threads
}

@test "hostile: a timer storm among children" {
	fiveways hostile storm_children
}

@test "hostile: handlers that jump out of blocking calls" {
	fiveways hostile jump
}

@test "hostile: before all constructors and after all destructors" {
	fiveways -e T_EARLY=1 hostile early_late
}

@test "hostile: threads canceled in our calls" {
	fiveways -x noise hostile cancel_deferred
}

@test "hostile: threads canceled in our calls, asynchronously" {
	not_asan "knows no end of a frame by an asynchronous cancelation"
	fiveways -x noise hostile cancel_async
}

@test "hostile: cancelation points" {
	fiveways hostile cancel_points
}

@test "hostile: vfork children that close, dup2, open and write" {
	fiveways hostile vfork_descriptors
}

@test "hostile: spawn and vfork while others write" {
	fiveways hostile spawn_among_writers
}

@test "hostile: threads with the smallest stack" {
	not_asan "has larger frames"
	fiveways hostile small_stacks
}

@test "hostile: 10,000 open files" {
	ulimit -n 12000 || skip "no more descriptors"
	fiveways hostile open_10000
}

@test "hostile: descriptors up to the limit" {
	ulimit -n 1024
	fiveways hostile open_to_the_limit
}

@test "hostile: every descriptor to 65,536 closed" {
	fiveways hostile close_to_65536
}

@test "hostile: RLIMIT_NOFILE lowered to 16 and raised again" {
	fiveways hostile limit_16
}

# Its runtime interposes write, stat and others itself: in the program, before ours; in a library of its
# own, behind ours (then all calls pass through) or, preloaded first, before ours.
asan() {
	not_asan "has a runtime of its own"
	MODES=(stock sync lag)
	gcc -std=gnu11 -D_GNU_SOURCE -O1 -fsanitize=address "$@" -o "$T/threads" \
		"$ROOT/tests/progs/threads.c" -lpthread 2>/dev/null || skip "no AddressSanitizer"
}

threads_fixture() {
	"$T/threads" --fixture
}

@test "hostile: a program built with AddressSanitizer, linked statically" {
	asan -static-libasan
	fiveways -s threads_fixture "$T/threads" two
	fiveways -s threads_fixture "$T/threads" forks
}

@test "hostile: a program built with AddressSanitizer, its library behind ours" {
	asan
	fiveways -s threads_fixture -d none -e ASAN_OPTIONS=verify_asan_link_order=0 "$T/threads" two
}

@test "hostile: a program built with AddressSanitizer, its library before ours" {
	asan
	FASTIO_PRELOAD=$(gcc -print-file-name=libasan.so):$FASTIO_LIB
	fiveways -s threads_fixture "$T/threads" two
	fiveways -s threads_fixture "$T/threads" forks
}
