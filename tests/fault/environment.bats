#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# environment.bats - unknown, malformed or missing settings, and other libraries preloaded beside

load fault

setup() {
	fault_setup
	mkdir "$S/stock"
	capture stock stock "$T/fault-work" -n 60 cmUr "$S/stock"
}

teardown() {
	fault_teardown
}

with() {
	rm -rf "$S/fast"
	mkdir "$S/fast"
	EXTRA=("$@")
	capture fast auto "$T/fault-work" -n 60 cmUr "$S/fast"
	same stock fast || fail "with $*"
	same_tree "$S/stock" "$S/fast" || fail "with $*"
}

@test "malformed values are ignored" {
	local name value
	for name in ENGINE WARMUP LAG_US WINDOW MAX_FILE MAX_PENDING AGE_US CRASH; do
		for value in '' x -1 1e3 99999999999999999999999 $'\xff\n' \
			"$(printf 'a%.0s' {1..5000})"; do
			[[ $name$value != LAG_US* ]] || [[ $value != *[0-9]* ]] || continue
			with FASTIO_WARMUP=0 "FASTIO_$name=$value"
		done
	done
	no_task
}

@test "extreme values" {
	local name value
	for name in WARMUP WINDOW MAX_FILE MAX_PENDING AGE_US; do
		for value in 0 1 3 4294967296 9223372036854775807 18446744073709551615; do
			with FASTIO_WARMUP=0 "FASTIO_$name=$value"
		done
	done
	with FASTIO_WARMUP=0 FASTIO_WINDOW=1 FASTIO_MAX_FILE=1 FASTIO_MAX_PENDING=1 FASTIO_AGE_US=1
	no_task
}

@test "unknown variables are ignored" {
	with FASTIO_WARMUP=0 FASTIO_NO_SUCH_THING=1 FASTIO_=x FASTIO=1 LIBFASTIO=2
	need_deferred fast 60
}

@test "a malformed value: default used, one line in the log if asked for" {
	with FASTIO_ENGINE=bogus FASTIO_WARMUP=0 FASTIO_LOG="$S/log"
	grep -q FASTIO_ENGINE "$S/log" || fail "the log does not name it:" "$(cat "$S/log")"
	need_deferred fast 60
	rm -f "$S/log"
	with FASTIO_WARMUP=0 FASTIO_WINDOW=many FASTIO_LOG="$S/log"
	grep -q FASTIO_WINDOW "$S/log" || fail "the log does not name it:" "$(cat "$S/log")"
}

@test "engine off does nothing" {
	with FASTIO_ENGINE=off
	[[ $(deferred fast) == 0 ]]
}

@test "log and statistics that cannot be written" {
	with FASTIO_WARMUP=0 FASTIO_LOG=/nonexistent/log FASTIO_STATS=/nonexistent/stats
	with FASTIO_WARMUP=0 FASTIO_LOG=/ FASTIO_STATS=/
	with FASTIO_WARMUP=0 FASTIO_LOG= FASTIO_STATS=
	with FASTIO_WARMUP=0 FASTIO_LOG=/dev/full FASTIO_STATS=/dev/full
	with FASTIO_WARMUP=0 FASTIO_LOG="$(printf 'a%.0s' {1..5000})" FASTIO_STATS="$(printf 'a%.0s' {1..5000})"
}

@test "env -i with nothing but the preload" {
	mkdir "$S/fast"
	capture fast stock env -i "LD_PRELOAD=$FIRST$LIB" "$T/fault-work" -n 60 cmUr "$S/fast"
	same stock fast
	same_tree "$S/stock" "$S/fast"
	no_task
}

@test "a program that clears or replaces its environment" {
	mkdir "$S/w"
	# shellcheck disable=SC2016
	local script='cd "$1" && for i in $(seq 50); do echo "$i" >"a$i"; done
		env -i sh -c "for i in 1 2 3 4 5 6 7 8 9; do echo \$i >b\$i; done; cat a50 b9"
		unset LD_PRELOAD FASTIO_STATS; cat a* | wc -l'
	local mode
	for mode in stock eager lag; do
		capture "$mode" "$mode" sh -c "$script" sh "$S/w"
		mv "$S/w" "$S/tree.$mode"
		mkdir "$S/w"
		same stock "$mode"
		same_tree "$S/tree.stock" "$S/tree.$mode"
	done
}

