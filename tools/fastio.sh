#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fastio CMD... - runs a command with libfastio preloaded
set -eu

version='@VERSION@'

usage() {
	cat <<'END'
usage: fastio [run] COMMAND [ARGUMENT...]

Runs COMMAND with libfastio.so preloaded; its exit status is COMMAND's.

  --help     this text
  --version  the version

The library is looked for beside this script, in ../lib, and where the dynamic linker looks.
Options are environment variables, see README.md: FASTIO_ENGINE, FASTIO_STATS, FASTIO_LOG ...
END
}

case ${1-} in
--help | -h)
	usage
	exit 0
	;;
--version)
	echo "fastio $version"
	exit 0
	;;
run) shift ;;
-*)
	echo "fastio: unknown option '$1'; try 'fastio --help'" >&2
	exit 2
	;;
esac
[ $# -gt 0 ] || {
	usage >&2
	exit 2
}

here=$(dirname -- "$(readlink -f -- "$0")")
lib=libfastio.so
for candidate in "$here/libfastio.so" "$here/../lib/libfastio.so"; do
	if [ -f "$candidate" ]; then
		lib=$candidate
		break
	fi
done
LD_PRELOAD=$lib${LD_PRELOAD:+:$LD_PRELOAD}
export LD_PRELOAD
exec "$@"
