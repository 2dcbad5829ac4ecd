#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fastio-audit BINARY... - which calls of libc a program imports, and how libfastio treats them
set -euo pipefail

version='@VERSION@'

usage() {
	cat <<'END'
usage: fastio-audit [OPTION]... BINARY...

Lists the functions of libc that each BINARY imports by what libfastio makes of them, and warns of what
it cannot see: static binaries, Go runtimes, set-user-ID binaries and file capabilities, system call
instructions outside of libc.  A name without a slash is looked for in PATH; for a script, its
interpreter is examined.

  -l, --libs     the libraries that it needs, too (by ldd: only for binaries that you trust)
  -n, --no-code  do not look for system call instructions (disassembly of large binaries takes long)
  -v, --verbose  list harmless calls, too, with the reason
  -h, --help     this text
      --version  the version

Treatments:
  deferred   answered at once, executed in the background where that is safe
  narrow     what is pending on that file or directory is finished first; everything, if the call
             writes to a pipe, socket or terminal that another process can hold
  full       everything pending is finished first
  acquire    afterwards, what was believed about directories is forgotten
  stop       may end deferral for good
  own        something within the process is noted
  harmless   not intercepted, for a reason
  unknown    of libc, but in no list: please report it

Exit status: 0 no warnings, 1 warnings or unknown calls, 2 wrong use or not a binary.
END
}

libs='' code=1 verbose=''
while (($#)); do
	case $1 in
	-l | --libs) libs=1 ;;
	-n | --no-code) code='' ;;
	-v | --verbose) verbose=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	--version)
		echo "fastio-audit $version"
		exit 0
		;;
	-*)
		echo "fastio-audit: unknown option '$1'; try 'fastio-audit --help'" >&2
		exit 2
		;;
	*) break ;;
	esac
	shift
