#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Descriptor numbers and flags are those of stock.

load ../lib/common

@test "descriptors: the lowest free number" {
	fiveways fds lowest
}

@test "descriptors: close, then reuse" {
	fiveways fds reuse
}

@test "descriptors: a closed descriptor is closed for every call" {
	fiveways fds closed_is_closed
}

@test "descriptors: dup and F_DUPFD of a pending file" {
	fiveways fds dup
}

@test "descriptors: dup2 over a pending descriptor" {
	fiveways fds dup2
}

@test "descriptors: close_range and closefrom" {
	fiveways fds close_range
}

@test "descriptors: all descriptors closed in the middle of work" {
	fiveways fds close_all
}

@test "descriptors: dup2 to every number" {
	fiveways fds dup2_all
}

@test "descriptors: close-on-exec flag" {
	fiveways fds cloexec
}

@test "descriptors: F_GETFL" {
	fiveways fds status_flags
}

@test "descriptors: umask between open and close" {
	fiveways fds umask
}

@test "descriptors: set-group-id directories" {
	fiveways fds setgid_dir
}

@test "descriptors: owner after seteuid and setuid" {
	fiveways fds owner
}

@test "descriptors: RLIMIT_NOFILE 16" {
	fiveways fds nofile16
}

@test "descriptors: RLIMIT_NOFILE 64" {
	fiveways fds nofile64
}

@test "descriptors: no descriptor left" {
	fiveways -d none fds nofile_none_left
}

@test "descriptors: 900 files open at once" {
	fiveways fds many_open
}

@test "descriptors: SCM_RIGHTS" {
	fiveways fds scm_rights
}

@test "descriptors: raw system calls on it" {
	fiveways fds raw_syscalls
}

@test "fds: sockets, eventfds and pipes until no number is left" {
	local n
	for n in 256 300; do
		fiveways prlimit "--nofile=$n" "$PROGS/fds" sockets_none_left
	done
}

@test "descriptors: pidfd_getfd" {
	fiveways fds pidfd_getfd
}
