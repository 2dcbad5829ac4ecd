#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# ring_library.bats - the installed library: header, archive and pkg-config file are enough to build and
# run the examples, in C and from C++

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export ROOT
	STAGE=$BATS_FILE_TMPDIR/stage
	export STAGE
	make -s -C "$ROOT" B="$BATS_FILE_TMPDIR/build" PREFIX="$STAGE" install-core
	export PKG_CONFIG_PATH=$STAGE/lib/pkgconfig
	for e in copy blocks events; do
		# shellcheck disable=SC2046
		${CC:-cc} -Wall -Wextra -Werror -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/$e" \
			"$ROOT/examples/$e.c" $(pkg-config --cflags --libs fastio-core)
	done
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	PATH=$BATS_FILE_TMPDIR:$PATH
}

@test "examples/copy copies a file and says what is wrong" {
	head -c 100000 /dev/urandom >a
	copy a b
	cmp a b
	run copy none b
	[ "$status" = 1 ]
	[[ $output == *"No such file"* ]]
	run copy a no/such/dir
	[ "$status" = 1 ]
}

@test "examples/blocks reads what it wrote" {
	run blocks f
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == "64 writes"* ]]
	[ ! -e f ]
}

@test "examples/events gets both answers" {
	printf 12345 >f
	run events f
	[ "$output" = "5 bytes, 2 events" ]
	run events none
	[ "$status" = 1 ]
}

@test "the header is C++, and needs no other" {
	command -v g++ >/dev/null || skip 'no g++'
	printf '#include <fastio/ring.h>\nint main() { fastio_req q; fastio_close(&q, 0); return !q.op; }\n' >x.cc
	# shellcheck disable=SC2046
	g++ -Wall -Wextra -Werror -o x x.cc $(pkg-config --cflags --libs fastio-core)
	./x
}

# Under each filter the actor makes plain calls instead.
@test "without io_uring, or with a part of it, the examples do the same" {
	local filter=$ROOT/build/tests/fault-seccomp f
	[ -x "$filter" ] || skip "no $filter"
	head -c 1000 /dev/urandom >a
	for f in io_uring_setup=EPERM io_uring_setup=ENOSYS io_uring_enter=EPERM io_uring_register=EPERM; do
		run "$filter" "$f" -- "$BATS_FILE_TMPDIR/copy" a b
		[ "$output" = '1000 bytes by plain calls' ]
		cmp a b
		"$filter" "$f" -- "$BATS_FILE_TMPDIR/blocks" f
		run "$filter" "$f" -- "$BATS_FILE_TMPDIR/events" a
		[ "$output" = '1000 bytes, 2 events' ]
	done
}
