#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# faultfs.bats - a file system that answers with errors, short writes, delays, or not at all
#
# The file system is fault-faultfs (FUSE).  Nothing is deferred on FUSE, so the programs run under
# fault-disguise, to which it looks like ext4.  What must hold: whatever a program was told that it
# had done is there, or the path, the operation and the error are named by a later call or at exit.

load fault

MODES="eager sync uring lag"

setup() {
	fault_setup
	D=$S/mnt
	PRELOAD_AS=FAULT_PRELOAD
	EXTRA=(FASTIO_LOG="$S/log")
	FS_PID=
	RUNS=0 OPERATIONS=0 FAULTS=0 TOLD=0 LOST=0
}

teardown() {
	# whatever hangs, hangs no longer
	[[ -z $FS_PID ]] || rules
	fault_teardown
	[[ -z $FS_PID ]] || kill -KILL "$FS_PID" 2>/dev/null || true
	((RUNS == 0)) || echo "# $BATS_TEST_DESCRIPTION: $RUNS preloaded runs, $OPERATIONS operations," \
		"$FAULTS faults, $TOLD errors told, $LOST lost in silence" >&3
}

# rules [RULE]...: from now on, these
rules() {
	printf '%s\n' "$@" | sed '/^$/d' >"$S/rules.new"
	mv "$S/rules.new" "$S/rules"
}

# faulty NAME [RULE]...: a fresh file system on $D; its faults go to $S/NAME.faults
faulty() {
	local name=$1
	shift
	gone
	rm -rf "$S/backing" "$S/$name.faults" "$S/log"
	mkdir "$S/backing"
	rules "$@"
	fuse_on "$D" "$T/fault-faultfs" "$S/backing" "$S/rules" "$S/$name.faults" "$D"
}

gone() {
	[[ -n $FS_PID ]] || return 0
	rules
	umount "$D"
	MOUNTS=()
	wait "$FS_PID"
	FS_PID=
}

# The files that were hit by an error, by the names in their paths.
hit() {
	sed -nE 's/^[a-z]+ (.*) E[A-Z]+$/\1/p' "$S/$1.faults" | sort -u
}

# judge MODE WORK-ARGS...: after a run of fault-work: nothing that was acknowledged is lost in silence.
judge() {
	local mode=$1
	shift
	rules # the verdict is not to be disturbed
	loud "$mode" "$@"
	count "$mode"
}

# Adds up the figures of a run and ends the file system.
count() {
	local total operations faults
	gone
	no_task
	read -r total operations faults < <(tail -1 "$S/$1.faults")
	[[ $total == total ]] || fail "$1: no total"
	preloaded "$1" || return 0
	RUNS=$((RUNS + 1))
	OPERATIONS=$((OPERATIONS + operations))
	FAULTS=$((FAULTS + faults))
}

# The workload under the rules in each mode: faults LEAST-DEFERRED RULE... -- WORK-ARGS...
faults() {
	local least=$1 mode rule=()
	shift
	while [[ $1 != -- ]]; do
		rule+=("$1")
		shift
	done
	shift
	for mode in stock $MODES; do
		faulty "$mode" "${rule[@]}"
		capture "$mode" "$mode" "$T/fault-disguise" "$T/fault-work" "$@" "$D"
		[[ $mode != stock ]] || quiet stock
		[[ $(hit "$mode") ]] || fail "$mode: no fault was met"
		! preloaded "$mode" || need_deferred "$mode" "$least"
		judge "$mode" "$@"
		((N_TOLD > 0)) || [[ -n ${MAY_BE_SILENT:-} ]] || fail "$mode: faults, and nobody was told"
	done
}

@test "creating fails: EIO, ENOSPC, EDQUOT, EACCES" {
	local err
	for err in EIO ENOSPC EDQUOT EACCES; do
		faults 150 "create *[07] * $err" -- -n 200 cr
	done
	faults 100 "create *[07] * EIO" -- -n 200 xUr
}

@test "creating fails: by the next calls, each error is told once" {
	local mode
	faults 150 "create *[05] * EIO" -- -n 200 c
	for mode in stock $MODES; do
		[[ $(hit "$mode" | wc -l) == "$(told "$mode")" ]] ||
			fail "$mode: $(hit "$mode" | wc -l) files hit, $(told "$mode") errors told"
	done
}

@test "writing fails: EIO, ENOSPC, EDQUOT" {
	local err
	for err in EIO ENOSPC EDQUOT; do
		faults 150 "write *[38] * $err" -- -n 200 cr
		faults 150 "write *[38] 2+ $err" -- -n 200 cuUr
	done
}

