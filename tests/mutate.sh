#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# mutate.sh - takes each barrier of tests/mutations.list out of a copy of the sources, and shows that
# the test named there fails without it
#
#   tests/mutate.sh [--list] [NAME]...
#
# Without names: all.  The sources stay as they are; the copy is build/mutant.  Ends with the line
# "N found, N missed"; exit status 0: every mutant was found.  All of them take some minutes.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}/.."
mutant=$PWD/build/mutant
list=tests/mutations.list

case ${1-} in
--help | -h)
	sed -n '4,10s/^# \{0,1\}//p' "$0"
	exit 0
	;;
--list)
	sed -n 's/^\([a-z_0-9]\{1,\}\) .*/\1/p' "$list"
	exit 0
	;;
-*)
	echo "mutate.sh: unknown option $1" >&2
	exit 64
	;;
esac

make -s all tests
rm -rf "$mutant"
mkdir -p "$mutant/build"
cp -a Makefile core include preload tools "$mutant"
cp -a build/obj build/libfastio.map "$mutant/build"

# What a change of the table's "before" and "after" texts reaches is generic.c alone.
build() { # FILE
	if [[ $1 == preload/symbols.def ]]; then
		touch -r "$1" "$mutant/$1"
		touch "$mutant/preload/generic.c"
	fi
	make -s -C "$mutant" build/libfastio.so CFLAGS="-Wno-unused -Wno-unused-parameter" >"$mutant/log" 2>&1
}

restore() { # FILE
	cp "$1" "$mutant/$1"
	if [[ $1 == preload/symbols.def ]]; then
		touch -r "$1" "$mutant/$1"
		touch "$mutant/preload/generic.c"
	fi
}

found=0 missed=0
while read -r name bats test; do
	[[ -n $name && $name != \#* ]] || continue
	read -r file expression
	if (($#)) && [[ " $* " != *" $name "* ]]; then
		continue
	fi
	sed "$expression" "$file" >"$mutant/$file"
	if cmp -s "$file" "$mutant/$file"; then
		echo "missed: $name: nothing to take out of $file"
		missed=$((missed + 1))
		continue
	fi
	# shellcheck disable=SC2001 # a set of characters
	regex=$(sed 's/[][().*+?^$]/\\&/g' <<<"$test")
	if ! build "$file"; then
		echo "missed: $name: does not compile: $(grep -m 1 error "$mutant/log")"
		missed=$((missed + 1))
	elif ! bats --count -f "^$regex\$" "tests/behaviour/$bats.bats" | grep -qx 1; then
		echo "missed: $name: no test '$test' in $bats.bats"
		missed=$((missed + 1))
	elif FASTIO_TEST_LIB=$mutant/build/libfastio.so bats -f "^$regex\$" "tests/behaviour/$bats.bats" \
		>"$mutant/output" 2>&1 </dev/null; then
		echo "missed: $name: '$test' passes without the barrier"
		missed=$((missed + 1))
	else
		echo "found: $name: $test"
		found=$((found + 1))
	fi
	restore "$file"
done <"$list"
echo "$found found, $missed missed"
((missed == 0))
