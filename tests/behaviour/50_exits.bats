#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every way to end leaves what was written.

load ../lib/common

@test "exit: return from main" {
	fiveways exits return
}

@test "exit: exit" {
	fiveways exits exit
}

@test "exit: _exit" {
	fiveways exits _exit
}

@test "exit: _Exit" {
	fiveways exits _Exit
}

@test "exit: quick_exit with a handler" {
	fiveways exits quick_exit
}

@test "exit: abort" {
	fiveways -d none exits abort
}

@test "exit: abort with a handler that writes" {
	fiveways -d none exits abort_handler
}

@test "exit: raise(SIGTERM)" {
	fiveways -d none exits raise_term
}

@test "exit: raise(SIGKILL)" {
	fiveways -d none exits raise_kill
}

@test "exit: _exit in a signal handler" {
	fiveways exits exit_in_handler
}

@test "exit: a segmentation fault" {
	fiveways -l -d none exits segv
}

@test "exit: an illegal instruction" {
	fiveways -l -d none exits trap
}

@test "exit: an uncaught alarm" {
	fiveways -l -d none exits alarm
}

@test "exit: SIGKILL by a bare instruction" {
	fiveways -l -d none exits raw_kill
}

@test "exit: exit by a bare instruction" {
	fiveways -l -d none exits raw_exit
}

@test "exit: exit by syscall()" {
	fiveways exits syscall_exit
}

@test "exit: atexit and on_exit handlers that write" {
	fiveways exits atexit
}

@test "exit: a destructor that writes" {
	fiveways exits destructor
}

@test "exit: a constructor that writes" {
	fiveways -e T_CONSTRUCTOR=1 exits constructor
}

@test "exit: streams flushed by exit" {
	fiveways exits stdio
}

@test "exit: streams not flushed by _exit" {
	fiveways exits stdio_lost
}

@test "exit: main goes first, another thread writes on" {
	fiveways exits pthread_exit
}

@test "exit: pthread_exit of the only thread" {
	fiveways exits pthread_exit_main
}

@test "exit: exit in a second thread" {
	fiveways exits exit_in_thread
}

@test "exit: exit while others write" {
	fiveways -x noise exits exit_among_writers
}

@test "exit: _exit while others write" {
	fiveways -x noise exits _exit_among_writers
}

@test "exit: SIGKILL to itself while others write" {
	fiveways -l -d none -x noise exits kill_among_writers
}

@test "exit: exec while others write" {
	fiveways -x noise exits exec_among_writers
}

@test "exit: thread-specific-data and thread_local destructors" {
	fiveways exits tls
}

@test "exit: a thread canceled" {
	fiveways exits cancel
}

@test "exit: work in a thread, return from main" {
	fiveways exits thread_then_return
}

@test "exit: children that end in four ways" {
	fiveways exits children
}

@test "exit: daemon" {
	fiveways -l exits daemon
}
