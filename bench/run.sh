#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh - measures programs stock and under libfastio in alternating pairs on fresh
# file systems, checks that both leave the same tree, prints a table
set -euo pipefail
export LC_ALL=C

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=${FASTIO_BUILD:-$HERE/../build}
CORES=$(nproc)

usage() {
	cat <<'EOF'
Usage: bench/run.sh [OPTION]...
Measures small-file work stock and preloaded, in alternating pairs.

  --quick           for CI: fewer files and pairs, ext4 and tmpfs, below three minutes
  --fs LIST         of ext4,xfs,btrfs,tmpfs (fresh, as root) or dir (default: all but dir;
                    dir where nothing can be mounted); ext4-5ms and the like: over a disk
                    that takes 5 ms for a flush, or any other number; fuse-1ms, fuse-100us
                    and the like: fastio-slowfs, where every request takes so long; sshfs:
                    to an sshd of its own; cold-ext4, cold-ext4-100us: nothing of it is in
                    memory, every read of the disk takes so long
  --dir PATH        measure in this directory; same as --fs dir there
  --only LIST       phases, programs, methods, actor, sync, slow, or names of workloads (see
                    --list); sync, programs that make their files durable, is measured only
                    if it is named: on ext4,xfs,ext4-5ms,xfs-5ms, by stock,eatmydata,
                    preload and, where the library has that, preload-group; sync-apt, apt-get
                    install in a new Debian, only by its name (it downloads); slow, programs
                    whose every request is a round trip, likewise: on fuse-1ms, by
                    stock,preload
  --list            list the workloads and end
  --methods LIST    of stock,preload,preload-sync,preload-uring,preload-off,preload-group,
                    eatmydata,null; stock is always measured; preload-group has
                    FASTIO_FSYNC=group; null is stock once more, to show the noise (default:
                    stock,preload,preload-sync, with 'phases' also preload-uring; slow
                    programs only stock,preload)
  --pairs N         measured rounds (default 5; slow programs 3)
  --files N         files of 'phases' (default 10000), of the programs' tree (default
                    20000; npm ci: half as many again), of 'sync' (default 1000), and of
                    'slow' (default 1500 in 60 directories, npm ci as well)
  --size N          bytes per file of 'phases' (default 100)
  --threads LIST    thread counts of 'phases' (default: 1 and the number of cores)
  --phases-args ARGS  more options for 'fastio-bench phases', such as --dirs 8
  --slowfs-args ARGS  more options for fastio-slowfs, such as --no-xattr
  --calls           count the system calls of each program, too, by one more run of each method
                    under strace -c
  --lib FILE        the library (default: build/libfastio.so)
  --images DIR      where images of file systems go (default: $TMPDIR)
  --out DIR         results.jsonl and results.md go there (default: build/bench)
  --report DIR      print the table of results kept there and end
  --help

Exit status: 0 fine; 1 a run failed or a tree differed; 2 wrong usage.
EOF
}

say() { printf 'bench: %s\n' "$*" >&2; }

die() {
	printf 'bench: %s\n' "$*" >&2
	exit 2
}

need_value() { [ $# -ge 2 ] || die "$1 wants a value"; }

number() {
	[[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1: '$2' is not a positive number"
}

# ---- options ----

QUICK=0 FS_LIST='' DIR='' ONLY='' METHODS='' PAIRS='' FILES='' SIZE=100 THREADS=''
LIB=$BUILD/libfastio.so OUT_DIR=$BUILD/bench IMAGES=${TMPDIR:-/tmp} LIST=0 REPORT=''
CALLS=0
IMAGE_SIZE=8G PHASES_ARGS=() SLOWFS_ARGS=() TREE_ARGS=()

while [ $# -gt 0 ]; do
	case $1 in
	--quick) QUICK=1 ;;
	--list) LIST=1 ;;
	--calls) CALLS=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	--fs | --dir | --only | --methods | --pairs | --files | --size | --threads | \
		--phases-args | --slowfs-args | --lib | --images | --out | --report)
		need_value "$@"
		case $1 in
		--fs) FS_LIST=$2 ;;
		--dir) DIR=$2 ;;
		--only) ONLY=$2 ;;
		--methods) METHODS=$2 ;;
		--pairs) number "$1" "$2" && PAIRS=$2 ;;
		--files) number "$1" "$2" && FILES=$2 ;;
		--size) SIZE=$2 ;;
		--threads) THREADS=$2 ;;
		--phases-args) read -ra PHASES_ARGS <<<"$2" ;;
		--slowfs-args) read -ra SLOWFS_ARGS <<<"$2" ;;
		--lib) LIB=$2 ;;
		--images) IMAGES=$2 ;;
		--out) OUT_DIR=$2 ;;
		--report) REPORT=$2 ;;
		esac
		shift
		;;
	*) die "unknown option: $1 (try --help)" ;;
	esac
	shift
