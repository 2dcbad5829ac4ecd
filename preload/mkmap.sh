#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkmap.sh CC SYMBOLS [all] - prints the linker's version map: the names of the table that the
# libc at hand has too, so that a program that asks whether a function exists gets the true
# answer.  "all": every name of the table.
set -eu

cc=$1
table=$2
marker=FIO_EXPORT_MARK

names() {
	# shellcheck disable=SC2086 # CC may carry options
	printf '%s\n' \
		"#define SYM(ret, name, ...) $marker name" \
		"#define VSYM(name, ...) $marker name" \
		"#define SYMA(ret, name, ...) $marker name" \
		"#define CUSTOM(ret, name, ...) $marker name" \
		"#define VCUSTOM(name, ...) $marker name" \
		"#define CUSTOMV(ret, name, ...) $marker name" \
		"#define VCUSTOMV(name, ...) $marker name" \
		"#define FRONT(ret, name, ...) $marker name" \
		"#define VFRONT(name, ...) $marker name" \
		"#define BARRIER(name) $marker name" \
		"#define ALIAS(group, alias, name) $marker alias" \
		"#include \"$table\"" |
		$cc -E -P -x c -I. - | tr -s '[:space:]' '\n' |
		awk -v mark="$marker" 'found { print } { found = $0 == mark }' | sort -u
}

# shellcheck disable=SC2086
libc=$($cc -print-file-name=libc.so.6)

printf '{\nglobal:\n'
{
	[ "${3-}" = all ] || nm -D --defined-only "$libc" 2>/dev/null || :
	echo --
	names
} | awk '
	$0 == "--" { table = 1; next }
	!table && NF >= 3 { sub(/@.*/, "", $3); have[$3] = 1; any = 1; next }
	table && (!any || $1 in have) { print "\t" $1 ";" }'
printf 'local:\n\t*;\n};\n'
