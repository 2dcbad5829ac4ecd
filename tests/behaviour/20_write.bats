#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Patterns of writing leave what stock leaves.

load ../lib/common

@test "write: many small writes" {
	fiveways wr sequential
}

@test "write: gaps" {
	fiveways wr gap
}

@test "write: lseek patterns" {
	fiveways wr seeks
}

@test "write: overlapping writes" {
	fiveways wr overlap
}

@test "write: pwrite at offsets" {
	fiveways wr pwrites
}

@test "write: writev, pwritev" {
	fiveways wr vectors
}

@test "write: writes of nothing" {
	fiveways wr zero_length
}

@test "write: O_APPEND" {
	fiveways wr append
}

@test "write: two descriptors of one file" {
	fiveways wr two_writers
}

@test "write: in place, no O_TRUNC" {
	fiveways -d none wr without_trunc
}

@test "write: O_TRUNC twice" {
	fiveways wr trunc_twice
}

@test "write: ftruncate" {
	fiveways wr ftruncate
}

@test "write: sizes around the limits" {
	fiveways -d create/write wr sizes
}

@test "write: a file that outgrows what is held" {
	fiveways wr grows_large
}

@test "write: more bytes than may be held" {
	fiveways -w 60 wr many_bytes
}

@test "write: many files, updated and deleted" {
	fiveways -d create,update,unlink wr many_files
}

@test "write: the buffer is reused at once" {
	fiveways wr buffer_reuse
}

@test "write: the path string is reused at once" {
	fiveways wr path_reuse
}

@test "write: O_EXCL in bulk" {
	fiveways -d none wr excl
}

@test "write: flags that are never deferred" {
	fiveways wr odd_flags
}

@test "write: fsync and its relatives" {
	fiveways wr data_syncs
}

@test "write: locks on the file" {
	fiveways wr locks
}

default_acl() {
	mkdir acl
	setfacl -d -m u:1234:rwx -m g::r -m m::rw acl
}

list_acls() {
	getfacl -R acl >acls
}

@test "write: a directory with a default ACL" {
	need setfacl
	fiveways -d create -s default_acl -a list_acls wr acl_dir
	grep -q '^user:1234:rw' "$W/acls"
}