done
if (($# == 0)); then
	usage >&2
	exit 2
fi
for tool in readelf objdump; do
	command -v "$tool" >/dev/null || {
		echo "fastio-audit: $tool is needed; install binutils" >&2
		exit 2
	}
done

status=0
export LC_ALL=C

warn() {
	echo "  WARNING: $*"
	((status > 1)) || status=1
}

table() {
	sed '1,/^# __TABLE__$/d' "$0"
}

# The functions imported from glibc's libc, one per line: the version index of a symbol leads to the
# library that it is needed from.
imports() {
	{
		readelf -W -V "$1"
		echo --
		readelf -W --dyn-syms "$1"
	} 2>/dev/null | awk '
		$0 == "--" { symbols = 1; next }
		!symbols && / File: / { sub(/.* File: /, ""); file = $1; next }
		!symbols && / Name: .* Version: / { of[$NF] = file; next }
		symbols && $7 == "UND" && $4 != "OBJECT" && NF >= 9 {
			index_ = $9
			gsub(/[()]/, "", index_)
			name = $8
			sub(/@.*/, "", name)
			if (of[index_] ~ /^lib(c|pthread|rt|dl|util|anl)\./)
				print name
		}' | sort -u
}

list_calls() {
	awk -v verbose="$verbose" '
		function regex(glob) {
			gsub(/\./, "\\.", glob)
			gsub(/\[!/, "[^", glob)
			gsub(/\*/, ".*", glob)
			gsub(/\?/, ".", glob)
			return "^" glob "$"
		}
		function put(name, treatment, why) {
			count[treatment]++
			names[treatment] = names[treatment] " " name
			if (verbose && why)
				reasons = reasons sprintf("    %-24s %s\n", name, why)
		}
		FNR == NR {
			name = $1
			treatment = $2
			sub(/^[^ ]+ [^ ]+ ?/, "")
			if (name ~ /[*?[]/) {
				pattern[++n] = regex(name)
				why[n] = $0
			} else if (!(name in how)) {
				how[name] = treatment
				reason[name] = $0
			}
			next
		}
		$1 in how { put($1, how[$1], reason[$1]); next }
		{
			for (i = 1; i <= n && $1 !~ pattern[i]; i++)
				continue
			put($1, i > n ? "unknown" : "harmless", why[i])
		}
		END {
			k = split("deferred narrow full acquire stop own harmless unknown", order, " ")
			for (i = 1; i <= k; i++) {
				t = order[i]
				if (!count[t])
					continue
				text = t == "harmless" ? " " count[t] " calls" : names[t]
				line = sprintf("  %-9s", t)
				m = split(text, word, " ")
				for (j = 1; j <= m; j++) {
					if (length(line) + length(word[j]) > 95) {
						print line
						line = sprintf("  %-9s", "")
					}
					line = line " " word[j]
				}
				print line
			}
			printf "%s", reasons
			exit count["unknown"] > 0
		}' <(table) -
}

# Functions with system call instructions of their own.
inline_calls() {
	objdump -d --no-show-raw-insn "$1" 2>/dev/null | awk '
		/^[0-9a-f]+ <.*>:$/ { fn = $2; gsub(/[<>:]/, "", fn); next }
		/\t(syscall|sysenter)[ \t]*$|\tint +\$0x80|\tsvc[ \t]+#?0x0/ {
			if (!(fn in seen) && ++n <= 5)
				list = list " " fn
			seen[fn]
		}
		END { if (n) print n, "function(s):" list (n > 5 ? " ..." : "") }'
}

is_libc() {
	case ${1##*/} in
	libc.so* | libc-2* | ld-linux* | ld-musl* | libpthread[.-]* | libm[.-]* | libdl[.-]* | librt[.-]* | libutil[.-]* | linux-vdso* | libfastio.so) return 0 ;;
	esac
	return 1
}

examine() { # FILE
	local file=$1 headers needed mode caps where
	headers=$(readelf -W -l -d -S "$file" 2>/dev/null)
	needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' <<<"$headers")
	echo "$file"
	# A library has no interpreter either, but is no PIE.
	if grep -q INTERP <<<"$headers" || ! grep -qE 'Elf file type is EXEC|FLAGS_1.* PIE' <<<"$headers"; then
		[[ $needed != *libc.musl* ]] || warn "linked with musl: libfastio is made for glibc"
		imports "$file" | list_calls || warn "calls that are in no list: they pass without a barrier"
	else
		warn "static: no library is preloaded, it runs as stock"
	fi
	if grep -qE '\.(gopclntab|note\.go\.buildid|go\.buildinfo)' <<<"$headers"; then
		warn "a Go runtime: it makes system calls without libc; nothing is deferred in its process"
	fi
	if [[ $needed == *liburing.so* ]]; then
		warn "uses liburing, which makes system calls without libc; nothing is deferred in its process"
	fi
	mode=$(stat -L -c %a "$file")
	if ((8#$mode & 8#6000)); then
		warn "set-user-ID or set-group-ID (mode $mode): LD_PRELOAD is ignored there"
	fi
	if command -v getcap >/dev/null; then
		caps=$(getcap "$file" 2>/dev/null)
		[[ -z $caps ]] || warn "file capabilities (${caps#"$file" }): LD_PRELOAD is ignored there"
	fi
	if [[ -n $code ]]; then
		where=$(inline_calls "$file")
		[[ -z $where ]] || warn "system call instructions that the library cannot see, in $where"
	fi
}

# FILE, or the interpreter if it is a script
binary_of() {
	local file=$1 magic line
	magic=$(head -c 4 "$file" 2>/dev/null | od -An -c | tr -d ' \n')
	case $magic in
	'177ELF') echo "$file" ;;
	'#!'*)
		line=$(head -n 1 "$file")
		line=${line#\#!}
		read -r -a line <<<"$line"
		if [[ ${line[0]} == */env && -n ${line[1]-} ]]; then
			line=("$(command -v "${line[1]}")")
		fi
		binary_of "${line[0]}"
		;;
	*) return 1 ;;
	esac
}

for name; do
	file=$name
	[[ $file == */* ]] || file=$(command -v -- "$name" || echo "$name")
	if ! binary=$(binary_of "$file"); then
		echo "fastio-audit: $name: not an ELF binary, nor a script of one" >&2
		status=2
		continue
	fi
	[[ $binary == "$file" ]] || echo "$file is a script of:"
	examine "$binary"
	[[ -n $libs ]] || continue
	while read -r lib; do
		is_libc "$lib" || examine "$lib"
	done < <(ldd "$binary" 2>/dev/null | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }')
done
exit "$status"
# __TABLE__
