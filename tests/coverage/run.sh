#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh - which lines of the core and the preload the tests reach
#
#   tests/coverage/run.sh [--add] [--report] [--lines] [FILE|DIRECTORY]...
#
# Builds with gcov's counters into build/cov, runs the bats files given (default: tests/unit,
# tests/behaviour and tests/fault) over it, and prints a line per source file and the sum.
# --add counts on top of the runs before, --report only prints, --lines prints the lines not
# reached as well.  Exit status 1: fewer than 85 % of the lines, or a test failed.
set -euo pipefail

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
BUILD=$ROOT/build/cov
add='' report='' lines='' status=0
tests=()

while (($#)); do
	case $1 in
	--add) add=1 ;;
	--report) report=1 ;;
	--lines) lines=1 ;;
	--help | -h)
		sed -n '3,11s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	-*)
		echo "run.sh: unknown option $1" >&2
		exit 64
		;;
	*) tests+=("$(realpath "$1")") ;;
	esac
	shift
done
cd "$ROOT"
((${#tests[@]})) || tests=("$ROOT"/tests/{unit,behaviour,fault})

# A file for each program that has counters of its own: any user may count.
fresh_counts() {
	local program
	rm -rf "$BUILD/counts"
	mkdir -p "$BUILD/counts"
	for program in libfastio.so $(cd tests/unit && ls -- *.c); do
		truncate -s 4M "$BUILD/counts/${program%.c}"
	done
	chmod 666 "$BUILD"/counts/*
}

# The counts of one program as JSON; the files in between have the same names for all programs.
counts() {
	find "$BUILD" -name '*.gcda' -delete
	env FASTIO_COUNTS_DUMP=1 "$@"
	find "$BUILD/obj" -name '*.gcda' -exec gcov --json-format --stdout {} + 2>/dev/null
}

if [[ -z $report ]]; then
	make all tests
	make COV=1 build/cov/libfastio.so units
	[[ -n $add && -d $BUILD/counts ]] || fresh_counts
	FASTIO_TEST_LIB=$BUILD/libfastio.so FASTIO_TEST_UNITS=$BUILD/unit bash tests/run.sh "${tests[@]}" ||
		status=1
fi

{
	counts LD_PRELOAD="$BUILD/libfastio.so" true
	for unit in "$BUILD"/unit/*; do
		[[ ! -x $unit || -d $unit ]] || counts "$unit"
	done
} | jq -c '.files[] | (.file | until(test("[^/]+/\\.\\./") | not; sub("[^/]+/\\.\\./"; ""))) as $file |
	select($file | test("^(core|preload)/")) | .lines[] | [$file, .line_number, .count]' |
	jq -rs 'group_by(.[0:2])[] | [.[0][0], .[0][1], (map(.[2]) | add)] | @tsv' >"$BUILD/lines"
find "$BUILD" -name '*.gcda' -delete

[[ -z $lines ]] || awk '$3 == 0 { print $1 ":" $2 }' "$BUILD/lines"
awk -F '\t' '{ all[$1]++; hit[$1] += $3 > 0 }
	END {
		for (f in all) printf "%5.1f %%  %5d of %5d  %s\n", 100 * hit[f] / all[f], hit[f], all[f], f
	}' "$BUILD/lines" | sort -k5
awk -F '\t' '{ all++; hit += $3 > 0 }
	END {
		printf "%.1f %% of %d lines of core and preload\n", 100 * hit / all, all
		exit 100 * hit < 85 * all
	}' "$BUILD/lines" || status=1
exit "$status"
