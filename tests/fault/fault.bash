# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# fault.bash - runs a program stock and preloaded and compares what is seen;
# used by the tests of faults and of real applications

# The library is copied to a path of its own, so that a task left behind by
# one test can be told from any other process on the machine.
fault_setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	T=${FASTIO_TEST_PROGS:-$ROOT/build/tests}
	umask 022
	ulimit -c 0
	S=$(mktemp -d "${FASTIO_TEST_DIR:-${TMPDIR:-/tmp}}/fastio.XXXXXX")
	chmod 755 "$S"
	LIB=$S/libfastio-under-test.so
	cp "${FASTIO_TEST_LIB:-$ROOT/build/libfastio.so}" "$LIB" || fail "no library"
	local v
	for v in LD_PRELOAD "${!FASTIO_@}"; do
		# ours stay with us, the program sees none
		if [[ $v == FASTIO_TEST_* ]]; then export -n "${v?}"; else unset "$v"; fi
	done
	BEGIN=$((EPOCHSECONDS - 86400))
	FIRST=${FASTIO_TEST_FIRST:+$FASTIO_TEST_FIRST:} # before the library in LD_PRELOAD
	EXTRA=()
	RUNNER=()
	MOUNTS=()
	CGROUPS=()
}

fault_teardown() {
	local m i
	# what a failed test has left: it uses the copy of the library that is ours alone
	for m in $(users_of_library); do
		kill -KILL "$m" 2>/dev/null || true
	done
	for m in "${CGROUPS[@]}"; do
		echo 1 2>/dev/null >"$m/cgroup.kill" || true
		for ((i = 0; i < 40; i++)); do
			[[ -d $m ]] || break
			rmdir "$m" 2>/dev/null || sleep 0.05
		done
	done
	for m in "${MOUNTS[@]}"; do
		umount "$m" || umount -l "$m" || true
	done
	[[ -n ${FASTIO_TEST_KEEP:-} ]] || rm -rf --one-file-system "$S"
}

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

need_root() {
	((EUID == 0)) || skip "needs root"
}

need() {
	local c
	for c in "$@"; do
		[[ -n $(command -v "$c") ]] || skip "needs $c"
	done
}

# The environment of a mode, in the array MODE_ENV.
mode_env() {
	case $1 in
	stock) MODE_ENV=() ;;
	auto) MODE_ENV=() ;;
	eager) MODE_ENV=(FASTIO_WARMUP=0) ;;
	sync) MODE_ENV=(FASTIO_WARMUP=0 FASTIO_ENGINE=sync) ;;
	uring) MODE_ENV=(FASTIO_WARMUP=0 FASTIO_ENGINE=uring) ;;
	lag) MODE_ENV=(FASTIO_WARMUP=0 FASTIO_LAG_US=20000) ;;
	synclag) MODE_ENV=(FASTIO_WARMUP=0 FASTIO_ENGINE=sync FASTIO_LAG_US=20000) ;;
	off) MODE_ENV=(FASTIO_ENGINE=off) ;;
	group) MODE_ENV=(FASTIO_WARMUP=0 FASTIO_FSYNC=group) ;;
	grouplag) MODE_ENV=(FASTIO_WARMUP=0 FASTIO_FSYNC=group FASTIO_LAG_US=20000) ;;
	*) fail "unknown mode $1" ;;
	esac
	if [[ $1 != stock ]]; then
		MODE_ENV+=("FASTIO_STATS=$S/$2.stats" "${PRELOAD_AS:-LD_PRELOAD}=$FIRST${PRELOAD:-$LIB}")
	fi
	MODE_ENV+=("${EXTRA[@]}")
}

# The modes in which a promise of durability has to hold, one a line
sync_modes() {
	printf '%s\n' stock eager sync lag
	! "$ROOT/build/fastio" --fsync group true 2>/dev/null || printf '%s\n' group grouplag
}

# capture NAME MODE COMMAND...: output in $S/NAME.out and .err, status in RC
# and .rc.  RUNNER goes before the environment is set, unpreloaded.
capture() {
	local name=$1 mode=$2
	shift 2
	mode_env "$mode" "$name"
	rm -f "$S/$name.stats"
	if [[ $mode != stock ]]; then
		: >"$S/$name.stats"
		chmod a+rw "$S/$name.stats" # whoever the program runs as
	fi
	RC=0
	(
		# nothing of bats: descriptor numbers are part of what is compared
		exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
		exec timeout -k 5 "${LIMIT:-60}" "${RUNNER[@]}" env "${MODE_ENV[@]}" "$@"
	) >"$S/$name.out" 2>"$S/$name.err" </dev/null || RC=$?
	echo "$RC" >"$S/$name.rc"
	((RC != 124 && RC != 137)) || [[ -n ${KILLED_IS_FINE:-} ]] ||
		fail "$name ($mode): hangs or is killed ($RC): $*" "$(tail -5 "$S/$name.err")"
}

