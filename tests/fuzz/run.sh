#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh - the differential fuzzer: random calls, stock and preloaded, must leave the same transcript
#
#   tests/fuzz/run.sh [--seed N] [--ops N] [--mode M] [--seconds N | --count N] ...
#
# --seed N      the first list; the same number is always the same list (default: from the clock)
# --ops N       operations per list (default 80)
# --mode M      rotate (two modes per list), all, or one of: sync uring synclag lag default noage window group
#               grouplag off
# --replay FILE a list that was found before (fuzz-SEED-MODE.ops)
# --fs TYPE     ext4 (a fresh image in memory, if root), or dir: in $TMPDIR as it is
# --lib FILE    the library (default build/libfastio.so)
#
# What differs is shrunk and written to --out (default .) as a list of operations and as a C program.
# All other options are those of the program: build/tests/fuzz --help.  Exit status 0: no difference.
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=${here%/tests/fuzz}
fs=ext4
args=()
seed=$((EPOCHSECONDS * 1000))
lib=${FASTIO_TEST_LIB:-$root/build/libfastio.so}
while (($#)); do
	case $1 in
	--seed) seed=$2 ;;
	--fs) fs=$2 ;;
	--lib) lib=$2 ;;
	--help | -h)
		sed -n '3,18s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	--no-shrink | --verbose)
		args+=("$1")
		shift
		continue
		;;
	*) args+=("$1" "$2") ;;
	esac
	shift 2
done

work=$(mktemp -d "${TMPDIR:-/tmp}/fastio-fuzz.XXXXXX")
image=''
finish() {
	[[ -z $image ]] || umount "$work/mnt" 2>/dev/null || true
	rm -rf --one-file-system "$work" ${image:+"$image"}
}
trap finish EXIT
trap 'exit 130' INT TERM
mkdir "$work/mnt"
if [[ $fs == ext4 && $(id -u) == 0 && -w /dev/shm ]]; then
	image=$(mktemp /dev/shm/fastio-fuzz.XXXXXX)
	# fsync and journal are not what is looked at here
	if ! { truncate -s 1G "$image" && mkfs.ext4 -q -O ^has_journal "$image" &&
		mount -o loop "$image" "$work/mnt"; } 2>/dev/null; then
		rm -f "$image"
		image=''
	fi
fi
chmod 755 "$work" "$work/mnt"
echo "first seed $seed"
"${FASTIO_TEST_PROGS:-$root/build/tests}/fuzz" --lib "$lib" --dir "$work/mnt" --src "$here" \
	--seed "$seed" "${args[@]}"
