#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Ends of the process are release points: whoever learns of them finds all work in place.

load ../lib/common

@test "release: without one, the work is really still pending (the control)" {
	# If this finds everything in place, the tests of this kind prove nothing.
	local IS_PROG=1 OBSERVED=1 TIMEOUT=30 SETUP_FN='' AFTER_FN='' CLEAN_FN='' AS_USER='' LATE='' DUMP=() EXTRA_ENV=()
	run_mode lag "$PROGS/release" nothing
	run cat "$T/lag.out"
	assert_output --partial "NOT complete"
}

@test "release: return from main" {
	fiveways -o release return
}

@test "release: exit" {
	fiveways -o release exit
}

@test "release: _exit" {
	fiveways -o release _exit
}

@test "release: _Exit" {
	fiveways -o release _Exit
}

@test "release: quick_exit" {
	fiveways -o release quick_exit
}

@test "release: abort" {
	fiveways -o -d none release abort
}

@test "release: raise(SIGKILL)" {
	fiveways -o -d none release raise_kill
}

@test "release: raise(SIGTERM)" {
	fiveways -o -d none release raise_term
}

@test "release: kill of itself" {
	fiveways -o -d none release kill_self
}

@test "release: pthread_kill of itself" {
	fiveways -o -d none release pthread_kill_self
}

@test "release: exit by syscall()" {
	fiveways -o release syscall_exit
}

@test "release: pthread_exit of the last thread" {
	fiveways -o release pthread_exit
}

@test "release: exit in a second thread" {
	fiveways -o release exit_in_thread
}