# same A B: the same output, messages and status.
same() {
	local part
	for part in rc out err; do
		cmp -s "$S/$1.$part" "$S/$2.$part" && continue
		fail "$1 and $2 differ in $part:" "$(diff "$S/$1.$part" "$S/$2.$part" | head -20)" \
			"$([[ $part != rc ]] || head -20 "$S/$2.err")"
		return 1
	done
}

quiet() {
	[[ ! -s $S/$1.err ]] || fail "$1 printed:" "$(head -20 "$S/$1.err")"
}

# sum NAME JQ-PATH: over all processes of a run.
sum() {
	jq -s "map($2 // 0) | add // 0" "$S/$1.stats"
}

# Held or deferred files, so that a library that does nothing fails.
deferred() {
	sum "$1" '((.deferred.create // 0) + (.deferred.write // 0) + (.deferred.unlink // 0))'
}

need_deferred() {
	local n
	[[ -z ${FASTIO_TEST_NO_DEFER_CHECK:-} ]] || return 0
	[[ -s $S/$1.stats ]] || fail "$1: no statistics were written"
	n=$(deferred "$1") || fail "$1: statistics are not valid:" "$(head -c 2000 "$S/$1.stats")"
	((n >= $2)) || fail "$1: deferred $n, expected at least $2:" "$(head -c 2000 "$S/$1.stats")"
}

users_of_library() {
	grep -lsF "$LIB" /proc/[0-9]*/maps | sed 's,/proc/,,; s,/maps,,' || true
}

# No process uses the library any more, at the latest after two seconds.
no_task() {
	local i left=
	for i in {1..40}; do
		left=$(users_of_library)
		[[ -n $left ]] || return 0
		sleep 0.05
	done
	fail "still there: $(for i in $left; do
		echo "$i $(tr '\0' ' ' <"/proc/$i/cmdline") $(grep -E '^(State|PPid)' "/proc/$i/status" | tr '\n' ' ')"
	done)"
}

# manifest DIR [mtime]: type, mode, owner, links, size, content of everything; with mtime the
# times that were set, while those of the test itself are 'now'.
manifest() {
	local times=
	[[ ${2:-} != mtime ]] || times='\t%T@'
	(
		cd "$1" || exit
		find . -mindepth 1 \( -type d -printf "%P\t%y\t%m\t%U:%G$times\n" -o \
			-type l -printf "%P\t%y\t%U:%G\t%l$times\n" -o \
			-printf "%P\t%y\t%m\t%U:%G\t%n\t%s$times\n" \) | LC_ALL=C sort |
			awk -F '\t' -v OFS='\t' -v begin="$BEGIN" '$NF ~ /^[0-9]+\.[0-9]+$/ && $NF > begin { $NF = "now" } 1'
		find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha1sum
	)
}

same_manifest() {
	cmp -s "$1" "$2" || fail "trees differ:" "$(diff "$1" "$2" | head -20)"
}

# same_tree A B [mtime]
same_tree() {
	manifest "$1" "${3:-}" >"$S/manifest.a"
	manifest "$2" "${3:-}" >"$S/manifest.b"
	same_manifest "$S/manifest.a" "$S/manifest.b" || {
		echo "of $1 and $2" >&2
		return 1
	}
}

# mount_on DIR ARG...: mount, and umount at the end of the test.
mount_on() {
	local dir=$1
	shift
	mkdir -p "$dir"
	mount "$@" "$dir" || skip "cannot mount: $*"
	MOUNTS=("$dir" "${MOUNTS[@]}")
}

# A test with $BACK seen through a slow file system as $D (far), or another one (fuse_on)
far_setup() {
	fault_setup
	D=$S/mnt BACK=$S/back
	FS_PID=
}

far_teardown() {
	# a server that hangs lets go
	[[ -z $FS_PID ]] || kill -TERM "$FS_PID" 2>/dev/null || true
	fault_teardown
	[[ -z $FS_PID ]] || kill -KILL "$FS_PID" 2>/dev/null || true
}

# fuse_on DIR COMMAND...: starts what puts a FUSE file system on DIR, in FS_PID; the test ends it
fuse_on() {
	local dir=$1 i
	shift
	need_root
	[[ -c /dev/fuse ]] || skip "no /dev/fuse"
	mkdir -p "$dir"
	"$@" >"$S/fuse.out" 2>&1 3>&- &
	FS_PID=$!
	MOUNTS=("$dir" "${MOUNTS[@]}")
	for i in {1..100}; do
		! mountpoint -q "$dir" || return 0
		sleep 0.05
	done
	skip "FUSE cannot be mounted: $(cat "$S/fuse.out")"
}

