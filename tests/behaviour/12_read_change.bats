#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A pending file is changed by its name: the result is the stock result.

load ../lib/common

@test "pending file: truncate" {
	fiveways rw_change truncate
}

@test "pending file: chmod" {
	fiveways rw_change chmod
}

@test "pending file: chown" {
	fiveways rw_change chown
}

@test "pending file: lchown of a symlink to it" {
	fiveways rw_change lchown_link
}

@test "pending file: utimensat" {
	fiveways rw_change utimensat
}

@test "pending file: utimes, lutimes, futimesat" {
	fiveways rw_change utimes
}

@test "pending file: utime" {
	fiveways rw_change utime
}

@test "pending file: fchmod, fchown, futimens before the close" {
	fiveways rw_change by_descriptor
}

@test "pending file: setuid and setgid bits" {
	fiveways rw_change suid_bits
}

@test "pending file: link" {
	fiveways rw_change link
}

@test "pending file: link over it" {
	fiveways rw_change link_over
}

@test "pending file: rename" {
	fiveways rw_change rename
}

@test "pending file: rename over it" {
	fiveways rw_change rename_over
}

@test "pending file: renameat2" {
	fiveways rw_change renameat2
}

@test "pending file: symlink over it" {
	fiveways rw_change symlink_over
}

@test "pending file: mkdir and rmdir on it" {
	fiveways rw_change mkdir_over
}

@test "pending file: mkfifo and mknod on it" {
	fiveways rw_change mknod_over
}

@test "pending file: used as a directory" {
	fiveways rw_change as_directory
}

@test "pending file: remove" {
	fiveways rw_change remove
}

@test "pending file: unlink and again" {
	fiveways rw_change unlink
}

@test "pending file: O_EXCL on it" {
	fiveways rw_change excl
}

@test "pending file: O_APPEND on it" {
	fiveways rw_change append
}

@test "pending file: reopened without O_TRUNC" {
	fiveways rw_change reopen
}

@test "pending file: rewritten three times" {
	fiveways rw_change rewrite
}

@test "pending file: truncated and nothing written" {
	fiveways rw_change open_trunc_only
}

@test "pending file: O_CREAT and nothing written" {
	fiveways rw_change open_create_only
}

@test "pending file: setxattr" {
	fiveways rw_change setxattr
}

@test "pending file: bind of a socket to its name" {
	fiveways rw_change bind
}

@test "pending file: executed" {
	fiveways rw_change exec
}
