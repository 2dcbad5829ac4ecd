#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Locks and names are release points: whoever learns of them finds all work in place.

load ../lib/common

@test "release: flock released" {
	fiveways -o release flock
}

@test "release: close of a flocked file" {
	fiveways -o release flock_close
}

@test "release: fcntl lock released" {
	fiveways -o release fcntl
}

@test "release: close of an fcntl-locked file" {
	fiveways -o release fcntl_close
}

@test "release: close of another descriptor of an fcntl-locked file" {
	fiveways -o release fcntl_alias
}

@test "release: lockf released" {
	fiveways -o release lockf
}

@test "release: open-file-description lock released" {
	fiveways -o release ofd
}

@test "release: rename" {
	fiveways -o release rename
}

@test "release: rename of a file just written" {
	fiveways -o release rename_new
}

@test "release: renameat2" {
	fiveways -o release renameat2
}

@test "release: link" {
	fiveways -o release link
}

@test "release: linkat" {
	fiveways -o release linkat
}

@test "release: symlink" {
	fiveways -o release symlink
}

@test "release: a marker closed empty" {
	fiveways -o release marker
}

@test "release: a marker created with O_EXCL" {
	fiveways -o release marker_excl
}

@test "release: a marker made by creat" {
	fiveways -o release marker_creat
}

@test "release: a marker made by fopen" {
	fiveways -o release marker_stdio
}

@test "release: rmdir of a lock directory" {
	fiveways -o release rmdir
}

@test "release: unlink of a lock file" {
	fiveways -o release unlink_lock
}

@test "release: bind of a socket name" {
	fiveways -o release bind
}

@test "release: symlinkat" {
	fiveways -o release symlinkat
}

@test "release: renameat" {
	fiveways -o release renameat
}
