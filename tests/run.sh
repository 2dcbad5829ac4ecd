#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh - runs the bats files and ends with the line "N passed, N failed, N skipped"
#
#   tests/run.sh [--jobs N] [--filter REGEX] [--verbose] [FILE|DIRECTORY]...
#
# Without files: everything under tests/unit, behaviour, fault, apps, fuzz and soak.  N files run at the
# same time (default: two per processor).  Failures are printed in full, skipped tests with their
# reason; --verbose prints every test.  Exit status 0: nothing failed.
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
jobs=$(($(nproc) * 2)) # much of the time is spent waiting
filter=()
verbose=''
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
	--verbose | -v) verbose=1 ;;
	--help | -h)
		sed -n '3,11s/^# \{0,1\}//p' "$0"
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

running=0
i=0
for f in "${list[@]}"; do
	while ((running >= jobs)); do
		wait -n || true
		running=$((running - 1))
	done
	(
		run_one "$out/$i" "$f" "${filter[@]}"
		show "$out/$i" "$f" >"$out/$i.show"
		cat "$out/$i.show"
	) &
	running=$((running + 1))
	i=$((i + 1))
done
wait

cat "$out"/[0-9] "$out"/[0-9][0-9] "$out"/[0-9][0-9][0-9] >"$out/all" 2>/dev/null || true
skipped=$(grep '^ok ' "$out/all" | grep -c ' # skip' || true)
passed=$(($(grep -c '^ok ' "$out/all" || true) - skipped))
failed=$(grep -c '^not ok ' "$out/all" || true)
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed + skipped > 0))
