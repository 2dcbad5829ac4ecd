#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# no_uring.bats - io_uring, the background task or what they need is refused

load fault

setup() {
	fault_setup
	N=300
	PHASES=cmUrd
}

teardown() {
	if [[ -n ${URING_DISABLED:-} ]]; then
		echo "$URING_DISABLED" >/proc/sys/kernel/io_uring_disabled
	fi
	fault_teardown
}

# The workload under a filter, in the modes given: as stock, and all of it there.
refused() {
	local rules=$1 mode
	shift
	mkdir "$S/stock"
	capture stock stock "$T/fault-work" -n "$N" "$PHASES" "$S/stock"
	((RC == 0)) || fail "stock fails: $(cat "$S/stock.err")"
	for mode in "$@"; do
		mkdir "$S/$mode"
		PRELOAD_AS=FAULT_PRELOAD
		# shellcheck disable=SC2086
		capture "$mode" "$mode" "$T/fault-seccomp" $rules -- \
			"$T/fault-work" -n "$N" "$PHASES" "$S/$mode"
		quiet "$mode"
		same stock "$mode"
		same_tree "$S/stock" "$S/$mode"
		no_task
		rm -rf "${S:?}/$mode"
	done
	rm -rf "$S/stock"
}

ring_unused() {
	[[ $(sum "$1" .ring.sqes) == 0 ]] || fail "$1: the ring was used: $(cat "$S/$1.stats")"
	[[ $(sum "$1" .executed.task) != 0 ]] || fail "$1: no background work: $(cat "$S/$1.stats")"
}

@test "io_uring_setup answers EPERM or ENOSYS: background work goes on without the ring" {
	local err
	for err in EPERM ENOSYS; do
		refused "io_uring_setup=$err" auto eager uring lag
		ring_unused eager
		ring_unused uring
		need_deferred eager "$N"
		need_deferred lag "$N"
	done
}

@test "all of io_uring answers EPERM or ENOSYS, as under a container's filter" {
	local err
	for err in EPERM ENOSYS; do
		refused "io_uring_setup=$err io_uring_enter=$err io_uring_register=$err" eager lag
		need_deferred eager "$N"
	done
}

@test "io_uring_setup answers ENOMEM, EMFILE, EINVAL, EAGAIN" {
	local err
	for err in ENOMEM EMFILE EINVAL EAGAIN; do
		refused "io_uring_setup=$err" eager
		need_deferred eager "$N"
	done
}

@test "only io_uring_register is refused: no probe, no registered files" {
	refused "io_uring_register=EPERM" eager uring lag
	refused "io_uring_register=EINVAL" eager uring
}

@test "only io_uring_enter is refused: a ring that can be made and not used" {
	refused "io_uring_enter=EPERM" eager uring lag
	refused "io_uring_enter=EAGAIN" eager uring
}

@test "the background task cannot be created: EAGAIN, EPERM, ENOMEM" {
	local err
	for err in EAGAIN EPERM ENOMEM; do
		refused "task=$err" auto eager sync
	done
}

@test "neither the task nor the ring" {
	refused "task=EAGAIN io_uring_setup=EPERM" eager sync lag
}

@test "calls that the library may use for itself are refused" {
	local call
	N=100
	for call in pidfd_open statx openat2 close_range memfd_create eventfd2 setsid prctl \
		fstatfs prlimit64 sched_setaffinity; do
		# AddressSanitizer's runtime asks for the size of the stack
		[[ $call$FIRST != prlimit64*libasan* ]] || continue
		refused "$call=ENOSYS" eager lag
		refused "$call=EPERM" eager
	done
}

@test "kernel.io_uring_disabled=2" {
	need_root
	local ctl=/proc/sys/kernel/io_uring_disabled
	[[ -w $ctl ]] || skip "no $ctl"
	[[ -z ${FASTIO_TEST_SHARED:-} ]] || skip "others use this machine"
	URING_DISABLED=$(<"$ctl")
	echo 2 >"$ctl"
	refused "" auto eager uring lag
	echo "$URING_DISABLED" >"$ctl"
	ring_unused eager
	need_deferred eager "$N"
}

@test "the log says why the ring is not used, and only when asked for" {
	mkdir "$S/d"
	EXTRA=(FASTIO_LOG="$S/log")
	PRELOAD_AS=FAULT_PRELOAD
	capture log uring "$T/fault-seccomp" io_uring_setup=EPERM -- \
		"$T/fault-work" -n 50 c "$S/d"
	((RC == 0))
	quiet log
	grep -q 'io_uring' "$S/log" || fail "log has no line on io_uring:" "$(cat "$S/log")"
	rm -rf "${S:?}/d"/*
	EXTRA=(FASTIO_LOG=stderr)
	capture err uring "$T/fault-seccomp" io_uring_setup=EPERM -- \
		"$T/fault-work" -n 50 c "$S/d"
	((RC == 0))
	grep -q 'io_uring' "$S/err.err" || fail "stderr has no line on io_uring:" "$(cat "$S/err.err")"
}
