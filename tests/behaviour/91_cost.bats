#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the library costs where it has nothing to do.

load ../lib/common

BENCH=${FASTIO_LIB%/*}/fastio-bench

# fast_path NAME: the instructions of an export with nothing pending, up to the jump to the original
fast_path() {
	objdump -d --no-show-raw-insn "$FASTIO_LIB" |
		awk -v name="<$1>:" '$2 == name { on = 1; next }
			on { sub(/^[^\t]*\t/, ""); print }
			on && /jmp +\*/ { exit }'
}

@test "cost: a barrier with nothing pending is one relaxed load" {
	[[ $(uname -m) == x86_64 ]] || skip "knows the instructions of x86-64 only"
	[[ -z ${FASTIO_TEST_LIB:-} ]] || skip "another build"
	local name path
	for name in sync syncfs access ftruncate shutdown dlopen; do
		path=$(fast_path "$name")
		# the rest saves and restores arguments
		(($(grep -c . <<<"$path") <= 20)) || fail "$name: too long: $path"
		(($(grep -c '<fio_live>' <<<"$path") == 1)) || fail "$name: not one question: $path"
		! grep -qE 'call|lock|xchg|fence' <<<"$path" || fail "$name: more than a load: $path"
	done
}

@test "cost: the overhead benchmark runs" {
	not_asan "the benchmark preloads the library without its runtime"
	run "$BENCH" overhead --lib "$FASTIO_LIB" --empty "${FASTIO_LIB%/*}/empty.so" --starts 20 --blocks 20
	assert_success
	assert_output --regexp 'start with an empty library [0-9]+ us, with .* us: [+-][0-9]+ us'
	assert_line --regexp '^pread +[0-9.]+ +[0-9.]+ +[0-9.]+'
	run "$BENCH" overhead --help
	assert_success
	run "$BENCH" overhead --what
	assert_failure 2
}

# tree N: N files in $T/tree
tree() {
	"$BENCH" mktree --files "$1" "$T/tree" >/dev/null
}

# counted FILTER COMMAND...: what jq says of the statistics of the process that wrote
counted() {
	local filter=$1
	shift
	FASTIO_STATS=$T/stats LD_PRELOAD=$FASTIO_PRELOAD "$@" >/dev/null
	jq -s "def passed: .pass.fstat + .pass.busy; max_by(passed) | $filter" "$T/stats"
}

@test "cost: names that are linked open no directories while nothing is deferred" {
	need git jq
	tree 1500
	git init -q "$T/tree"
	# files that it looks at at once: 256 directories of objects, no room for each in the table
	run counted 'passed > 1000, .dir.resolved < 200' git -C "$T/tree" add -A
	assert_output $'true\ntrue'
}

@test "cost: small files that nothing can be put off of are left alone" {
	need rsync jq
	tree 1500
	run counted 'passed > 1000, .executed.caller < 200' rsync -a "$T/tree/" "$T/copy/"
	assert_output $'true\ntrue'
}

@test "cost: names are not looked at for each file between reads of a pipe" {
	need tar gzip jq
	tree 2500
	tar czf "$T/tree.tgz" -C "$T/tree" .
	mkdir "$T/out"
	run counted 'passed > 1000, .deferred.create < 600' tar xzf "$T/tree.tgz" -C "$T/out"
	assert_output $'true\ntrue'
}

@test "cost: users and groups that are in the files finish nothing" {
	need tar jq
	((EUID == 0)) || skip "only root gives files to others"
	grep -qE '^passwd:[[:space:]]*files' /etc/nsswitch.conf || skip "asks others first"
	[[ ! -e /var/run/nscd/socket ]] || skip "nscd runs"
	"$BENCH" mktree --files 300 --owners "$T/tree" >/dev/null
	tar cf "$T/tree.tar" -C "$T/tree" .
	mkdir "$T/out"
	FASTIO_WARMUP=0 run counted '.deferred.create > 100, .cause.other == 0' \
		tar xf "$T/tree.tar" -C "$T/out"
	assert_output $'true\ntrue'
}

# faults_of LIBRARY: page faults of a shell and the children it forks, for each of 200
faults_of() {
	LD_PRELOAD=$1 python3 -c 'import resource, subprocess
subprocess.run(["sh", "-c", "i=0; while [ $i -lt 200 ]; do (:); i=$((i + 1)); done"], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt // 200)'
}

@test "cost: a child that is forked touches few pages of the library" {
	not_asan "it has its own pages"
	[[ -z ${FASTIO_TEST_LIB:-} ]] || skip "another build"
	local with without
	with=$(faults_of "$FASTIO_LIB")
	without=$(faults_of "${FASTIO_LIB%/*}/empty.so")
	# 8 pages of data, as many of code, more with statistics; it was 87 once
	((with - without <= 36)) || fail "a fork has $without page faults, with the library $with"
}
