#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Many threads at work.

load ../lib/common

@test "threads: two threads, own and shared directories" {
	fiveways threads two
}

@test "threads: eight threads" {
	fiveways threads eight
}

@test "threads: sixty-four threads" {
	fiveways threads sixty_four
}

@test "threads: one thread writes, another reads at once" {
	fiveways threads relay
}

@test "threads: opened by one thread, closed by another" {
	fiveways threads handed_over
}

@test "threads: several writers to one descriptor" {
	fiveways threads one_descriptor
}

@test "threads: several writers to one file" {
	fiveways -d none threads one_file
}

@test "threads: one name created and deleted by all, a lock file" {
	fiveways -d none threads one_name
}

@test "threads: forks and execs while others write" {
	fiveways threads forks
}

@test "threads: system() while others write" {
	fiveways threads systems
}

@test "threads: threads that come and go" {
	fiveways threads short_lives
}

@test "threads: a signal handler that writes files" {
	fiveways threads signals
}

@test "threads: new files that come of age while they are opened" {
	fiveways -e FASTIO_AGE_US=100 threads exclusive
}
