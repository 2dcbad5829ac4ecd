#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh - runs the bats files and ends with the line "N passed, N failed, N skipped"
#
#   tests/run.sh [--jobs N] [--filter REGEX] [--again N] [--verbose] [FILE|DIRECTORY]...
#
# Without files: everything under tests/unit, behaviour, fault, apps, fuzz and soak.  N files run at the
# same time (default: two per processor).  Failures are printed in full, skipped tests with their
# reason; --verbose prints every test.  With --again N, up to five failed tests are run N more times at
# the end, alone: one that passes each time counts as passed and is named as unsteady, with what it
# said when it failed.  Exit status 0: nothing failed.
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
jobs=$(($(nproc) * 2)) # much of the time is spent waiting
filter=()
verbose=''
again=${TESTS_AGAIN:-0} # how often a failed test is run again
files=()

while (($#)); do
	case $1 in
	--jobs | -j)
		jobs=$2
		shift
		;;
	--jobs=*) jobs=${1#*=} ;;
	--filter | -f)
		filter=(--filter "$2")
		shift
		;;
	--filter=*) filter=(--filter "${1#*=}") ;;
	--again)
		again=$2
		shift
		;;
	--again=*) again=${1#*=} ;;
	--verbose | -v) verbose=1 ;;
	--help | -h)
		sed -n '3,13s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	-*)
		echo "run.sh: unknown option $1" >&2
		exit 64
		;;
	*) files+=("$1") ;;
	esac
	shift
done

command -v bats >/dev/null || {
	echo "run.sh: bats is missing (Debian: bats bats-assert bats-support)" >&2
	exit 69
}
if ((${#files[@]} == 0)); then
	for d in unit behaviour fault apps fuzz soak; do
		[[ -d $here/$d ]] && files+=("$here/$d")
	done
fi
list=()
for f in "${files[@]}"; do
	if [[ -d $f ]]; then
		for b in "$f"/*.bats; do
			[[ -e $b ]] && list+=("$b")
		done
	else
		list+=("$f")
	fi
done

out=$(mktemp -d "${TMPDIR:-/tmp}/fastio-tests.XXXXXX")
trap 'rm -rf "$out"' EXIT
export BATS_LIB_PATH=${BATS_LIB_PATH:-/usr/lib/bats}
# A test that calls make means the ordinary build, whatever 'make check' was told.
unset MAKEFLAGS MAKEOVERRIDES MFLAGS SAN CHECKFLAGS

# Each file into a result of its own, printed when it is done.
run_one() {
	local result=$1 status=0 file=$2
	shift 2
	bats --formatter tap --timing "$@" "$file" >"$result.tmp" 2>&1 </dev/null || status=$?
	# a file that says nothing, or not all that it promised, has failed as a whole
	local plan got
	plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$result.tmp" | head -n 1)
	got=$(grep -cE '^(not )?ok ' "$result.tmp" || true)
	if [[ -z $plan ]] || ((got < plan)); then
		echo "not ok 0 $file ended early: $got of ${plan:-?} tests, status $status" >>"$result.tmp"
	fi
	mv "$result.tmp" "$result"
}

show() {
	local result=$1 file=$2
	if [[ -n $verbose ]]; then
		echo "== ${file#"$here"/}"
		cat "$result"
	else
		printf '%-36s %4d passed, %d failed, %d skipped\n' "${file#"$here"/}" \
			"$(grep '^ok ' "$result" | grep -vc ' # skip')" \
			"$(grep -c '^not ok ' "$result")" \
			"$(grep '^ok ' "$result" | grep -c ' # skip')" || true
		# what failed, with all that it said
		awk '/^not ok /{p=1} /^ok /{p=0} p' "$result"
		sed -n 's/^ok [0-9]* \(.*\) # skip */  skipped: \1: /p' "$result"
	fi
}

# what takes longest, waiting most of the time, comes first
mapfile -t list < <(printf '%s\n' "${list[@]}" |
	awk '/fault\/slow\.bats$/ { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }')

running=0
i=0
for f in "${list[@]}"; do
	while ((running >= jobs)); do
		wait -n || true
		running=$((running - 1))
	done
	(
		run_one "$out/$i" "$f" "${filter[@]}"
		show "$out/$i" "$f" >"$out/show.$i"
		cat "$out/show.$i"
	) &
	running=$((running + 1))
	i=$((i + 1))
done
wait

# steady FILE NAME: the test of that name passes each of $again times
steady() {
	local n pattern
	# shellcheck disable=SC2001
	pattern=^$(sed 's/[][\\.*^$+?(){}|]/\\&/g' <<<"$2")\$
	for ((n = 0; n < again; n++)); do
		run_one "$out/again" "$1" --filter "$pattern"
		if ! grep -q '^ok ' "$out/again" || grep -q '^not ok ' "$out/again"; then
			echo "== again, alone, run $((n + 1)): failed"
			grep -v '^ok \|^1\.\.' "$out/again"
			return 1
		fi
	done
}

bad=$(cat "$out"/[0-9]* 2>/dev/null | grep -c '^not ok ' || true)
unsteady=0
if ((again > 0 && bad > 0 && bad <= 5)); then
	i=0
	for f in "${list[@]}"; do
		while read -r number name; do
			echo "== again, alone: ${f#"$here"/}: $name"
			if ((number == 0)) || ! steady "$f" "$name"; then
				continue
			fi
			sed -i "s/^not ok $number /ok $number /" "$out/$i"
			unsteady=$((unsteady + 1))
			echo "== UNSTEADY, failed once and passed $again times: ${f#"$here"/}: $name"
		done < <(sed -n 's/^not ok \([0-9]*\) \(.*\) in [0-9]*ms$/\1 \2/p' "$out/$i")
		i=$((i + 1))
	done
fi

cat "$out"/[0-9] "$out"/[0-9][0-9] "$out"/[0-9][0-9][0-9] >"$out/all" 2>/dev/null || true
skipped=$(grep '^ok ' "$out/all" | grep -c ' # skip' || true)
passed=$(($(grep -c '^ok ' "$out/all" || true) - skipped))
failed=$(grep -c '^not ok ' "$out/all" || true)
((unsteady == 0)) || echo "$unsteady unsteady"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed + skipped > 0))
