#!/bin/bash
# SPDX-License-Identifier: MIT
#
# symbol-audit.sh [OPTION]... [LIBFASTIO] - is every function that the installed libc exports in
# preload/symbols.def or, with a reason, in preload/harmless.list?
#
# Fails on an unclassified name; on a sibling (64, _chk, __name, _time64, _unlocked ...) of a table row
# that is only covered by a pattern; on a name in both lists or without a reason; on a CUSTOM or FRONT
# row without TREATED; and on a difference between LIBFASTIO's exports and the table, or an export with
# a version (which would not serve a program that asks for another version of the function).
#
#   -v               list the patterns that match nothing here (other versions of libc may have the names)
#   --table FILE     in place of preload/symbols.def
#   --harmless FILE  in place of preload/harmless.list
#   --names FILE     more names, as if libc exported them
set -euo pipefail

cc=${CC:-cc}
verbose=
table='' harmless='' names=/dev/null
while [[ ${1-} == -* ]]; do
	case $1 in
	-v) verbose=1 ;;
	--table) table=$(realpath "$2") && shift ;;
	--harmless) harmless=$(realpath "$2") && shift ;;
	--names) names=$(realpath "$2") && shift ;;
	*)
		sed -n '4,16s/^# \{0,1\}//p' "$0"
		exit 2
		;;
	esac
	shift
done
library=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
table=${table:-preload/symbols.def}
harmless=${harmless:-preload/harmless.list}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh preload/mkmap.sh "$cc" "$table" all | sed -n 's/^\t\([^*]*\);$/\1/p' |
	sort -u >"$work/table"

libc=$($cc -print-file-name=libc.so.6)
for name in libc.so.6 libpthread.so.0 librt.so.1 libdl.so.2 libutil.so.1 libanl.so.1; do
	object=$(dirname "$libc")/$name
	[[ -e $object ]] && nm -D --defined-only "$object"
done | awk '$2 ~ /[TWi]/ && $3 !~ /_version_placeholder/ { sub(/@.*/, "", $3); print $3 }' |
	sort -u - "$names" >"$work/libc"

awk -v table="$work/table" -v verbose="$verbose" '
	function regex(glob) {
		gsub(/\./, "\\.", glob)
		gsub(/\[!/, "[^", glob)
		gsub(/\*/, ".*", glob)
		gsub(/\?/, ".", glob)
		return "^" glob "$"
	}
	function classified(name,  i) {
		if (name in exact)
			return 1
		for (i = 1; i <= n; i++)
			if (name ~ pattern[i]) {
				used[i] = 1
				return 1
			}
		return 0
	}
	BEGIN { while ((getline name <table) > 0) row[name] = 1 }
	FNR == NR {
		if (/^#/ || NF == 0)
			next
		if (NF < 2) {
			print "harmless.list: no reason: " $1
			bad = 1
		}
		if ($1 ~ /[*?[]/) {
			pattern[++n] = regex($1)
			text[n] = $1
		} else {
			exact[$1] = 1
			if ($1 in row) {
				print "in both lists: " $1
				bad = 1
			}
		}
		next
	}
	{ libc[$1] = 1 }
	END {
		for (name in libc) {
			if (name in row)
				rows++
			else if (classified(name))
				harmless++
			else {
				print "unclassified: " name
				bad = 1
			}
		}
		for (name in row) {
			k = split(name "64 __" name " __" name "64 __" name "_chk __" name "_2 " \
				"__" name "_time64 __" name "64_chk __" name "64_2 __libc_" name \
				" _IO_" name " " name "_unlocked " name "_time64", sibling, " ")
			for (i = 1; i <= k; i++)
				if (sibling[i] in libc && !(sibling[i] in row) && !(sibling[i] in exact)) {
					print "missing sibling of " name ": " sibling[i]
					bad = 1
				}
		}
		if (verbose)
			for (i = 1; i <= n; i++)
				if (!(i in used))
					print "pattern without a name here: " text[i]
		printf "%d functions of libc: %d in the table, %d harmless\n",
			rows + harmless, rows, harmless
		exit bad
	}' "$harmless" "$work/libc" || status=$?

sh preload/mktreat.sh "$cc" "$table" /dev/null | sed -n 's/^\(.*\) ?$/no TREATED row: \1/p' >"$work/untreated"
if [[ -s $work/untreated ]]; then
	cat "$work/untreated"
	status=1
fi

if [[ -n $library ]]; then
	nm -D --defined-only "$library" | awk '{ print $3 }' | sort -u >"$work/exports"
	if grep '@' "$work/exports"; then
		echo "exported with a version, see above"
		status=1
	fi
	comm -12 "$work/table" "$work/libc" >"$work/wanted"
	if ! diff "$work/wanted" "$work/exports" >"$work/diff"; then
		sed -n 's/^< /not exported: /p; s/^> /exported but not in the table: /p' "$work/diff"
		status=1
	fi
fi
exit "${status:-0}"
