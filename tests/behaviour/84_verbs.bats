#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016
# Each verb of fastio with tar, npm, git and make, in the ways in which these are used.

load ../lib/common
load ../lib/projects

bats_require_minimum_version 1.5.0

PROGRAMS=(tar npm git make)

setup_file() {
	export V=$BATS_FILE_TMPDIR
	(
		set -e
		mkdir "$V/tar" "$V/git"
		real_archive "$V/tar/real.tar" 600
		npm_project "$V/npm" 120
		git_repository "$V/git/repo" 200
		bash "$ROOT/bench/cproject.sh" "$V/make" 10
		sed -i '1i $(shell mkdir -p out)' "$V/make/Makefile"
	) >"$V/setup" 2>&1 || echo failed >>"$V/setup"
}

setup() {
	common_setup
	FASTIO=${FASTIO_TEST_COMMAND:-$ROOT/build/fastio}
	need npm git make cc jq
	[[ $(tail -n 1 "$V/setup") != failed ]] || fail "$(cat "$V/setup")"
	export HOME=$T GIT_CONFIG_NOSYSTEM=1
}

# command_of PROGRAM: what a user types, in COMMAND; what it has made, in MADE
command_of() {
	case $1 in
	tar) COMMAND=(tar xf real.tar) MADE=linux ;;
	npm) COMMAND=(npm ci) MADE=node_modules ;;
	git) COMMAND=(git clone -q repo clone) MADE=clone ;;
	make) COMMAND=(make -s -j2) MADE=out ;;
	esac
}

# fresh PROGRAM: W as it was before
fresh() {
	rm -rf "$W"
	cp -a "$V/$1" "$W"
	cd "$W" || return
	command_of "$1"
}

# as_stock PROGRAM: what was made is what the program makes without the library
as_stock() {
	local made=$W/$MADE
	if [[ ! -d $V/stock.$1 ]]; then
		cp -a "$V/$1" "$V/stock.$1"
		(cd "$V/stock.$1" && "${COMMAND[@]}") >/dev/null 2>&1
	fi
	# git's directory has times in it, compilers write paths
	diff -r -x .git "$V/stock.$1/$MADE" "$made" >"$T/diff" 2>&1 || [[ $1 == make ]] || fail "$1: $(cat "$T/diff")"
	[[ $(cd "$V/stock.$1/$MADE" && find . -not -path './.git/*' | sort) == "$(cd "$made" && find . -not -path './.git/*' | sort)" ]] ||
		fail "$1: not the same names"
}

@test "verbs: run, with a report of all processes" {
	local program
	for program in "${PROGRAMS[@]}"; do
		fresh "$program"
		run -0 --separate-stderr "$FASTIO" --json -o "$T/report" "${COMMAND[@]}"
		as_stock "$program"
		jq -e --arg program "$program" '.status == 0 and .errors.late == 0
			and any(.programs[]; .comm | startswith($program))
			and ($program != "tar" or .deferred.create > 0)' "$T/report" ||
			fail "$program: $(cat "$T/report")"
	done
}

@test "verbs: compare" {
	local program
	for program in "${PROGRAMS[@]}"; do
		fresh "$program"
		run "$FASTIO" compare --runs 2 --json -- "${COMMAND[@]}"
		((status < 2)) || fail "$program: $("$FASTIO" compare --runs 2 -- "${COMMAND[@]}")"
		jq -e '.differ == 0 and .status == 0 and .entries > 20' <<<"$output" || fail "$program: $output"
		[[ ! -e $MADE ]]
	done
}

@test "verbs: trace" {
	local program
	for program in "${PROGRAMS[@]}"; do
		fresh "$program"
		run -0 "$FASTIO" trace -o "$T/trace" "${COMMAND[@]}"
		as_stock "$program"
		jq -f "$BATS_TEST_DIRNAME/../lib/trace.jq" "$T/trace" >/dev/null || fail "$program"
		[[ $program == make ]] || jq -e --arg program "$program" \
			'any(.[]; .name == "process_name" and (.args.name | startswith($program)))' "$T/trace"
	done
}

@test "verbs: doctor" {
	run "$FASTIO" doctor "$T" "${PROGRAMS[@]}"
	((status < 2)) || fail "$output"
	local program
	for program in tar git make; do
		assert_output --regexp "ok    .*/$program is dynamically linked"
	done
	assert_output --partial 'is a script for'
}

