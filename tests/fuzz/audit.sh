#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# audit.sh [OPTION]... - is every row of preload/symbols.def called by the fuzzer's player or, with a reason,
# in tests/fuzz/left-out.list?
#
# Needs no reason: an alias of what is called (an ALIAS row: the same function under another name), and what
# the installed libc does not have or keeps for programs of long ago (no default version, or its own).
# Fails on a row that is neither; on a line without a reason; on a line for what is called or is no row.
#
#   --table FILE     in place of preload/symbols.def
#   --left-out FILE  in place of tests/fuzz/left-out.list
set -euo pipefail

cc=${CC:-cc}
table='' left=''
while (($#)); do
	case $1 in
	--table) table=$(realpath "$2") ;;
	--left-out) left=$(realpath "$2") ;;
	*)
		sed -n '4,13s/^# \{0,1\}//p' "$0"
		[[ $1 == --help ]] && exit 0
		exit 64
		;;
	esac
	shift 2
done
cd "$(dirname "$0")/../.."
table=${table:-preload/symbols.def}
left=${left:-tests/fuzz/left-out.list}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh preload/mkmap.sh "$cc" "$table" all | sed -n 's/^\t\([^*]*\);$/\1/p' | sort -u >"$work/rows"
sed -n 's/^ALIAS([^,]*, *\([^,]*\), *\([^)]*\))$/\1 \2/p' "$table" >"$work/aliases"
# without optimization, so that no call becomes that of another function
$cc -std=gnu11 -O0 -fno-builtin -U_FORTIFY_SOURCE -D_GNU_SOURCE -w -c -o "$work/play.o" tests/fuzz/play.c
nm -u "$work/play.o" | awk '{ print $2 }' | sort -u >"$work/called"
libc=$($cc -print-file-name=libc.so.6)
nm -D --defined-only "$libc" | awk '$2 ~ /[TWi]/ && $3 ~ /@@/ && $3 !~ /GLIBC_PRIVATE/ {
	sub(/@.*/, "", $3); print $3 }' >"$work/callable"

status=0
calls=0 aliases=0 reasons=0 old=0
declare -A called callable alias matched
while read -r name; do called[$name]=1; done <"$work/called"
while read -r name; do callable[$name]=1; done <"$work/callable"
while read -r name of; do alias[$name]=$of; done <"$work/aliases"

patterns=()
while read -r name reason; do
	[[ -n $name && $name != '#'* ]] || continue
	[[ -n $reason ]] || {
		echo "left-out.list: no reason: $name"
		status=1
	}
	patterns+=("$name")
done <"$left"

# The first line that names it, in MATCH
left_out() {
	local p
	for p in "${patterns[@]}"; do
		# shellcheck disable=SC2053
		if [[ $1 == $p ]]; then
			MATCH=$p
			return 0
		fi
	done
	return 1
}

while read -r name; do
	if [[ -n ${called[$name]-} ]]; then
		((++calls))
		if left_out "$name" && [[ $MATCH == "$name" ]]; then
			echo "left out, but called: $name"
			status=1
		fi
	elif [[ -n ${alias[$name]-} ]]; then
		((++aliases))
	elif left_out "$name"; then
		((++reasons))
		matched[$MATCH]=1
	elif [[ -z ${callable[$name]-} ]]; then
		((++old))
	else
		echo "neither called nor left out with a reason: $name"
		status=1
	fi
done <"$work/rows"

for name in "${patterns[@]}"; do
	[[ -n ${matched[$name]-} || -n ${called[$name]-} ]] || {
		echo "left out, but no row: $name"
		status=1
	}
done
echo "$(wc -l <"$work/rows") rows: $calls called, $aliases other names of functions in the table," \
	"$reasons left out, $old not to be called here"
exit $status
