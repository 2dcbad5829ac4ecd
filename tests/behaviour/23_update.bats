#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Existing files that are opened with O_TRUNC and written: the open itself is put off.

load ../lib/common

@test "update: the same size, other sizes, empty" {
	fiveways -d update upd sizes
}

@test "update: file after file, round after round" {
	fiveways -d update upd in_turn
}

@test "update: hard links, symlinks, what cannot be opened" {
	fiveways -d update upd aliases
}

@test "update: fstat, lseek and fcntl see the file" {
	fiveways -d update upd asked
}

@test "update: executable, setuid and read-only files" {
	fiveways -d update upd modes
}

@test "update: the same as a user without rights" {
	fiveways -d none -u 65534 -s own upd modes
}

@test "update: somebody else's file in a sticky directory" {
	fiveways -d update upd sticky
}

@test "update: mode, size and attributes change while it is open" {
	fiveways -d update upd changed_while_open
}

@test "update: removed, renamed and replaced while it is open" {
	fiveways -d update upd moved_while_open
}

@test "update: two writers, a reader, a duplicate" {
	fiveways -d update upd together
}

@test "update: mapped files" {
	fiveways -d update upd mapped
}

@test "update: locked files" {
	fiveways -d update upd locked
}

@test "update: descriptor numbers; a long run" {
	fiveways -d update upd descriptors
}

own() {
	[[ $(id -u) != 0 ]] || chown -h 65534 ./*
}
