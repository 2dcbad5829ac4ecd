#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# New files that are written by streams: libc must not touch their descriptors.

load ../lib/common

@test "streams: all that writes, around the ends of blocks" {
	fiveways -d create streams output
}

@test "streams: what was written of it so far is read" {
	fiveways -d create streams output_is_read
}

@test "streams: nothing is written" {
	fiveways -d create streams empty
}

@test "streams: offsets" {
	fiveways -d create streams offsets
}

@test "streams: calls on the descriptor in between" {
	fiveways -d create streams descriptors
}

@test "streams: without a buffer, by lines, with a buffer of the program's" {
	fiveways -d create streams buffers
}

@test "streams: wide characters" {
	fiveways -d create streams wide
}

@test "streams: what was written is read by the same stream" {
	fiveways -d create streams read_back
}

@test "streams: opened again for something else" {
	fiveways -d create streams reopened
}

@test "streams: modes, and what cannot be opened" {
	fiveways -d create streams opening
}

@test "streams: modes, as a user without rights" {
	fiveways -d create -u 65534 streams opening
}

@test "streams: files that are there are written again" {
	fiveways -d create streams again
}

@test "streams: renamed, removed, linked, cut in between" {
	fiveways -d create streams names
}

@test "streams: left open by a program that returns, exits, or ends at once" {
	fiveways -d create streams returns
	fiveways -d create streams exits
	fiveways -d create streams leaves
	fiveways -d create streams closes_all
}

@test "streams: left open by a program that is killed" {
	fiveways -l -d none streams is_killed
}

@test "streams: children" {
	fiveways -d create streams forks
	fiveways -d create streams spawns
}

@test "streams: several threads" {
	fiveways -d create streams threads
}

@test "streams: no descriptor is left" {
	fiveways -d none streams no_numbers
}
