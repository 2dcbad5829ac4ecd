#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# limits.bats - resource limits: the program meets them where it would without the library

load fault

setup() {
	fault_setup
}

teardown() {
	fault_teardown
}

# Every mode works in the same path; the trees are kept apart afterwards.
compare() {
	local modes=$1 mode
	shift
	for mode in stock $modes; do
		rm -rf "$S/w"
		mkdir "$S/w"
		chmod 777 "$S/w" "$S"
		capture "$mode" "$mode" "$@"
		if [[ $mode != stock ]]; then
			same stock "$mode"
			same_tree "$S/tree" "$S/w"
		else
			rm -rf "$S/tree"
			mv "$S/w" "$S/tree"
		fi
		no_task
	done
}

nobody() {
	need_root
	need setpriv prlimit
	RUNNER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

@test "the same number of descriptors, the same numbers, the same EMFILE" {
	local n
	need prlimit
	for n in 1024 400; do
		RUNNER=(prlimit --nofile="$n:$n")
		compare "auto eager sync lag" "$T/fault-limits" "$S/w"
		need_deferred eager 50
	done
}

@test "RLIMIT_NOFILE 16 and 8" {
	local n
	need prlimit
	for n in 64 16 8 5; do
		RUNNER=(prlimit --nofile="$n:$n")
		compare "auto eager sync lag" "$T/fault-limits" "$S/w"
		compare "eager lag" "$T/fault-work" -n 300 cmUrd "$S/w"
	done
}

@test "RLIMIT_NOFILE, soft limit only" {
	need prlimit
	RUNNER=(prlimit --nofile=16:4096)
	compare "auto eager sync lag" "$T/fault-limits" "$S/w"
}

@test "RLIMIT_MEMLOCK 0 without privilege" {
	nobody
	RUNNER+=(prlimit --memlock=0:0)
	compare "auto eager uring lag" "$T/fault-work" -n 300 cmUrd "$S/w"
	need_deferred eager 300
}

@test "RLIMIT_NPROC 0 and 1 without privilege: no background task" {
	local n
	for n in 0 1; do
		nobody
		RUNNER+=(prlimit --nproc="$n:$n")
		compare "auto eager sync lag" "$T/fault-work" -n 300 cmUrd "$S/w"
	done
}

@test "RLIMIT_NPROC 2 without privilege: a background task, but no worker for the ring" {
	nobody
	# a user of whom nothing else runs
	RUNNER=(setpriv --reuid=54321 --regid=54321 --clear-groups prlimit --nproc=2:2)
	compare "uring lag" "$T/fault-work" -n 300 cmUrd "$S/w"
	need_deferred uring 300
	[[ $(sum uring .ring.sqes) != 0 ]] || fail "the ring was not used: $(cat "$S/uring.stats")"
	echo "# $(sum uring .ring.sqes) operations given to a ring without workers," \
		"$(sum uring .ring.fallbacks) done by plain calls" >&3
}

@test "RLIMIT_AS" {
	local mb
	need prlimit
	[[ $FIRST != *libasan* ]] || skip "AddressSanitizer: its runtime wants terabytes of addresses"
	for mb in 16 100; do
		RUNNER=(prlimit --as=$((mb << 20)))
		compare "auto eager sync lag" "$T/fault-work" -n 300 -s 20000 cmUr "$S/w"
	done
}

@test "RLIMIT_DATA and RLIMIT_STACK" {
	need prlimit
	[[ -z $FIRST ]] || skip "a sanitizer: what its runtime is made of does not fit"
	RUNNER=(prlimit --data=$((4 << 20)))
	compare "eager lag" "$T/fault-work" -n 300 -s 20000 cmUr "$S/w"
	RUNNER=(prlimit --stack=$((128 << 10)))
	compare "eager lag" "$T/fault-work" -n 300 cmUr "$S/w"
}

@test "RLIMIT_FSIZE: EFBIG with SIGXFSZ ignored" {
	need prlimit
	RUNNER=(prlimit --fsize=4096:4096 --nofile=600:600)
	compare "auto eager sync lag" "$T/fault-limits" "$S/w"
	grep -q big19 "$S/stock.out" || fail "stock meets no limit: $(cat "$S/stock.out")"
}

@test "RLIMIT_FSIZE: killed by SIGXFSZ at the same write" {
	need prlimit
	RUNNER=(prlimit --fsize=600:600)
	compare "auto eager sync lag" "$T/fault-work" -n 200 -s 1000 c "$S/w"
	[[ $(<"$S/stock.rc") == 153 ]] || fail "stock: $(<"$S/stock.rc")"
}

@test "limits that a program sets itself after it has begun" {
	need /usr/bin/python3
	cat >"$S/p.py" <<-'END'
		import os, resource, signal, sys
		d = sys.argv[1]
		def put(i, n):
		    try:
		        fd = os.open(f"{d}/f{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		        try:
		            return os.write(fd, b"x" * n)
		        finally:
		            os.close(fd)
		    except OSError as e:
		        return e.errno
		res = [put(i, 100) for i in range(100)]
		signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
		resource.setrlimit(resource.RLIMIT_FSIZE, (150, resource.RLIM_INFINITY))
		res += [put(i, 200) for i in range(50, 150)]
		resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
		res += [put(i, 300) for i in range(100, 200)]
		resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
		res += [put(i, 50) for i in range(200, 250)]
		fds = []
		try:
		    while True:
		        fds.append(os.open(f"{d}/g{len(fds)}", os.O_WRONLY | os.O_CREAT))
		except OSError as e:
		    res += [e.errno, fds]
		print(res)
	END
	compare "auto eager sync lag" /usr/bin/python3 "$S/p.py" "$S/w"
}
