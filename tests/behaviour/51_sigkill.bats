#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# SIGKILL while 10,000 files are being written: what was acknowledged is there.

load ../lib/common

keep_report() {
	mv "$T/report" "$T/report.$1"
}


@test "SIGKILL: after 1 closes" {
	fiveways -o -l -d none killme at 1
}

@test "SIGKILL: after 17 closes" {
	fiveways -o -l -d none killme at 17
}

@test "SIGKILL: after 300 closes" {
	fiveways -o -l -d none killme at 300
}

@test "SIGKILL: after 2000 closes" {
	fiveways -o -l -d none killme at 2000
}

@test "SIGKILL: after 10000 closes" {
	fiveways -w 90 -o -l -d none killme at 10000
}

@test "SIGKILL: at a random moment, about 1 ms after the start" {
	fiveways -o -l -d none -x k killme random 1
}

@test "SIGKILL: at a random moment, about 20 ms after the start" {
	fiveways -o -l -d none -x k killme random 20
}

@test "SIGKILL: at a random moment, about 80 ms after the start" {
	fiveways -o -l -d none -x k killme random 80
}

@test "SIGKILL: files were really pending when it came" {
	# on a busy machine the task may be done before anybody looks
	for _ in {1..5}; do
		fiveways -o -l -d none -e "T_REPORT=$T/report" -a keep_report killme at 200
		(($(<"$T/report.stock") == 0))
		(($(<"$T/report.lag") == 0)) || return 0
	done
	fail 'nothing was pending'
}