# far LATENCY-US OPTION...: the directory $BACK as $D, where each request takes so long
far() {
	local latency=$1
	shift
	mkdir -p "${BACK:?}"
	fuse_on "$D" "$ROOT/build/fastio-slowfs" --latency-us "$latency" --counts "$S/counts" "$@" "$BACK" "$D"
}

near() {
	umount "$D"
	MOUNTS=("${MOUNTS[@]:1}")
	wait "$FS_PID"
	FS_PID=
}

# start NAME MODE COMMAND...: captures it in the background, in RUN_PID
start() {
	capture "$@" 3>&- &
	RUN_PID=$!
}

# A fresh file system image: image NAME SIZE TYPE [MKFS-OPTION...]
image() {
	local file=$S/$1.img size=$2 type=$3
	shift 3
	truncate -s "$size" "$file"
	"mkfs.$type" -q "$@" "$file" >/dev/null 2>&1 || skip "no mkfs.$type"
	echo "$file"
}

# cgroup FILE...: a new cgroup that has one of the files, below ours if that can be; its path in CGROUP, the
# file's in CGROUP_FILE.  RUNNER starts what capture runs in it.
cgroup() {
	local mount type options mine base file
	need_root
	while read -r _ mount type options _; do
		case $type,$options, in
		cgroup2,*) mine=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
		cgroup,*,memory,*) mine=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup) ;;
		*) continue ;;
		esac
		for base in "$mount$mine" "$mount"; do
			CGROUP=$base/${S##*/}
			mkdir "$CGROUP" 2>/dev/null || continue
			RUNNER=(sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$CGROUP")
			CGROUPS+=("$CGROUP")
			for file; do
				CGROUP_FILE=$CGROUP/$file
				[[ ! -e $CGROUP_FILE ]] || return 0
			done
			rmdir "$CGROUP"
		done
	done </proc/mounts
	skip "no cgroup with $* can be made"
}

preloaded() {
	[[ $1 != stock ]]
}

# The files for which the program got an error by name or which the library names, with what failed.
named() {
	sed -nE 's/^([0-9]) [a-z]+ ([0-9]+) [a-z]+ E[A-Z]+$/\1 \2/ip' "$S/$1.out" |
		awk '{ printf "/t%02d-%05d\n", $1, $2 }'
	! preloaded "$1" || [[ ! -e $S/log ]] || sed -nE \
		"s,.*cannot (create|write|truncate|change owner of|change mode of|set times of|remove) '$D(.*)': .+,\2,p" \
		"$S/log"
}

# Errors that the program was told of by its calls, and at exit
told() {
	local calls exit more
	calls=$(grep -cE ' E[A-Z]+$' "$S/$1.out" || true)
	exit=$(grep -c "^fastio: cannot [a-z ]* '" "$S/$1.err" || true)
	more=$(sed -nE 's/^fastio: and ([0-9]+) more.*/\1/p' "$S/$1.err")
	echo $((calls + exit + ${more:-0}))
}

# loud MODE WORK-ARGS...: after a run of fault-work in $D with FASTIO_LOG=$S/log: whatever was acknowledged
# and is not there was named, and told.  Counts in N_LOST, N_TOLD, LOST and TOLD.
loud() {
	local mode=$1 lost
	shift
	"$T/fault-work" -V "$@" "$D" <"$S/$mode.out" >"$S/verdict" || true
	grep -q ^complete "$S/verdict" || fail "$mode: no verdict"
	awk '$1 == "LOST" { sub(":", "", $8); printf "/t%02d-%05d\n", $3, $5 }' "$S/verdict" | sort -u >"$S/lost"
	named "$mode" | sort -u >"$S/named"
	lost=$(comm -23 "$S/lost" "$S/named")
	LOST=$((LOST + $(wc -w <<<"$lost")))
	[[ -z $lost ]] || fail "$mode: acknowledged, lost, and nobody named:" "$lost" "$(cat "$S/log")"
	N_LOST=$(wc -l <"$S/lost")
	N_TOLD=$(told "$mode")
	((N_TOLD >= N_LOST)) || fail "$mode: $N_LOST lost, $N_TOLD errors told:" "$(cat "$S/lost" "$S/$mode.err")"
	if [[ -s $S/$mode.err ]]; then
		((RC != 0)) || fail "$mode: errors at exit, but status 0"
		! preloaded "$mode" || ! grep -v "^fastio: \(cannot\|and [0-9]* more\|the program took\)" \
			"$S/$mode.err" || fail "$mode: strange messages"
	else
		((RC == 0)) || fail "$mode: status $RC without a word"
	fi
	! preloaded "$mode" || TOLD=$((TOLD + N_TOLD))
}
