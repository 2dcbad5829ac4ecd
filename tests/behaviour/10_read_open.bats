#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A process reads its own writes: every way to open the file.

load ../lib/common

@test "read your writes: open by the same path" {
	fiveways -d create,update,unlink rw_open plain
}

@test "read your writes: open by a path with dots and double slashes" {
	fiveways rw_open dotted
}

@test "read your writes: open by the absolute path" {
	fiveways rw_open absolute
}

@test "read your writes: openat with a directory descriptor" {
	fiveways rw_open dirfd
}

@test "read your writes: open after chdir" {
	fiveways rw_open chdir
}

@test "read your writes: open after fchdir" {
	fiveways rw_open fchdir
}

@test "read your writes: open through a symlink" {
	fiveways rw_open symlink
}

@test "read your writes: open through a symlinked directory" {
	fiveways rw_open symlinked_dir
}

@test "read your writes: open by another hard link" {
	fiveways rw_open hardlink
}

@test "read your writes: open by another hard link, all pending at once" {
	fiveways rw_open hardlink_all
}

@test "read your writes: work through one hard link, look through the other" {
	fiveways rw_open hardlink_reverse
}

@test "read your writes: open by /proc/self/fd and /dev/fd of an O_PATH descriptor" {
	fiveways rw_open procfd
}

@test "read your writes: open the open file by its name in /proc" {
	fiveways rw_open procfd_own
}

@test "read your writes: open by /proc/self/cwd and /proc/self/root" {
	fiveways rw_open proc_cwd
}

@test "read your writes: open in a new thread" {
	fiveways rw_open thread
}

@test "read your writes: open in a thread that was there before" {
	fiveways rw_open old_thread
}

@test "read your writes: open by the openat2 system call" {
	fiveways rw_open openat2
}

@test "read your writes: open by syscall()" {
	fiveways rw_open syscall
}

@test "read your writes: open by the fortified variants" {
	fiveways rw_open fortify
}

@test "read your writes: open by file handle" {
	fiveways rw_open handle
}

@test "read your writes: a dangling symlink to a pending create" {
	fiveways rw_open dangling
}

@test "read your writes: names made while the file is pending" {
	fiveways rw_open new_names
}

@test "read your writes: a reader that was open before the rewrite" {
	fiveways -d update rw_open readonly_then_write
}