done

command -v jq >/dev/null || die 'jq is needed'
[ $CALLS = 0 ] || command -v strace >/dev/null || die '--calls needs strace'

if [ -n "$REPORT" ]; then
	[ -r "$REPORT/results.jsonl" ] || die "no results.jsonl in $REPORT"
	jq -rs -f "$HERE/report.jq" "$REPORT/results.jsonl"
	exit 0
fi

# shellcheck source-path=SCRIPTDIR source=programs.sh
. "$HERE/programs.sh"
# shellcheck source-path=SCRIPTDIR source=sync.sh
. "$HERE/sync.sh"
# shellcheck source-path=SCRIPTDIR source=slow.sh
. "$HERE/slow.sh"
# shellcheck source-path=SCRIPTDIR source=fs.sh
. "$HERE/fs.sh"

# 'sync' alone, and 'slow' alone, has its own file systems and methods
FS_GIVEN=$FS_LIST
if [[ $ONLY =~ ^sync(-[a-z-]+)?(,sync(-[a-z-]+)?)*$ ]]; then
	: "${FS_LIST:=${DIR:+dir}}" "${FS_LIST:=$SYNC_FS}" "${METHODS:=$SYNC_METHODS}"
elif [[ $ONLY =~ ^slow(-[a-z-]+)?(,slow(-[a-z-]+)?)*$ ]]; then
	: "${FS_LIST:=${DIR:+dir}}" "${FS_LIST:=$SLOW_FS}" "${METHODS:=$SLOW_METHODS}"
fi
BENCH=$BUILD/fastio-bench
PHASE_FILES=${FILES:-10000}
DEFAULT_METHODS=stock,preload,preload-sync
METHODS_GIVEN=$METHODS PAIRS_GIVEN=$PAIRS
SYNC_FILES=${FILES:-1000} SLOW_FILES=${FILES:-1500}
if [ $QUICK = 1 ]; then
	: "${FS_LIST:=${DIR:+dir}}" "${FS_LIST:=ext4,tmpfs}" "${PAIRS:=3}"
	: "${METHODS:=$DEFAULT_METHODS}"
	PHASE_FILES=${FILES:-4000} SYNC_FILES=${FILES:-200}
	SLOW_FILES=${FILES:-300} FILES=${FILES:-2000} MAKE_FILES=40
else
	: "${METHODS:=$DEFAULT_METHODS,preload-uring}" "${PAIRS:=5}"
	FILES=${FILES:-20000} MAKE_FILES=300
fi
NPM_FILES=$((FILES * 3 / 2)) SLOW_DIRS=$(((SLOW_FILES + 24) / 25))
if [ -z "$THREADS" ]; then
	THREADS=1
	[ "$CORES" = 1 ] || THREADS=1,$CORES
