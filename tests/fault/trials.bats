#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# trials.bats - death at random instants in random ways, over and over
#
# FASTIO_TEST_SECONDS: how long (25; 'make death' gives 600).  FASTIO_TEST_SEED: the first trial.

load fault

setup() {
	fault_setup
}

teardown() {
	fault_teardown
}

@test "death: what was acknowledged is in place, whatever ends the program" {
	local seed=${FASTIO_TEST_SEED:-$((EPOCHSECONDS * 1000))} rc=0 last mounts
	if ((EUID == 0)); then
		mount_on "$S/mnt" -o loop "$(image death 512M ext4)"
	fi
	mkdir -p "$S/mnt"
	mounts=$(grep -c " $S/" /proc/mounts) || true # others mount as well
	echo "first trial: $seed"
	timeout -k 5 $((${FASTIO_TEST_SECONDS:-25} + 120)) "$T/fault-death" --lib "$FIRST$LIB" \
		--work "$T/fault-work" --dir "$S/mnt" --seed "$seed" \
		--seconds "${FASTIO_TEST_SECONDS:-25}" >"$S/out" 2>&1 || rc=$?
	cat "$S/out"
	last=$(tail -n 1 "$S/out")
	((rc == 0)) || fail "status $rc"
	[[ $last == *" lost 0, left over 0, failed 0" ]] || fail "$last"
	# without a pending file at any death this would prove nothing
	[[ $(tail -n 2 "$S/out") != *"tasks killed 0"* ]] || fail "no background task was ever met"
	[[ $(tail -n 2 "$S/out") != *"pending at the death 0"* ]] || fail "nothing was ever pending"
	[[ $(grep -c " $S/" /proc/mounts) == "$mounts" ]] || fail "a mount is left"
	no_task
	echo "# $last" >&3
}
