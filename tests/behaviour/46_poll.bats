#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Somebody who only polls the file system sees each change soon.

load ../lib/common

@test "poll: a file created and closed" {
	fiveways -o -l -d none aged create
}

@test "poll: a file rewritten" {
	fiveways -o -l -d none aged update
}

@test "poll: a file unlinked" {
	fiveways -o -l -d none aged unlink
}

@test "poll: data written to a file that stays open" {
	fiveways -o -l -d none aged open
}

@test "poll: data written piece by piece" {
	fiveways -o -l -d none aged open_more
}

@test "poll: a file created, nothing written, still open" {
	fiveways -o -l -d none aged created_only
}

@test "poll: a changed mode" {
	fiveways -o -l -d none aged meta
}

@test "poll: while the program computes" {
	fiveways -o -l -d none aged busy
}

@test "poll: the last of many files" {
	fiveways -o -l -d none aged many
}

@test "poll: by a second thread" {
	fiveways -o -l -d none aged thread
}

@test "poll: while the program is blocked in a read" {
	fiveways -o -l -d none aged blocked
}