fi
IFS=, read -ra FS_ARRAY <<<"${FS_LIST:-${DIR:+dir}}"
IFS=, read -ra METHOD_ARRAY <<<"$METHODS"
IFS=, read -ra THREAD_ARRAY <<<"$THREADS"
IFS=, read -ra ONLY_ARRAY <<<"$ONLY"
[ ${#FS_ARRAY[@]} -gt 0 ] || FS_ARRAY=(ext4 xfs btrfs tmpfs)

for m in "${METHOD_ARRAY[@]}"; do
	case $m in
	stock | preload | preload-sync | preload-uring | preload-off | preload-group | null) ;;
	eatmydata) [ -n "$EATMYDATA" ] || die 'libeatmydata is missing' ;;
	*) die "unknown method: $m" ;;
	esac
done
# stock is what all others are compared with: always there, and first in the warm-up
METHOD_ARRAY=(stock "${METHOD_ARRAY[@]/#stock/}")
for i in "${!METHOD_ARRAY[@]}"; do
	[ -n "${METHOD_ARRAY[i]}" ] || unset "METHOD_ARRAY[i]"
done
METHOD_ARRAY=("${METHOD_ARRAY[@]}")
for t in "${THREAD_ARRAY[@]}"; do number --threads "$t"; done
[ -x "$BENCH" ] || die "$BENCH is missing; build it first"
if [ ${#METHOD_ARRAY[@]} -gt 1 ]; then
	[ -e "$LIB" ] || die "$LIB is missing; build it first"
	LIB=$(readlink -f "$LIB")
fi

# True when workload $1 of kind $2 (phases, programs, sync, apt, slow, compare) was asked for.
wanted() {
	local o
	[[ $2 == @(sync|apt|slow) ]] || [ ${#ONLY_ARRAY[@]} -gt 0 ] || return 0
	for o in "${ONLY_ARRAY[@]}"; do
		if [ "$o" = "$1" ] || [ "$o" = "$2" ]; then return 0; fi
	done
	return 1
}

workload_names() {
	local t row
	for t in "${THREAD_ARRAY[@]}"; do echo "phases-${t}t phases"; done
	for row in "${PROGRAMS[@]}"; do echo "${row%%|*} programs"; done
	for row in "${SYNCS[@]}"; do echo "${row%%|*} sync"; done
	for row in "${APTS[@]}"; do echo "${row%%|*} apt"; done
	for row in "${SLOWS[@]}"; do echo "${row%%|*} slow"; done
	echo "methods compare"
	echo "actor compare"
}

if [ $LIST = 1 ]; then
	workload_names
	exit 0
fi
for o in "${ONLY_ARRAY[@]}"; do
	workload_names | tr ' ' '\n' | grep -qxF -- "$o" || die "--only: unknown workload: $o"
done

# ---- scratch space, always removed ----

WORK=$(mktemp -d "${TMPDIR:-/tmp}/fastio-bench.XXXXXX")
MEASURE=

cleanup() {
	local rc=$?
	trap '' INT TERM HUP
	if [ -n "$MEASURE" ]; then
		kill -TERM "$MEASURE" 2>/dev/null || true
		wait "$MEASURE" 2>/dev/null || true
	fi
	fs_close || true
	if mountpoint -q "$WORK/mnt" 2>/dev/null; then
		say "$WORK/mnt is still mounted"
	else
		rm -rf "$WORK"
	fi
	exit $rc
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$OUT_DIR"
RESULTS=$OUT_DIR/results.jsonl
: >"$RESULTS"
FAILURES=0
unset LD_PRELOAD FASTIO_ENGINE FASTIO_STATS

header() {
	local commit model
	commit=$(git -C "$HERE" describe --always --dirty 2>/dev/null || echo unknown)
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u | head -n 1)
	jq -nc --arg commit "$commit" --arg model "${model:-unknown}" --arg cores "$CORES" \
		--arg kernel "$(uname -sr) $(uname -m)" --arg date "$(date -u '+%F %H:%M UTC')" \
		--arg memory "$(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)" \
		--arg args "${PHASES_ARGS[*]}" --arg env "$(env | grep '^FASTIO_' | grep -v '^FASTIO_BUILD=' | sort | tr '\n' ' ' || true)" \
		--argjson pairs "$PAIRS" --argjson files "$FILES" --argjson phase_files "$PHASE_FILES" \
		--argjson size "$SIZE" --argjson npm_files "$NPM_FILES" \
		--argjson slow_files "$SLOW_FILES" \
		'{kind: "header", $commit, $model, $cores, $kernel, $date, $memory, $env, $args, $pairs,
		  $files, $phase_files, $size, $npm_files, $slow_files}' >>"$RESULTS"
}

# ---- one run ----

# Sets METHOD_ENV to the options of 'measure' for method $1.
method_env() {
	METHOD_ENV=()
	case $1 in
	stock | null) return 0 ;;
	eatmydata)
		METHOD_ENV=(--env "LD_PRELOAD=$EATMYDATA")
		return 0
		;;
	esac
	METHOD_ENV=(--env "LD_PRELOAD=$LIB" --env "FASTIO_STATS=$WORK/stats")
	case $1 in
	preload) METHOD_ENV+=(--env FASTIO_ENGINE=auto) ;;
	preload-group) METHOD_ENV+=(--env FASTIO_FSYNC=group) ;;
	preload-*) METHOD_ENV+=(--env "FASTIO_ENGINE=${1#preload-}") ;;
	esac
}

