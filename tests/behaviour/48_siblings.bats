#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Exports that nothing else calls: arguments and results get through.

load ../lib/common

@test "siblings: calls on terminals" {
	fiveways siblings terminals
}

@test "siblings: attributes and nodes" {
	fiveways siblings attributes
}

@test "siblings: sockets" {
	fiveways siblings sockets
}

@test "siblings: events" {
	fiveways siblings events
}

@test "siblings: streams" {
	fiveways siblings streams
}

@test "siblings: wide streams" {
	fiveways siblings wide
}

@test "siblings: what formats" {
	fiveways siblings formatted
}

@test "siblings: calls by their numbers" {
	fiveways siblings numbers
}

@test "siblings: databases" {
	fiveways siblings databases
}

@test "siblings: processes and threads" {
	fiveways siblings processes
}

@test "siblings: what may be shared" {
	fiveways siblings shared
}

@test "siblings: mounts that are refused" {
	fiveways siblings refused
}

@test "siblings: identities" {
	fiveways siblings identities
}