@test "verbs: top while make runs" {
	local i pid
	fresh make
	mkfifo hold
	printf 'held:\n\t: >ready; read x <hold\n' >>Makefile
	"$FASTIO" make -s held &
	pid=$!
	exec 9<>hold
	for ((i = 0; i < 100; i++)); do
		[[ ! -e ready ]] || break
		sleep 0.05
	done
	run -0 "$FASTIO" top --once
	assert_output --regexp "$pid make "
	echo >&9
	wait "$pid"
}

@test "verbs: in pipes" {
	fresh tar
	run -0 bash -o pipefail -c '"$0" cat real.tar | "$0" --json -o ../report tar xf - | "$0" cat' "$FASTIO"
	as_stock tar
	jq -e '.deferred.create > 0' ../report
	run -0 bash -o pipefail -c '"$0" tar cf - linux | "$0" gzip -1 | "$0" tar tzf - | "$0" wc -l' "$FASTIO"
	assert_output "$(find linux | wc -l)"
	# the reader goes away
	run -141 bash -c '"$0" tar cf - linux | head -c 1000 >/dev/null; exit "${PIPESTATUS[0]}"' "$FASTIO"
	# a report is apart from the output
	run -0 --separate-stderr bash -c '"$0" --report tar tf real.tar | sort | wc -l' "$FASTIO"
	assert_output 600
	[[ $stderr == *passed* ]]
}

@test "verbs: in a terminal" {
	local program
	for program in tar make; do
		fresh "$program"
		run -0 "$PROGS/terminal" "$FASTIO" --report "${COMMAND[@]}" </dev/null
		as_stock "$program"
		assert_output --partial 'fastio: '
	done
	fresh tar
	run "$PROGS/terminal" "$FASTIO" compare --runs 1 -- "${COMMAND[@]}" </dev/null
	((status < 2)) || fail "$output"
	assert_output --partial '2 of 2: '
}

# Types Ctrl-C once a part of the archive is unpacked.
interrupt() {
	local i
	for ((i = 0; i < 2000; i++)); do
		[[ $(find "$W" -type f | wc -l) -lt 150 ]] || break
		sleep 0.01
	done
	printf '\003'
	sleep 0.3
}

@test "verbs: Ctrl-C in the middle of tar" {
	local args part n
	for args in '' --report 'trace -o ../trace'; do
		fresh tar
		part=$(($(stat -c %s real.tar) * 2 / 3))
		# the larger part of it, and the rest much later
		run -130 "$PROGS/terminal" "$FASTIO" $args \
			sh -c "{ head -c $part; sleep 20; cat; } <real.tar | tar xf -" < <(interrupt)
		# all that was unpacked is whole but the last, which stock leaves in pieces as well
		grep -xFf <(find linux -type f) <(tar tf real.tar) | head -n -1 >names
		n=$(wc -l <names)
		((n >= 150 && n < 599)) || fail "$args: $n files"
		xargs sha1sum <names >sums
		mkdir whole
		tar xf real.tar -C whole
		(cd whole && sha1sum --quiet -c ../sums)
	done
	jq -f "$BATS_TEST_DIRNAME/../lib/trace.jq" ../trace
}

@test "verbs: as another user, and in a sandbox without io_uring" {
	[[ $(id -u) == 0 ]] || skip 'needs root'
	local as verb
	mkdir -m 1777 "$T/all"
	for as in 'setpriv --reuid=65534 --regid=65534 --clear-groups' 'sudo -u nobody' \
		"$PROGS/fault-seccomp io_uring_setup=EPERM io_uring_enter=EPERM io_uring_register=EPERM --"; do
		command -v "${as%% *}" >/dev/null || continue
		for verb in --report 'compare --runs 1 --' 'trace -o trace' 'doctor . '; do
			fresh tar
			chown -R 65534:65534 .
			# shellcheck disable=SC2086
			run $as env "TMPDIR=$T/all" "$FASTIO" $verb "${COMMAND[@]:0:$([[ $verb == doctor* ]] && echo 1 || echo 3)}"
			((status < 2)) || fail "$as, $verb: $output"
			case $verb in
			--report) assert_output --regexp 'deferred .* creates' && as_stock tar ;;
			compare*) assert_output --partial 'with the same result' ;;
			trace*) jq -f "$BATS_TEST_DIRNAME/../lib/trace.jq" trace && as_stock tar ;;
			doctor*) assert_output --partial 'creates were deferred' ;;
			esac
		done
	done
}
