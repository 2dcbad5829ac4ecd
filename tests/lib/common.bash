# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# common.bash - what the bats files share: running a command in every mode and comparing
#
#   stock   without the library: the oracle
#   off     preloaded, FASTIO_ENGINE=off
#   sync    background work by plain system calls
#   uring   background work by io_uring
#   lag     uring, and the executor waits 20 ms before each batch
#
# The preloaded modes run with FASTIO_WARMUP=0, so that deferral starts with the first file.
# FASTIO_TEST_FIRST names libraries to be preloaded in front (a sanitizer's), FASTIO_TEST_WORK a directory
# to run in, of the file system that is to be tested.

MODES=(stock off sync uring lag)

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
FASTIO_LIB=${FASTIO_TEST_LIB:-$ROOT/build/libfastio.so}
FASTIO_PRELOAD=${FASTIO_TEST_FIRST:+$FASTIO_TEST_FIRST:}$FASTIO_LIB
PROGS=${FASTIO_TEST_PROGS:-$ROOT/build/tests}

bats_load_library bats-support
bats_load_library bats-assert

# A file with a setup() of its own calls this first.
common_setup() {
	T=$BATS_TEST_TMPDIR
	W=${FASTIO_TEST_WORK:-$T}/w # where the command under test runs, the same path in every mode
	umask 022
	ulimit -c 0
	if [[ $(id -u) == 0 ]]; then
		# the way to W for tests that run as nobody
		chmod a+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "${BATS_FILE_TMPDIR%/*}" "${T%/*}" "$T"
	fi
	[[ -e $FASTIO_LIB ]] || fail "no library: $FASTIO_LIB"
}

setup() {
	common_setup
}

teardown() {
	local m
	# innermost first
	while read -r m; do
		umount -l "$m" 2>/dev/null || true
	done < <(awk -v t="$T/" 'index($2, t) == 1 { print $2 }' /proc/mounts | sort -r)
	if [[ -n ${IMMUTABLE:-} ]]; then
		chattr -R -i -a "$W" 2>/dev/null || true
	fi
}

# need COMMAND...: skips the test without one of them
need() {
	local t
	for t; do
		command -v "$t" >/dev/null || skip "no $t"
	done
}

# The runtime of AddressSanitizer or the size of its frames are in the way of what the test does.
not_asan() {
	[[ ${FASTIO_TEST_FIRST:-} != *libasan* ]] || skip "AddressSanitizer: $*"
}

# The environment of a mode, one assignment per element of ENVV.
mode_env() {
	ENVV=("FASTIO_STATS=$T/$1.stats" FASTIO_WARMUP=0)
	case $1 in
	stock) ENVV=("FASTIO_STATS=$T/$1.stats") ;; # marks its processes for leftovers
	off) ENVV+=(FASTIO_ENGINE=off) ;;
	sync) ENVV+=(FASTIO_ENGINE=sync) ;;
	uring) ENVV+=(FASTIO_ENGINE=uring) ;;
	lag) ENVV+=(FASTIO_ENGINE=uring FASTIO_LAG_US=20000) ;;
	synclag) ENVV+=(FASTIO_ENGINE=sync FASTIO_LAG_US=20000) ;;
	default) ENVV=("FASTIO_STATS=$T/$1.stats") ;;
	*) fail "unknown mode $1" ;;
	esac
}

# The processes that the library was loaded into (or that it left) in this test, in this mode.
leftovers() {
	grep -lzxF "FASTIO_STATS=$T/$1.stats" /proc/[0-9]*/environ 2>/dev/null || true
}

# Waits until nothing is left of a run, at most two seconds.
wait_gone() {
	local i
	for ((i = 0; i < 40; i++)); do
		[[ -z $(leftovers "$1") ]] && return 0
		sleep 0.05
	done
	return 1
}

