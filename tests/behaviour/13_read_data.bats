#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The content of pending files reaches mmap, stdio and the copying calls.

load ../lib/common

@test "read your writes: mmap" {
	fiveways rw_data mmap
}

@test "read your writes: mmap of the open descriptor" {
	fiveways rw_data mmap_own
}

@test "read your writes: a mapping made before the rewrite" {
	fiveways -d none rw_data mmap_before
}

@test "read your writes: a writable shared mapping" {
	fiveways rw_data mmap_written
}

@test "read your writes: fopen" {
	fiveways rw_data fopen
}

@test "read your writes: freopen" {
	fiveways rw_data freopen
}

@test "read your writes: fdopen of the open descriptor" {
	fiveways rw_data fdopen
}

@test "read your writes: streams throughout" {
	fiveways -d none rw_data stdio
}

@test "read your writes: mkstemp and mkdtemp" {
	fiveways -d none rw_data mkstemp
}

@test "read your writes: sendfile" {
	fiveways rw_data sendfile
}

@test "read your writes: copy_file_range" {
	fiveways rw_data copy_file_range
}

@test "read your writes: splice" {
	fiveways rw_data splice
}

@test "read your writes: sendfile, copy_file_range, splice into a pending file" {
	fiveways rw_data copy_into_pending
}

@test "read your writes: readv, preadv, pread" {
	fiveways rw_data readv
}

@test "read your writes: reads on the descriptor being written" {
	fiveways rw_data read_own
}

@test "read your writes: aio_read" {
	fiveways rw_data aio
}

@test "read your writes: aio_write" {
	fiveways -d none rw_data aio_write
}

@test "read your writes: fadvise, readahead, fallocate" {
	fiveways rw_data advise
}