@test "from some write on the quota is exceeded" {
	faults 50 "write * 150+ EDQUOT" "create * 170+ EDQUOT" -- -n 300 cUr
}

@test "opening a file to update it fails" {
	faults 150 "open *[27] * EIO" -- -n 200 cuUr
	faults 150 "truncate *[27] * EIO" "open *5 * EIO" -- -n 200 cUr
}

@test "removing fails" {
	faults 150 "unlink *[16] * EIO" -- -n 200 crd
	faults 150 "unlink *[16] * EROFS" -- -n 200 -t 2 crd
}

@test "changing mode and times fails" {
	faults 150 "chmod *[49] * EIO" "utimens *[27] * EIO" -- -n 200 mr
}

# Every file that was hit by an error was told of.
all_told() {
	local n
	n=$(hit "$1" | wc -l)
	(($(told "$1") >= n)) || fail "$1: $n files hit, $(told "$1") errors told:" "$(cat "$S/$1.err")"
}

@test "closing fails: EIO, ENOSPC, EDQUOT" {
	local err mode
	EXTRA+=(FAULT_TYPE=794c7630) # overlayfs, which may be on top of FUSE
	for err in EIO ENOSPC EDQUOT; do
		faults 150 "flush *[38] * $err" -- -n 200 c
		for mode in stock $MODES; do
			all_told "$mode"
		done
		grep -q "cannot close '$D/.*[38]'" "$S/log" || fail "the log names no file that could not be closed"
		faults 150 "flush *[27] * $err" -- -n 200 cmUr
	done
}

@test "many fail before anybody is told: each is named" {
	local mode
	for mode in sync lag; do
		faulty "$mode" "create * * EIO"
		EXTRA=(FASTIO_LAG_US=300000)
		capture "$mode" "$mode" "$T/fault-disguise" "$T/fault-work" -q -n 60 c "$D"
		need_deferred "$mode" 60
		((RC == 1)) || fail "$mode: status $RC"
		[[ $(grep -cE "^fastio: cannot create '$D/t00-000[0-9]{2}': " "$S/$mode.err") == 60 ]] ||
			fail "$mode: not each is named:" "$(cat "$S/$mode.err")"
		TOLD=$((TOLD + 60))
		count "$mode"
	done
}