# timed METHOD CWD COMMAND...: runs it; $WORK/measured, out, err, stats are its results.
timed() {
	local method=$1 cwd=$2 tracer=()
	shift 2
	rm -f "$WORK/stats"
	method_env "$method"
	if [ "${COUNTED:-}" ]; then
		tracer=(strace -f -qq -c -U 'calls,name' -o "$WORK/calls" "${METHOD_ENV[@]/#--env/-E}")
		METHOD_ENV=()
	fi
	sync -f "$MNT"
	[ -z "$FS_RECORDER" ] || FLUSHES=$(fs_flushes)
	[ -z "$FS_SLOWFS" ] || REQUESTS=$(fs_requests)
	"$BENCH" measure --cwd "$cwd" --stdout "$WORK/out" --stderr "$WORK/err" --timeout 900 \
		"${METHOD_ENV[@]}" -- "${tracer[@]}" "$@" >"$WORK/measured" &
	MEASURE=$!
	wait "$MEASURE" || {
		MEASURE=
		say "could not measure: $*"
		return 1
	}
	MEASURE=
}

# record FS WORKLOAD METHOD PAIR TREE METRICS: appends one result; pair 0 is the warm-up.
record() {
	[ -e "$WORK/stats" ] || : >"$WORK/stats"
	if ! jq -e . "$WORK/stats" >/dev/null 2>"$WORK/err" && [ -s "$WORK/stats" ]; then
		failed "$1 $2 $3: malformed statistics"
		: >"$WORK/stats"
	fi
	jq -c --arg fs "$1" --arg workload "$2" --arg method "$3" --argjson pair "$4" \
		--arg tree "$5" --argjson metrics "$6" --slurpfile stats "$WORK/stats" '
		def total(f): [$stats[] | f // {} | .[]] | add // 0;
		{kind: "run", $fs, $workload, $method, $pair, $tree, status, timeout, orphans,
		 wall_ms: (.wall_us / 1000), cpu_ms: (.cpu_us / 1000), maxrss_kb,
		 metrics: ($metrics + {wall: (.wall_us / 1000)}),
		 stats: {processes: ($stats | length), engines: ([$stats[].engine] | unique),
			 deferred: total(.deferred), elided: total(.elided),
			 executed: ([$stats[].executed // {} | to_entries[]] | group_by(.key)
				| map({(.[0].key): (map(.value) | add)}) | add // {}),
			 late_errors: total(.errors)}}' "$WORK/measured" >>"$RESULTS"
}

# failed WHAT...: counts a failure and shows what the program said.
failed() {
	FAILURES=$((FAILURES + 1))
	say "FAILED: $*"
	sed 's/^/    /' "$WORK/err" | tail -n 5 >&2
	jq -nc --arg what "$*" '{kind: "failure", $what}' >>"$RESULTS"
}

# check_run FS WORKLOAD METHOD: the exit status, and no message where stock gave none
STOCK_SAYS=0
check_run() {
	local status
	if [ "$3" = stock ]; then
		STOCK_SAYS=$(wc -c <"$WORK/err")
	elif [ "$STOCK_SAYS" = 0 ] && [ -s "$WORK/err" ]; then
		failed "$1 $2 $3: a message that stock does not give"
	fi
	status=$(jq -r 'if .timeout then "timeout" else .status end' "$WORK/measured")
	if [ "$status" != 0 ]; then
		failed "$1 $2 $3: exit status $status"
		return 1
	fi
}

# compare_trees FS WORKLOAD METHOD OPTION...: $OUT with what stock left; says same,
# differs or reference
compare_trees() {
	local label="$1 $2 $3" method=$3 want
	shift 3
	want=$WORK/tree.stock
	TREE=same
	if ! "$BENCH" tree "$@" "$OUT" >"$WORK/tree.now"; then
		TREE=differs
		failed "$label: the result can't be read"
	elif [ ! -e "$want" ]; then
		[ "$method" = stock ] || die "no stock result to compare with"
		mv "$WORK/tree.now" "$want"
		TREE=reference
	elif ! cmp -s "$want" "$WORK/tree.now"; then
		TREE=differs
		diff "$want" "$WORK/tree.now" >"$WORK/err" || true
		cp "$WORK/err" "$OUT_DIR/diff-${label// /-}.txt"
		failed "$label: another tree than stock's"
	fi
}

# One line that is written over on a terminal; elsewhere only the end of each workload.
progress() {
	local end=''
	if [ "$3" = finished ]; then end='\n'; elif [ ! -t 2 ]; then return 0; fi
	[ ! -t 2 ] || printf '\r\033[K' >&2
	printf "bench: %-6s %-14s %s$end" "$1" "$2" "$3" >&2
}

# in_rounds FUNCTION FS WORKLOAD: calls FUNCTION FS WORKLOAD METHOD PAIR for a warm-up
# (pair 0) and each pair: A B, B A, ...; more than two rotate, every other time backwards
in_rounds() {
	local fn=$1 fs=$2 workload=$3 pair i k n=${#METHOD_ARRAY[@]}
	for ((pair = 0; pair <= PAIRS; pair++)); do
		for ((i = 0; i < n; i++)); do
			k=$(((i + pair) % n))
			if [ "$n" -gt 2 ] && [ $((pair % 2)) = 1 ]; then k=$((n - 1 - k)); fi
			progress "$fs" "$workload" "$pair/$PAIRS ${METHOD_ARRAY[k]}"
			"$fn" "$fs" "$workload" "${METHOD_ARRAY[k]}" "$pair"
		done
	done
	progress "$fs" "$workload" finished
}

# What the file system has seen, besides METRICS, since the run began
fs_metrics() {
	local metrics=$1
	[ -z "$FS_RECORDER" ] || metrics="$metrics + {flushes: $(($(fs_flushes) - FLUSHES))}"
	[ -z "$FS_SLOWFS" ] || metrics="$metrics + {round_trips: $(($(fs_requests) - REQUESTS))}"
	jq -nc "$metrics"
}

# ---- phases ----

phase_metrics() {
	jq -c '.total_ms as $t | [.phases[] | {(.name): .ms}] | add | . + {total: $t}' "$WORK/out"
}

# The warm-up run leaves its files, so that the trees can be compared.
phases_run() {
	local fs=$1 workload=$2 method=$3 pair=$4 threads=${2#phases-} metrics
	local command=("$BENCH" phases --json --dir "$MNT/bench" --name out --files "$PHASE_FILES"
		--size "$SIZE" --threads "${threads%t}" "${PHASES_ARGS[@]}")
	TREE=-
	OUT=$FS_BACK/bench/out
	rm -rf "$OUT" # only there after a failed run
	fs_afresh
	if [ "$pair" = 0 ]; then
		timed "$method" "$MNT/bench" "${command[@]}" --phases create,update,read
		check_run "$fs" "$workload" "$method" || return 0
		compare_trees "$fs" "$workload" "$method" --mtime no
		record "$fs" "$workload" "$method" 0 "$TREE" '{}'
		return 0
	fi
	timed "$method" "$MNT/bench" "${command[@]}"
	check_run "$fs" "$workload" "$method" || return 0
	record "$fs" "$workload" "$method" "$pair" "$TREE" "$(phase_metrics)"
}

bench_phases() {
	local fs=$1 t
	for t in "${THREAD_ARRAY[@]}"; do
		wanted "phases-${t}t" phases || continue
		rm -f "$WORK/tree.stock"
		in_rounds phases_run "$fs" "phases-${t}t"
		rm -rf "$OUT"
	done
}

# ---- programs ----

program_run() {
	local fs=$1 workload=$2 method=$3 pair=$4 argv cwd=$MNT/bench options=(--mtime s) c metrics='{}'
	# shellcheck disable=SC2034 # commands use it
	local NEAR=$FS_BACK/$SRC_NAME SRC=$FS_BACK/$SRC_NAME
	OUT=$FS_BACK/bench/out
	rm -rf "$OUT"
	$BEFORE
	fs_afresh
	OUT=$MNT/bench/out SRC=$MNT/$SRC_NAME
	[ "$BEFORE" != out_npm ] || cwd=$OUT
	eval "argv=($COMMAND)"
	timed "$method" "$cwd" "${argv[@]}"
	[[ $COMMAND != *" phases --json "* ]] || metrics=$(phase_metrics)
	metrics=$(fs_metrics "$metrics")
	OUT=$FS_BACK/bench/out
	[ ! -e "$OUT$WORK/stats" ] || mv "$OUT$WORK/stats" "$WORK/stats" # of a program that was in a chroot
	check_run "$fs" "$workload" "$method" || return 0
	TREE=same
	for c in $COMPARE; do
		case $c in
		nomtime) options+=(--mtime no) ;;
		output) options+=(--mtime no) ;;
		nolinkmtime) options+=(--no-link-mtime) ;;
		-*) options+=(--exclude "${c#-}") ;;
		esac
	done
	if [ "$COMPARE" = output ]; then
		OUT=$WORK/output
		rm -rf "$OUT"
		mkdir "$OUT"
		mv "$WORK/out" "$OUT"
	fi
	if [ "$COMPARE" != gone ]; then
		compare_trees "$fs" "$workload" "$method" "${options[@]}"
	elif [ -e "$OUT" ]; then
		TREE=differs
		failed "$fs $workload $method: something is left"
	fi
	rm -rf "$OUT"
	[ "$pair" = calls ] || record "$fs" "$workload" "$method" "$pair" "$TREE" "$metrics"
}

# count_calls FS WORKLOAD: one more run of each method
count_calls() {
	local method COUNTED=1
	for method in "${METHOD_ARRAY[@]}"; do
		progress "$1" "$2" "calls $method"
		rm -f "$WORK/calls"
		program_run "$1" "$2" "$method" calls
		[ -s "$WORK/calls" ] || continue
		jq -nc --arg fs "$1" --arg workload "$2" --arg method "$method" \
			--argjson calls "$(awk '$2 == "total" { print $1 }' "$WORK/calls")" \
			'{kind: "calls", $fs, $workload, $method, $calls}' >>"$RESULTS"
	done
}

have_all() {
	local p
	for p in "$@"; do
		[ "$p" != - ] || continue
		command -v "$p" >/dev/null || {
			say "$p is missing"
			return 1
		}
	done
}

# slow_or_not NAME: sets the methods and rounds of a program where no option has
slow_or_not() {
	[ -n "$METHODS_GIVEN" ] || IFS=, read -ra METHOD_ARRAY <<<"$DEFAULT_METHODS"
	PAIRS=$ALL_PAIRS
	[[ " $SLOW " == *" $1 "* ]] || return 0
	[ -n "$METHODS_GIVEN" ] || METHOD_ARRAY=(stock preload)
	[ -n "$PAIRS_GIVEN" ] || [ "$PAIRS" -lt 3 ] || PAIRS=3
}

# bench_programs FS KIND SOURCES ROW...: SOURCES is the name of the directory for them
bench_programs() {
	local fs=$1 kind=$2 row name needs source ALL_PAIRS=$PAIRS METHOD_ARRAY=("${METHOD_ARRAY[@]}")
	local PAIRS=$PAIRS SRC_NAME=$3
	SRC=$FS_BACK/$SRC_NAME
	mkdir -p "$SRC"
	for row in "${@:4}"; do
		IFS='|' read -r name needs BEFORE COMPARE source COMMAND <<<"$row"
		wanted "$name" "$kind" || continue
		if [ $QUICK = 1 ] && [ -z "$ONLY" ] && [[ " $SKIP " == *" $name "* ]]; then
			continue
		fi
		# shellcheck disable=SC2086
		if ! have_all $needs; then
			say "$name: left out"
			continue
		fi
		if ! $source; then
			say "$name: its sources can't be made, left out"
			continue
		fi
		rm -f "$WORK/tree.stock"
		slow_or_not "$name"
		in_rounds program_run "$fs" "$name"
		[ $CALLS = 0 ] || count_calls "$fs" "$name"
	done
}

# Without symlinks, whose times and owner cannot be set through sshfs
bench_slow() {
	local FILES=$SLOW_FILES NPM_FILES=$SLOW_FILES TREE_ARGS=(--dirs "$SLOW_DIRS" --links 0)
	bench_programs "$1" slow src-slow "${SLOWS[@]}"
}

# ---- the comparisons of methods and of ways to share a ring; a short form of each ----

# compare FS SUBCOMMAND OPTION...: the table to standard output and the results, with a chart
compare() {
	local fs=$1 name=$2 chart=() out
	shift 2
	wanted "$name" compare || return 0
	out=$OUT_DIR/$name-$fs
	if command -v gnuplot >/dev/null; then chart=(--svg "$out.svg"); fi
	"$BENCH" "$name" --dir "$MNT/bench" "$@" "${chart[@]}" >"$out.txt" 2>"$WORK/err" || {
		failed "$fs $name"
		return 0
	}
	progress "$fs" "$name" finished
	printf '\n'
	cat "$out.txt"
}

bench_compare() {
	local rounds=3 files=$PHASE_FILES ms=50
	if [ $QUICK = 1 ]; then rounds=2 files=500 ms=10; fi
	compare "$1" methods --files "$files" --size "$SIZE" --rounds "$rounds" --lib "$LIB"
	compare "$1" actor --rounds "$rounds" --ms "$ms" --threads 1,16
}

# ---- all of it ----

header
if [ -z "$FS_GIVEN$DIR" ] || [ $QUICK = 1 ] && [ "${FS_ARRAY[*]}" != dir ]; then
	if ! fs_can_mount; then
		say "no file systems can be mounted here (not root?); measuring in a directory"
		FS_ARRAY=(dir)
	fi
fi
DIR=${DIR:-${TMPDIR:-/tmp}}

for fs in "${FS_ARRAY[@]}"; do
	fs_open "$fs" || continue
	jq -nc --arg fs "$fs" --arg mount "$FS_MOUNT" '{kind: "fs", $fs, $mount}' >>"$RESULTS"
	mkdir -p "$FS_BACK/bench"
	bench_phases "$fs"
	bench_programs "$fs" programs src "${PROGRAMS[@]}"
	bench_programs "$fs" sync src "${SYNCS[@]}"
	bench_programs "$fs" apt src "${APTS[@]}"
	bench_slow "$fs"
	bench_compare "$fs"
	fs_close
done

jq -rs -f "$HERE/report.jq" "$RESULTS" | tee "$OUT_DIR/results.md"
say "kept in $OUT_DIR: results.jsonl, results.md"
[ "$FAILURES" = 0 ] || {
	say "$FAILURES failures"
	exit 1
}