# run_mode MODE CMD...: runs CMD in a fresh W; leaves $T/MODE.{out,err,status,tree,stats}.
# Options in variables, see fiveways.
run_mode() {
	local mode=$1 status=0 pre=() preload=()
	shift
	mode_env "$mode"
	rm -rf "$W"
	mkdir "$W"
	if [[ -n $AS_USER && $(id -u) == 0 ]]; then
		chown "$AS_USER" "$W"
		pre=(setpriv "--reuid=$AS_USER" --regid=65534 --clear-groups)
	fi
	: >"$T/$mode.stats"
	chmod a+rw "$T/$mode.stats"
	if [[ $mode != stock ]]; then
		if [[ -n $OBSERVED ]]; then
			preload=("T_PRELOAD=$FASTIO_PRELOAD")
		else
			preload=("LD_PRELOAD=$FASTIO_PRELOAD")
		fi
	fi
	(
		cd "$W"
		exec 3>&-
		if [[ -n $IS_PROG ]]; then
			"${pre[@]}" "$1" --fixture
		fi
		[[ -z $SETUP_FN ]] || "$SETUP_FN"
	) >"$T/$mode.setup" 2>&1 </dev/null || fail "set-up failed: $(cat "$T/$mode.setup")"
	[[ ! -s $T/$mode.setup ]] || fail "set-up said: $(cat "$T/$mode.setup")"
	# nothing of bats: descriptor numbers are part of the transcript
	(
		cd "$W"
		exec "$PROGS/bare" timeout -k 2 "$TIMEOUT" "${pre[@]}" env "${ENVV[@]}" "${EXTRA_ENV[@]}" \
			"${preload[@]}" "$@"
	) >"$T/$mode.out" 2>"$T/$mode.err" </dev/null || status=$?
	echo "$status" >"$T/$mode.status"
	if [[ -n $LATE ]]; then
		wait_gone "$mode" || fail "mode $mode: something still runs two seconds later"
	fi
	[[ -z $AFTER_FN ]] || (cd "$W" && "$AFTER_FN" "$mode")
	(cd "$W" && "$PROGS/treedump" "${DUMP[@]}") >"$T/$mode.tree"
	[[ -z $CLEAN_FN ]] || (cd "$W" && "$CLEAN_FN")
}

# stat_sum MODE EXPR: the sum of a jq expression over all processes of a run.
stat_sum() {
	jq -s "map($2 // 0) | add // 0" "$T/$1.stats"
}

# assert_deferred MODE LIST: something of each comma-separated kind was really deferred; a kind
# may be an alternative a/b.
assert_deferred() {
	local kind sum
	for kind in ${2//,/ }; do
		sum=$(stat_sum "$1" "(.deferred.${kind//\//+.deferred.})")
		((sum > 0)) || fail "mode $1: nothing deferred of kind $kind: $(cat "$T/$1.stats")"
	done
}

# fiveways [OPTIONS] CMD...: runs CMD in each mode and compares each with the oracle.
# CMD is a program under tests/progs, by its name, or any other command.
#   -d LIST   kinds of work that must have been deferred in the modes that defer (default:
#             create/write/update/unlink, any of them; "none": no demand)
#   -s FN     run in W before (not preloaded); -a FN: run after, before the tree is taken; -c FN:
#             after that
#   -u UID    run as that user if we are root
#   -t        compare times of modification as well
#   -x NAME   leave that name out of the tree
#   -o        the command is an observer: it hands $T_PRELOAD to the program it starts itself
#   -l        the command may be killed: what is pending may take up to two seconds more
#   -n        only the status and the tree are compared, not the output
#   -e A=B    more environment;  -w SECONDS: time limit of one run (default 30)
fiveways() {
	local DEFER=create/write/update/unlink SETUP_FN='' AFTER_FN='' CLEAN_FN='' AS_USER='' OBSERVED='' LATE=''
	local IS_PROG='' TIMEOUT=30 NO_OUTPUT='' DUMP=() EXTRA_ENV=() OPTIND=1 o mode what
	while getopts 'd:s:a:c:u:tx:olne:w:' o; do
		case $o in
		d) DEFER=$OPTARG ;;
		s) SETUP_FN=$OPTARG ;;
		a) AFTER_FN=$OPTARG ;;
		c) CLEAN_FN=$OPTARG ;;
		u) AS_USER=$OPTARG ;;
		t) DUMP+=(-t) ;;
		x) DUMP+=(-x "$OPTARG") ;;
		o) OBSERVED=1 ;;
		l) LATE=1 ;;
		n) NO_OUTPUT=1 ;;
		e) EXTRA_ENV+=("$OPTARG") ;;
		w) TIMEOUT=$OPTARG ;;
		*) fail "fiveways: bad option" ;;
		esac
	done
	shift $((OPTIND - 1))
	if [[ -x $PROGS/$1 ]]; then
		IS_PROG=1
		set -- "$PROGS/$1" "${@:2}"
	fi
	for mode in "${MODES[@]}"; do
		run_mode "$mode" "$@"
		[[ $mode != stock ]] || continue
		for what in status out err tree; do
			[[ -n $NO_OUTPUT && ($what == out || $what == err) ]] && continue
			cmp -s "$T/stock.$what" "$T/$mode.$what" || {
				echo "mode $mode differs from stock in: $what"
				diff -a "$T/stock.$what" "$T/$mode.$what" | head -n 40
				[[ $what != status ]] || head -n 20 "$T/$mode.err"
				return 1
			} >&2
		done
		[[ $(stat_sum "$mode" .errors.late) == 0 ]] || fail "mode $mode: late errors"
		[[ $DEFER != none ]] || continue
		if [[ $mode == off ]]; then
			[[ $(stat_sum off '(.deferred|add)') == 0 ]] || fail "engine off has deferred"
		else
			assert_deferred "$mode" "$DEFER"
		fi
	done
}
