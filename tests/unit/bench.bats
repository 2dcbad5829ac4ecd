#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# bench.bats - 'methods' and 'actor' of fastio-bench run, agree with themselves, and leave nothing

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BENCH=$ROOT/build/fastio-bench
	export ROOT BENCH
}

setup() {
	D=$BATS_TEST_TMPDIR/measured
	mkdir "$D"
}

@test "methods: every row leaves the same tree, the table is complete" {
	"$BENCH" methods --dir "$D" --files 50 --rounds 2 --json >"$BATS_TEST_TMPDIR/json"
	jq -e '.rows | length > 15' "$BATS_TEST_TMPDIR/json"
	jq -e '[.rows[] | select(.supported)] | length > 10 and all(.total_ms.median > 0)' \
		"$BATS_TEST_TMPDIR/json"
	jq -e '[.rows[] | select(.preload)] | length > 3' "$BATS_TEST_TMPDIR/json"
	[ -z "$(ls -A "$D")" ]
	"$BENCH" methods --dir "$D" --files 50 --update-size 70 --dirs 3 --rounds 1 >"$BATS_TEST_TMPDIR/table"
	grep -q '^plain  ' "$BATS_TEST_TMPDIR/table"
	grep -q '^First in total: ' "$BATS_TEST_TMPDIR/table"
}

@test "methods: what is wrong is said" {
	run "$BENCH" methods --dir /no/such/directory --files 50 --rounds 1
	[ "$status" = 1 ]
	run "$BENCH" phases --dir "$D" --files 5 --method guess
	[ "$status" = 2 ]
	[[ $output == *"no method 'guess'"*uring-chain* ]]
	run "$BENCH" methods --help
	[ "$status" = 0 ]
}

@test "actor: every way works" {
	"$BENCH" actor --dir "$D" --ms 20 --rounds 1 --threads 1,3 --batch 1 --json >"$BATS_TEST_TMPDIR/json"
	jq -e '[.cells[] | select(.supported) | .ops_per_s.median] | length > 10 and all(. > 0)' \
		"$BATS_TEST_TMPDIR/json"
	[ -z "$(ls -A "$D")" ]
}

@test "charts are drawn" {
	command -v gnuplot >/dev/null || skip 'no gnuplot'
	"$BENCH" methods --dir "$D" --files 50 --rounds 1 --methods mmap,temp+rename \
		--svg "$BATS_TEST_TMPDIR/c.svg" --png "$BATS_TEST_TMPDIR/c.png" >/dev/null
	grep -q 'temp+rename' "$BATS_TEST_TMPDIR/c.svg"
	[ "$(head -c 4 "$BATS_TEST_TMPDIR/c.png" | tail -c 3)" = PNG ]
}
