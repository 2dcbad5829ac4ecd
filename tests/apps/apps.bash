# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# apps.bash - runs a real program in every mode and compares with stock
#
# FASTIO_TEST_FULL=1 takes trees of 20,000 and more files instead of 1,000.

load ../fault/fault

apps_setup() {
	fault_setup
	W=$S/w # the program works here, the same path in every mode
	SRC=$S/src
	mkdir "$SRC"
	MODES="auto sync lag"
	LIMIT=120
	FILES=1000
	if [[ -n ${FASTIO_TEST_FULL:-} ]]; then
		FILES=10000
		LIMIT=900
	fi
	export LC_ALL=C.UTF-8 HOME=$S/home TZ=UTC
	mkdir "$HOME"
}

apps_teardown() {
	cd /
	fault_teardown
}

# The tree $SRC/tree, made once per file of tests.
make_tree() {
	local made=$BATS_FILE_TMPDIR/tree
	if [[ ! -d $made ]]; then
		/usr/bin/python3 "$BATS_TEST_DIRNAME/tree.py" "$made.part" "$FILES"
		mv "$made.part" "$made"
	fi
	ln -s "$made" "$SRC/tree"
	TREE=$made
}

# No file or directory was changed before or after the run.
times_are_now() {
	local odd
	odd=$(find "$1" \( ! -newermt "@$2" -o -newermt "@$3" \) -printf '%T+ %p\n' | head -5)
	[[ -z $odd ]] || fail "times out of the run ($2 to $3):" "$odd"
}

# app [OPTIONS] COMMAND...: the command in a fresh, empty W, in every mode.
#   -p FN   prepares W before, not preloaded
#   -n FN   normalises before comparing: FN MODE, in W, after the run
#   -d N    so many files must be deferred (default: no demand); -D N: in mode auto too, which is
#           free to decide that it does not pay
#   -k KEYS which counters count for that (jq, default create + write + unlink)
#   -t      compares times of modification, else they must lie within the run
#   -T      says nothing about times
#   -m MODES
app() {
	local prepare=: normalise=: demand=0 auto=0 times=now modes=$MODES mode begin end OPTIND=1 o
	local keys='((.deferred.create // 0) + (.deferred.write // 0) + (.deferred.unlink // 0))' n
	while getopts p:n:d:D:k:tTm: o; do
		case $o in
		p) prepare=$OPTARG ;;
		n) normalise=$OPTARG ;;
		d) demand=$OPTARG ;;
		D) demand=$OPTARG auto=$OPTARG ;;
		k) keys=$OPTARG ;;
		t) times=mtime ;;
		T) times=any ;;
		m) modes=$OPTARG ;;
		*) fail "app: bad option" ;;
		esac
	done
	shift $((OPTIND - 1))
	rm -rf "$S/tree.stock"
	for mode in stock $modes; do
		rm -rf "$W"
		mkdir "$W"
		cd "$W" || return
		"$prepare"
		begin=$((${EPOCHREALTIME/./} - 20000)) # the clock of file times is a coarse one
		begin=${begin::-6}.${begin: -6}
		capture "$mode" "$mode" "$@"
		end=$EPOCHREALTIME
		"$normalise" "$mode"
		[[ $mode == stock ]] || same stock "$mode"
		no_task
		[[ $times != now ]] || times_are_now "$W" "$begin" "$end"
		cd "$S" || return
		manifest "$W" "$times" >"$S/manifest.$mode"
		if [[ $mode == stock ]]; then
			mv "$W" "$S/tree.stock"
		else
			same_manifest "$S/manifest.stock" "$S/manifest.$mode" || fail "mode $mode"
			[[ -z ${FASTIO_TEST_NO_DEFER_CHECK:-} ]] || continue
			[[ $(sum "$mode" .errors.late) == 0 ]] || fail "$mode: late errors"
			n=$(sum "$mode" "$keys")
			((n >= ($([[ $mode == auto ]] && echo auto || echo demand)))) ||
				fail "$mode: only $n deferred, expected $demand:" \
				"$(head -c 3000 "$S/$mode.stats")"
		fi
	done
}
