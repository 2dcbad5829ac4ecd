#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# New processes are release points: whoever learns of them finds all work in place.

load ../lib/common

@test "release: execve" {
	fiveways -o release execve
}

@test "release: execv" {
	fiveways -o release execv
}

@test "release: execlp" {
	fiveways -o release execlp
}

@test "release: fexecve" {
	fiveways -o release fexecve
}

@test "release: execveat by syscall()" {
	fiveways -o release execveat
}

@test "release: fork, the child looks" {
	fiveways -o release fork
}

@test "release: vfork and exec" {
	fiveways -o release vfork
}

@test "release: posix_spawn" {
	fiveways -o release spawn
}

@test "release: posix_spawnp" {
	fiveways -o release spawnp
}

@test "release: system" {
	fiveways -o release system
}

@test "release: popen" {
	fiveways -o release popen
}

@test "release: work done by a second thread" {
	fiveways -o release thread_work
}

@test "release: work done by a child" {
	fiveways -o release child_work
}

@test "release: clone" {
	fiveways -o release clone
}

@test "release: _Fork" {
	fiveways -o release _Fork
}

@test "release: forkpty" {
	fiveways -o release forkpty
}

@test "release: daemon" {
	fiveways -o -d none release daemon
}
