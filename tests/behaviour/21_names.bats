#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Names come and go around pending work.

load ../lib/common

@test "names: unlink, then open" {
	fiveways -d unlink names unlink_then_open
}

@test "names: create, unlink, create again" {
	fiveways -d create/write,unlink names create_unlink_create
}

@test "names: unlink while a descriptor is open" {
	fiveways names unlink_while_open
}

@test "names: unlink of one of two hard links" {
	fiveways names unlink_of_hard_link
}

@test "names: rename of and over pending files" {
	fiveways names rename_pending
}

@test "names: rename while a descriptor is open" {
	fiveways names rename_open
}

@test "names: rename of a directory with pending files" {
	fiveways names rename_dir
}

@test "names: link of a pending file" {
	fiveways names link_pending
}

@test "names: mkdir and rmdir around pending files" {
	fiveways -d create/write,unlink names mkdir_rmdir
}

@test "names: rm -rf" {
	fiveways -d create/write,unlink names rm_rf
}

@test "names: unlink while the listing goes on" {
	fiveways -d create/write,unlink names unlink_in_listing
}

@test "names: the current directory is removed" {
	fiveways names cwd_gone
}

@test "names: a directory is replaced under its descriptor" {
	fiveways names dirfd_moved
}

@test "names: a symlink is pointed elsewhere" {
	fiveways names symlink_swapped
}

@test "names: renameat2" {
	fiveways names exchange
}

@test "names: unusual names" {
	fiveways names odd_names
}

@test "names: every byte that a name may have" {
	fiveways names any_byte
}

@test "names: deeper than PATH_MAX" {
	fiveways names deeper_than_paths
}
