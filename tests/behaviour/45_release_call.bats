#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Calls after which another process may look are release points: whoever learns of them finds all work in place.

load ../lib/common

@test "release: fsync, that file" {
	fiveways -o release fsync
}

@test "release: fdatasync, that file" {
	fiveways -o release fdatasync
}

@test "release: sync_file_range, that file" {
	fiveways -o release sync_file_range
}

@test "release: sync" {
	fiveways -o release sync
}

@test "release: syncfs" {
	fiveways -o release syncfs
}

@test "release: mmap, that file" {
	fiveways -o release mmap
}

@test "release: dup, that file" {
	fiveways -o release dup
}

@test "release: fdopen, that file" {
	fiveways -o release fdopen
}

@test "release: flock of a file just written" {
	fiveways -o release lock_file
}

@test "release: flock taken" {
	fiveways -o release take_flock
}

@test "release: chdir" {
	fiveways -o release chdir
}

@test "release: umask" {
	fiveways -o release umask
}

@test "release: dlopen" {
	fiveways -o release dlopen
}

@test "release: setrlimit" {
	fiveways -o release setrlimit
}

@test "release: setuid" {
	fiveways -o release setuid
}

@test "release: an unknown syscall()" {
	fiveways -o release unknown_syscall
}

@test "release: access by path, that file" {
	fiveways -o release stat
}

@test "release: readdir, that directory" {
	fiveways -o release readdir
}