# Files that cannot be made, and whose descriptors end in some other way than by close
abandon='
import os, sys, time
how, d = sys.argv[1:]
for i in range(5):
    try:
        fd = os.open(f"{d}/a{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    except OSError: # of the one before
        print("told")
        continue
    try:
        if how != "empty":
            os.write(fd, b"x" * 100)
    except OSError: # it has come of age between the two
        print("told")
    if how == "dup2":
        os.dup2(0, fd)
    if how == "closerange":
        os.closerange(fd, fd + 3)
    if how == "empty":
        try:
            os.close(fd)
        except OSError:
            print("told")
        try:
            os.fstat(fd)
            print("still open")
        except OSError:
            pass
if how == "aged":
    time.sleep(0.1)
if how == "exec":
    os.execv("/bin/true", ["true"])
os._exit(0)
'

@test "a file that cannot be made, and is never closed: named all the same" {
	need /usr/bin/python3
	local mode how n
	for how in exit aged exec dup2 closerange empty; do
		for mode in $MODES; do
			faulty "$mode" "create * * EIO"
			capture "$mode" "$mode" "$T/fault-disguise" /usr/bin/python3 -c "$abandon" "$how" "$D"
			need_deferred "$mode" 1
			n=$(grep -cE "^fastio: cannot create '$D/a[0-4]': " "$S/$mode.err" || true)
			n=$((n + $(grep -c ^told "$S/$mode.out" || true)))
			((n == $(deferred "$mode"))) ||
				fail "$how, $mode: $n of $(deferred "$mode") named:" "$(cat "$S/$mode.out" "$S/$mode.err")"
			! grep 'still open' "$S/$mode.out" || fail "$how, $mode: close leaves it open"
			[[ $how == exec || ! -s $S/$mode.err ]] || ((RC == 1)) || fail "$how, $mode: status $RC"
			TOLD=$((TOLD + n))
			count "$mode"
		done
	done
}

@test "what fails after the program's death is in the log: operation, path, error" {
	local mode rule
	for rule in "create create EIO" "flush close EDQUOT" "write write ENOSPC"; do
		read -r op what err <<<"$rule"
		for mode in $MODES synclag; do
			faulty "$mode" "$op * * $err"
			EXTRA=(FASTIO_LOG="$S/log" FASTIO_LAG_US=50000 FAULT_TYPE=794c7630)
			KILLED_IS_FINE=1 capture "$mode" "$mode" "$T/fault-disguise" "$T/fault-work" \
				-q -n 50 -k 40 -x kill c "$D"
			no_task
			grep -qE "(death|error): cannot $what '$D/t00-000[0-9]{2}': [A-Z]" "$S/log" ||
				fail "$rule, $mode: $(cat "$S/log")"
			TOLD=$((TOLD + $(grep -cE "(death|error): cannot" "$S/log")))
			count "$mode"
		done
	done
}

@test "interrupted calls: told, or done again" {
	MAY_BE_SILENT=1
	faults 150 "create * /5 EINTR" "write * /7 EINTR" "open * /9 EINTR" "unlink * /5 EINTR" \
		-- -n 200 cUurd
}

@test "every 40th operation of any kind fails" {
	local err
	for err in EIO ENOMEM; do
		faults 50 "* * /40 $err" -- -n 200 -t 2 cmUrd
	done
}

# A program that goes on after a short write is as stock: program FN RULE..., FN works in $D.
program() {
	local what=$1 mode
	shift
	for mode in stock $MODES; do
		faulty "$mode" "$@"
		capture "$mode" "$mode" "$T/fault-disguise" bash -c "$(declare -f "$what"); cd \"\$1\" && $what \"\$2\"" \
			bash "$D" "$S"
		rules
		manifest "$D" >"$S/$mode.tree"
		! preloaded "$mode" || need_deferred "$mode" 100
		count "$mode"
		[[ $mode == stock ]] || same stock "$mode"
		[[ $mode == stock ]] || same_manifest "$S/stock.tree" "$S/$mode.tree"
	done
}

unpack() {
	tar xf "$1/in.tar" && cp -r in copy && rm -r in/d2
}

a_tree() {
	local d
	for d in 1 2 3; do
		mkdir -p "$S/in/d$d"
		"$T/fault-work" -n 60 -s 5000 -q m "$S/in/d$d"
	done
	tar -C "$S" -cf "$S/in.tar" in
}

@test "short writes: the same content" {
	a_tree
	program unpack "write * /3 short:100" "write * /5 short:1"
	grep -q short: "$S/uring.faults"
}

@test "short writes: no file stays open" {
	need /usr/bin/python3
	local mode
	cat >"$S/p.py" <<-'END'
		import os, subprocess, sys
		program = open("/bin/true", "rb").read()
		for i in range(40):
		    fd = os.open(f"{sys.argv[1]}/run{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755)
		    at = 0
		    while at < len(program):
		        at += os.write(fd, program[at:])
		    os.close(fd)
		for i in range(40): # ETXTBSY, if anybody has it open for writing
		    print(subprocess.run([f"{sys.argv[1]}/run{i}"]).returncode)
	END
	for mode in stock $MODES; do
		faulty "$mode" "write */run* /2 short:5000"
		capture "$mode" "$mode" "$T/fault-disguise" /usr/bin/python3 "$S/p.py" "$D"
		quiet "$mode"
		! preloaded "$mode" || need_deferred "$mode" 20
		count "$mode"
		[[ $mode == stock ]] || same stock "$mode"
	done
}

@test "delays: the same results, nothing lost" {
	a_tree
	program unpack "* * /3 delay:2000" "create * /7 delay:8000"
	faults_none "* * /4 delay:3000" -- -n 100 -t 3 cUmrnd
}

# Faults that are no errors: stock's results to the word.
faults_none() {
	local mode rule=()
	while [[ $1 != -- ]]; do
		rule+=("$1")
		shift
	done
	shift
	for mode in stock $MODES; do
		faulty "$mode" "${rule[@]}"
		capture "$mode" "$mode" "$T/fault-disguise" "$T/fault-work" "$@" "$D"
		[[ $mode == stock ]] || same stock "$mode"
		quiet "$mode"
		judge "$mode" "$@"
	done
}

# Whatever has been started has begun to hang.
hanging() {
	local i
	for i in {1..200}; do
		! grep -qs hang "$S/$1.faults" || return 0
		sleep 0.02
	done
	fail "$1: nothing hangs"
}

@test "a file system that hangs for a while: the same results, nothing lost" {
	local mode at
	for at in "create *-00030 1" "write *-00031 1" "open *-00007 2+" "unlink *-00099 1"; do
		for mode in stock $MODES; do
			faulty "$mode" "$at hang"
			start "$mode" "$mode" "$T/fault-disguise" "$T/fault-work" -n 150 cUrnd "$D"
			hanging "$mode"
			sleep 0.3
			kill -0 "$RUN_PID" || fail "$mode: does not wait for a file system that hangs"
			rules
			wait "$RUN_PID" || fail "$mode: has failed"
			[[ $mode == stock ]] || same stock "$mode"
			quiet "$mode"
			count "$mode"
		done
	done
}

# One thread makes a file there, the other makes files elsewhere.
beside='
import os, sys, threading, time
def put(path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(fd, b"x" * 100)
    os.close(fd)
hung = threading.Thread(target=put, args=[sys.argv[1] + "/a0"])
hung.start()
time.sleep(0.2)
for i in range(600):
    put(f"{sys.argv[2]}/f{i}")
hung.join()
'

@test "what hangs on one file system holds up the others, and nothing is lost" {
	need /usr/bin/python3
	local mode
	for mode in stock $MODES; do
		faulty "$mode" "create */a0 1 hang"
		rm -rf "$S/other"
		mkdir "$S/other"
		start "$mode" "$mode" "$T/fault-disguise" /usr/bin/python3 -c "$beside" "$D" "$S/other"
		hanging "$mode"
		sleep 1.5
		# what the queue has room for goes on, and is executed
		(($(find "$S/other" -type f -size +0 | wc -l) >= 200)) || fail "$mode: $(find "$S/other" | wc -l) files meanwhile"
		rules
		wait "$RUN_PID" || fail "$mode: has failed"
		quiet "$mode"
		(($(find "$S/other" -type f -size +0 | wc -l) == 600)) || fail "$mode: files are missing"
		[[ -s $D/a0 ]] || fail "$mode: the file that hung is missing"
		! preloaded "$mode" || need_deferred "$mode" 300
		count "$mode"
	done
}

@test "a hung file system hangs no longer than stock: a signal ends the program" {
	local mode sig begin
	for sig in TERM KILL; do
		for mode in stock $MODES; do
			faulty "$mode" "create *-00030 * hang"
			RUNNER=("$BASH" -c 'echo $$ >"$0"; exec "$@"' "$S/pid")
			KILLED_IS_FINE=1 start "$mode" "$mode" "$T/fault-disguise" "$T/fault-work" -n 150 -q cUr "$D"
			hanging "$mode"
			sleep 0.1
			begin=${EPOCHREALTIME/./}
			kill "-$sig" "$(<"$S/pid")"
			wait "$RUN_PID" || true
			((${EPOCHREALTIME/./} - begin < 1500000)) || fail "$mode: $sig does not end it"
			rules # and what was acknowledged is finished
			no_task
			[[ $mode == stock ]] || (($(find "$D" -type f | wc -l) >= 30)) || fail "$mode: files lost"
			count "$mode"
		done
	done
}

@test "the file system goes away: reported, and nothing hangs" {
	local mode
	for mode in stock $MODES; do
		faulty "$mode" "create *-00100 * hang"
		start "$mode" "$mode" "$T/fault-disguise" "$T/fault-work" -n 300 cUr "$D"
		hanging "$mode"
		kill -KILL "$FS_PID"
		wait "$FS_PID" || true
		FS_PID=
		wait "$RUN_PID" || fail "$mode: hangs"
		umount -l "$D"
		MOUNTS=()
		grep -qE 'ECONNABORTED|ENOTCONN' "$S/$mode.out" || fail "$mode: nobody was told:" "$(tail -3 "$S/$mode.out")"
		no_task
		! preloaded "$mode" || RUNS=$((RUNS + 1)) TOLD=$((TOLD + $(told "$mode")))
	done
}

@test "tar on a file system with errors: a message and a status" {
	local mode
	a_tree
	for mode in stock $MODES; do
		faulty "$mode" "create *[3]/*-00017 * EIO" "write *-00044 * EDQUOT" "chmod */t00-00020 * EIO"
		capture "$mode" "$mode" "$T/fault-disguise" tar -C "$D" -xf "$S/in.tar"
		((RC != 0)) || fail "$mode: status 0"
		! preloaded "$mode" || need_deferred "$mode" 100
		hit "$mode" >"$S/hit"
		while read -r path; do
			grep -qF "${path#/}" "$S/$mode.err" || { preloaded "$mode" && grep -qF "$path'" "$S/log"; } ||
				fail "$mode: $path is not named:" "$(cat "$S/$mode.err")"
		done <"$S/hit"
		rules
		# all others are there, but for those that tar names because it got the error there
		(cd "$S" && find in -type f) | while read -r path; do
			grep -qxF "/$path" "$S/hit" || grep -qF "$path" "$S/$mode.err" ||
				cmp "$S/$path" "$D/$path" || exit 1
		done || fail "$mode: another file is not as it should be"
		! preloaded "$mode" || TOLD=$((TOLD + $(wc -l <"$S/hit")))
		count "$mode"
	done
}
