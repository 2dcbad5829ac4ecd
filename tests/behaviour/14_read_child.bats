#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Children see what their parent did, and parents what their children did.

load ../lib/common

@test "child: fork" {
	fiveways rw_child fork
}

@test "child: fork, both write on" {
	fiveways rw_child fork_write
}

@test "child: vfork and exec" {
	fiveways rw_child vfork
}

@test "child: vfork, redirections, exec" {
	fiveways rw_child vfork_redirect
}

@test "child: posix_spawn" {
	fiveways rw_child spawn
}

@test "child: system" {
	fiveways rw_child system
}

@test "child: system, all pending at once" {
	fiveways rw_child system_all
}

@test "child: popen to read" {
	fiveways rw_child popen
}

@test "child: popen to write" {
	fiveways rw_child popen_write
}

@test "child: exec in a child" {
	fiveways rw_child exec
}

@test "child: exec in the process itself" {
	fiveways rw_child exec_self
}

@test "child: exec with a close-on-exec descriptor" {
	fiveways rw_child exec_cloexec
}

@test "child: a failed exec" {
	fiveways rw_child exec_fails
}

@test "child: a script written and run" {
	fiveways rw_child script
}

@test "child: a program copied and run" {
	fiveways rw_child copied_program
}

@test "child: changes made by a child" {
	fiveways rw_child child_changes
}

@test "child: clone and raw fork" {
	fiveways rw_child clone
}

@test "child: grandchildren" {
	fiveways rw_child generations
}

@test "child: dlopen of a file just written" {
	fiveways rw_child dlopen
}

@test "child: wait finds no child of ours" {
	fiveways rw_child no_child
}

@test "child: wait finds no child of ours, __WALL either" {
	fiveways rw_child no_child_wall
}
