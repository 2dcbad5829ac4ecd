#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# soak.bats - bounds: what is used does not grow, whatever the number of files, processes and hours
#
# FASTIO_TEST_FILES: files in one process (30,000; 'make soak' gives 1,000,000).
# FASTIO_TEST_SECONDS: how long the loop of real programs runs (4; 'make soak' gives 600).

load ../fault/fault

setup() {
	fault_setup
	# a file system in memory, so that the disk is neither filled nor measured
	if ((EUID == 0)); then
		mount_on "$S/mnt" -t tmpfs -o size=512M fastio-soak
	fi
	mkdir -p "$S/mnt"
}

teardown() {
	fault_teardown
}

@test "a million files in one process: memory and descriptors stay" {
	local files=${FASTIO_TEST_FILES:-30000} mode got
	LIMIT=580
	for mode in auto sync uring; do
		# others may need the processors, and are not to be what is tested
		FASTIO_WARMUP=0 capture many "$mode" "$T/fault-many" "$files" "$S/mnt"
		quiet many
		((RC == 0)) || fail "$mode: status $RC"
		need_deferred many $((files / 2))
		# program and task share their memory: one figure is that of both
		mapfile -t got <"$S/many.out"
		echo "# $mode: ${got[2]}, deferred $(deferred many)" >&3
		# 64 directories may be open, in each of them
		awk '{ rss[NR] = $4 > $6 ? $4 : $6; bad += $8 > 80 || $10 > 80 }
			END { exit bad || NR != 3 || rss[3] > rss[2] + 1024 || rss[3] > rss[1] + 2048 }' \
			"$S/many.out" || fail "$mode grows:" "${got[@]}"
		[[ -z $(ls -A "$S/mnt") ]] || fail "$mode: left: $(ls "$S/mnt")"
		no_task
	done
}

@test "content that is held: memory stays within FASTIO_MAX_PENDING" {
	local mib stock more
	need /usr/bin/python3
	[[ $FIRST != *libasan* ]] || skip "AddressSanitizer: its memory counts as well"
	cat >"$S/p.py" <<-'END'
		import os, resource, sys
		data = bytes(262144)
		for i in range(1000):
		    fd = os.open(f"{sys.argv[1]}/{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		    os.write(fd, data)
		    os.close(fd)
		print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
	END
	capture held stock /usr/bin/python3 "$S/p.py" "$S/mnt"
	stock=$(<"$S/held.out")
	for mib in 64 4; do
		rm "$S"/mnt/*
		# more than may be held fits the queue, and the task leaves it there
		EXTRA=(FASTIO_WINDOW=512 FASTIO_LAG_US=500000)
		((mib == 64)) || EXTRA+=(FASTIO_MAX_PENDING=$((mib << 20)))
		capture held sync /usr/bin/python3 "$S/p.py" "$S/mnt"
		quiet held
		((RC == 0)) || fail "status $RC"
		(($(sum held .pass.memory) > 0)) || fail "the bound was not met: $(<"$S/held.stats")"
		need_deferred held 10
		more=$(($(<"$S/held.out") - stock))
		((more < (mib + 6) << 10)) || fail "$more KiB more than stock, with $mib MiB"
		echo "# $mib MiB: $more KiB more than stock, $(sum held .pass.memory) files did not fit" >&3
		no_task
	done
}

@test "200 processes at once" {
	local mode i n peak=0 files each=30 modes=eager
	LIMIT=300
	if ((${FASTIO_TEST_FILES:-0} >= 1000000)); then
		each=300
		modes='auto eager lag'
	fi
	for mode in $modes; do
		mkdir "$S"/mnt/{0..199}
		capture crowd "$mode" sh -c 'for d in "$2"/*; do "$0" -q -n "$1" -p 5000 -w 4000000 cmUu "$d" & done
			wait' "$T/fault-work" $each "$S/mnt" &
		while sleep 0.5; [[ -n $(jobs -r) ]]; do
			n=$(users_of_library | wc -l)
			((n <= peak)) || peak=$n
		done
		wait
		RC=$(<"$S/crowd.rc")
		quiet crowd
		((RC == 0)) || fail "$mode: status $RC"
		no_task
		for ((i = 0; i < 200; i++)); do
			"$T/fault-work" -V -n $each -a $((each * 4)) cmUu "$S/mnt/$i" >"$S/verdict" ||
				fail "$mode, process $i:" "$(head -5 "$S/verdict")"
			files=("$S/mnt/$i"/*)
			((${#files[@]} == each)) || fail "$mode, process $i: ${#files[@]} files"
		done
		n=$(grep -c '"comm":"fault-work"' "$S/crowd.stats")
		((n == 200)) || fail "$mode: only $n have ended properly"
		need_deferred crowd 1000
		((peak > 200)) || fail "$mode: only $peak processes at once"
		echo "# $mode: 200 programs, $each files each, with tasks $peak processes at once, deferred $(deferred crowd)" >&3
		rm -rf "${S:?}"/mnt/*
	done
}

@test "real programs over and over: nothing is left, nothing grows" {
	local seconds=${FASTIO_TEST_SECONDS:-4} modes=eager mode
	need tar git python3 make gcc zip unzip
	export HOME=$S LC_ALL=C.UTF-8 TZ=UTC TMPDIR=$S/mnt/tmp
	LIMIT=$((seconds + 60))
	if ((seconds >= 60)); then
		modes='auto eager uring'
		seconds=$((seconds / 3))
	fi
	mkdir "$TMPDIR"
	capture stock stock /usr/bin/python3 "$BATS_TEST_DIRNAME/mixed.py" --children 0 "$S/mnt/w"
	((RC == 0)) || fail "stock: $(<"$S/stock.err")"
	for mode in $modes; do
		capture mixed "$mode" /usr/bin/python3 "$BATS_TEST_DIRNAME/mixed.py" \
			--seconds "$seconds" "$S/mnt/w"
		((RC == 0)) || fail "$mode: status $RC" "$(<"$S/mixed.err")"
		[[ $(<"$S/mixed.out") == "$(<"$S/stock.out")" ]] || fail "$mode: another tree than stock"
		no_task
		need_deferred mixed 100
		[[ $(sum mixed .errors.late) == 0 ]] || fail "$mode: late errors"
		echo "# $mode: $(<"$S/mixed.err"), $(jq -s length "$S/mixed.stats") processes," \
			"deferred $(deferred mixed)" >&3
	done
	[[ -z $(ls -A "$TMPDIR") ]] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"
}