@test "the library preloaded twice, by two paths, and with a missing neighbour" {
	cp "$LIB" "$S/second.so"
	PRELOAD="$LIB:$LIB" with FASTIO_WARMUP=0
	PRELOAD="$LIB:$S/second.so" with FASTIO_WARMUP=0
	PRELOAD="$LIB $S/second.so" with FASTIO_WARMUP=0 FASTIO_LAG_US=20000
}

# A little of everything, to be the same beside another library: beside LIBRARY [DEFERRED]
beside() {
	local other=$1 least=${2:-0} order mode script
	# shellcheck disable=SC2016
	script='set -e; cd "$1"; tar xf ../in.tar; cp -a in copy; rm -r copy/d1
		echo changed >in/d2/f3; chmod 600 in/d2/f4; mv in/d3 in/moved; sync in/d2/f3
		tar cf - in | tar tf - | sort; find . -type f | sort | xargs cat | sha1sum
		ls -lnR --time-style=+ . | grep -v ^total'
	mkdir -p "$S/in"
	for mode in {1..5}; do
		mkdir "$S/in/d$mode"
		for order in {1..40}; do
			echo "$mode $order" >"$S/in/d$mode/f$order"
		done
	done
	tar -C "$S" -cf "$S/in.tar" --owner=0 --group=0 in
	mkdir "$S/w"
	PRELOAD_AS=LD_PRELOAD PRELOAD=$other capture oracle auto sh -c "$script" sh "$S/w"
	mv "$S/w" "$S/tree.oracle"
	for order in "$LIB:$other" "$other:$LIB"; do
		for mode in auto eager lag; do
			mkdir "$S/w"
			PRELOAD=$order capture fast "$mode" sh -c "$script" sh "$S/w"
			same oracle fast || fail "with LD_PRELOAD=$order, $mode"
			same_tree "$S/tree.oracle" "$S/w" || fail "with LD_PRELOAD=$order, $mode"
			[[ $mode == auto || $least == 0 ]] || need_deferred fast "$least"
			rm -rf "$S/w"
		done
	done
	no_task
}

library() {
	local found
	found=$(find /usr/lib /lib -name "$1" -print -quit 2>/dev/null)
	[[ -n $found ]] || skip "no $1"
	echo "$found"
}

@test "eatmydata, in both orders" {
	beside "$(library libeatmydata.so)"
}

@test "libfaketime, in both orders" {
	local lib
	lib=$(library libfaketime.so.1)
	EXTRA=(FAKETIME=@2020-01-01)
	beside "$lib"
}

@test "jemalloc, in both orders" {
	beside "$(library libjemalloc.so.2)" 100
}

@test "mimalloc, in both orders" {
	beside "$(library 'libmimalloc.so.2*')" 100
}

@test "fakeroot, in both orders" {
	need fakeroot
	local script mode
	# shellcheck disable=SC2016
	script='set -e; cd "$1"; mkdir d; for i in $(seq 60); do echo "$i" >d/f$i; done
		chown 12:34 d/f1 d/f2; chmod 4755 d/f3; cp -a d copy; mknod d/null c 1 3
		tar cf x.tar d copy; rm -r copy; tar xf x.tar; chown -R 5:6 d
		ls -lnR --time-style=+ d copy | grep -v ^total; tar tvf x.tar | sed "s/ 20.*:.. / /" | sort'
	mkdir "$S/w"
	capture oracle stock fakeroot sh -c "$script" sh "$S/w"
	((RC == 0)) || skip "fakeroot does not work here"
	for mode in auto eager sync lag; do
		rm -rf "$S/w"
		mkdir "$S/w"
		capture fast "$mode" fakeroot sh -c "$script" sh "$S/w"
		same oracle fast || fail "fakeroot first, $mode"
		rm -rf "$S/w"
		mkdir "$S/w"
		mode_env "$mode" second
		# shellcheck disable=SC2016
		capture fast stock fakeroot sh -c 'LD_PRELOAD=$1:$LD_PRELOAD; export LD_PRELOAD; shift
			exec env "$@"' sh "$FIRST$LIB" "${MODE_ENV[@]/#LD_PRELOAD=*/A=1}" \
			sh -c "$script" sh "$S/w"
		same oracle fast || fail "the library first, $mode"
	done
	no_task
}
