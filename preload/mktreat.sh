#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mktreat.sh CC SYMBOLS HARMLESS - prints how each function of libc is treated, for fastio-audit:
# lines of NAME TREATMENT (deferred, narrow, full, acquire, stop, own; "?" for a CUSTOM or FRONT row
# without TREATED), then PATTERN harmless REASON.
set -eu

cc=$1
table=$2
harmless=$3
mark=FIO_TREAT_ROW

# The short forms of export.h stay as they are: they name the treatment.
# shellcheck disable=SC2086 # CC may carry options
printf '%s\n' \
	"#define SYM(ret, name, params, args, before) $mark row name before ;" \
	"#define VSYM(name, params, args, before) $mark row name before ;" \
	"#define SYMA(ret, name, params, args, before, ok, after) $mark row name before after ;" \
	"#define CUSTOM(ret, name, ...) $mark body name" \
	"#define VCUSTOM(name, ...) $mark body name" \
	"#define CUSTOMV(ret, name, ...) $mark body name" \
	"#define VCUSTOMV(name, ...) $mark body name" \
	"#define FRONT(ret, name, ...) $mark body name" \
	"#define VFRONT(name, ...) $mark body name" \
	"#define BARRIER(name) $mark barrier name" \
	"#define ALIAS(group, alias, name) $mark same alias name" \
	"#define TREATED(how, name) $mark treated name how" \
	"#include \"$table\"" |
	$cc -E -P -x c -I. - | tr '\n' ' ' | sed "s/$mark/\\n/g" |
	awk '
	function of_row(text) {
		if (text ~ /STOP/)
			return "stop"
		if (text ~ /(^| |;)(NAMES|(ALL|SIGNALS|SENDS) *\()/)
			return "full"
		if (text ~ /(FD|FD_C|PEEK|PATH|AT_PATH|DIRECTORY|CHANNEL|STREAM_[A-Z]+|OUT[A-Z_]*|FLUSH|IN|POLLS) *\(/)
			return "narrow"
		return "acquire"
	}
	$1 == "row" { how[$2] = of_row($0) }
	$1 == "body" && !($2 in how) { how[$2] = "?" }
	$1 == "barrier" { how[$2] = "full" }
	$1 == "same" { same[$2] = $3 }
	$1 == "treated" { how[$2] = $3 }
	END {
		for (name in same)
			how[name] = same[name] in how ? how[same[name]] : "?"
		for (name in how)
			print name, how[name]
	}' | LC_ALL=C sort

awk '!/^#/ && NF { name = $1; sub(/^[^ \t]+[ \t]+/, ""); print name, "harmless", $0 }' "$harmless"
