#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034
#
# races.bats - another process deletes, replaces or locks away what has been
# acknowledged and perhaps not yet been executed
#
# What it may lead to: exactly what stock leaves; or an error that is reported
# by a later call or, naming path and operation, on stderr with a status that
# is not 0; or, where both processes touch one name without any order between
# them, what stock leaves when the other process is a few milliseconds earlier.

load fault

setup() {
	fault_setup
}

teardown() {
	fault_teardown
}

race() {
	local scenario=$1 mode=$2
	shift 2
	rm -rf "$S/w"
	mkdir "$S/w"
	[[ -z ${OWNER:-} ]] || chown "$OWNER" "$S/w"
	capture "$mode" "$mode" "$T/fault-race" "$@" "$scenario" "$S/w"
	rm -rf "$S/tree.$mode"
	mv "$S/w" "$S/tree.$mode"
	((RC < 99)) || fail "$scenario, $mode: status $RC:" "$(cat "$S/$mode.err")"
	no_task
	[[ $(<"$S/tree.$mode/elsewhere/victim") == untouched ]] || fail "$scenario, $mode: wrote elsewhere"
	[[ $(find "$S/tree.$mode/elsewhere" -mindepth 1 | wc -l) == 1 ]] ||
		fail "$scenario, $mode: made files elsewhere"
}

as_stock() {
	[[ $(<"$S/$1.rc") == 0 && ! -s $S/$1.err ]] || return 1
	cmp -s "$S/stock.out" "$S/$1.out" || return 1
	same_tree "$S/tree.stock" "$S/tree.$1" 2>/dev/null
}

# Somebody was told: by a call of the program, or at exit.
loud() {
	grep -E '^(open|write|close|unlink) ' "$S/$1.out" >/dev/null && return 0
	[[ $(<"$S/$1.rc") != 0 ]] || return 1
	grep -qE '(open|create|write|close|unlink|remove|truncate|change)' "$S/$1.err" &&
		grep -qE 'f[0-9][0-9]|later' "$S/$1.err"
}

describe() {
	printf '%s\n' "status $(<"$S/$1.rc")" "--- out" "$(head -8 "$S/$1.out")" "--- err" \
		"$(head -8 "$S/$1.err")" "--- tree" "$(cd "$S/tree.$1" && grep -r . . | sort | tail -8)"
}

content() {
	cat "$S/tree.$1/$2" 2>/dev/null || echo "(absent)"
}

# check SCENARIO MODE [ALTERNATIVE]: a shell expression that describes another legal end,
# M is the mode and C the content of d/f19.
check() {
	local M=$2 C O
	as_stock "$M" && return
	C=$(content "$M" d/f19)
	O=$(sed -n 's/^other [^ ]* //p' "$S/$M.out")
	if [[ -n ${3:-} && $(<"$S/$M.rc") == 0 && ! -s $S/$M.err ]] && eval "$3"; then
		return
	fi
	loud "$M" || fail "$1, $M: not as stock and nobody was told (content $C, other $O):" \
		"$(describe "$M")" "$(same_tree "$S/tree.stock" "$S/tree.$M" 2>&1 | head -10)"
}

everywhere() {
	local scenario=$1 mode
	race "$scenario" stock
	((RC == 0)) || fail "stock fails"
	for mode in eager sync lag synclag; do
		race "$scenario" "$mode"
		check "$scenario" "$mode" "${2:-}"
	done
}

@test "the directory is removed under pending files" {
	everywhere rmdir
}

@test "the same, and later calls report it" {
	local mode
	race rmdir stock -l
	for mode in eager sync lag synclag; do
		race rmdir "$mode" -l
		check rmdir-later "$mode"
	done
}

@test "the same, and descriptor 2 is a file of the program" {
	local mode
	for mode in stock lag synclag; do
		race rmdir "$mode" -2
		[[ $(<"$S/tree.$mode/taken") == data ]] || fail "$mode: $(<"$S/tree.$mode/taken")"
	done
	(($(<"$S/lag.rc") != 0 && $(sum lag .errors.late) > 0)) || fail "$(describe lag)"
}

@test "the directory is moved and another takes its name" {
	everywhere swap-dir
	everywhere update-swap-dir
	everywhere unlink-swap-dir
}

@test "the directory is moved and a symlink takes its name" {
	everywhere swap-dir-link
}

@test "the directory loses its write permission" {
	local mode scenario
	need_root
	need setpriv
	RUNNER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	OWNER=65534:65534
	for scenario in chmod-dir unlink-chmod-dir; do
		race "$scenario" stock
		for mode in eager sync lag synclag; do
			race "$scenario" "$mode"
			check "$scenario" "$mode"
		done
	done
}

@test "a directory or a symlink takes the name of a pending file" {
	everywhere mkdir-name
	everywhere symlink-name
}

@test "another process creates the same name" {
	everywhere create-excl '[[ $C == mine ]]'
	everywhere create-trunc '[[ $C == mine || $C == theirs ]]'
	everywhere excl-excl
}

@test "another process removes the new file" {
	everywhere create-unlink '[[ $O == ENOENT && $C == mine ]]'
	everywhere create-unlink-all '[[ $O == ENOENT && $C == mine ]]'
}

@test "another process replaces, truncates or removes an updated file" {
	everywhere update-replace '[[ $C == theirs || $C == mine ]]'
	everywhere update-truncate '[[ $C == mine || $C == "" ]]'
	everywhere update-unlink
	everywhere update-unlink-all
}

@test "another process replaces a file that is held for writing and has another name" {
	everywhere update-held-replace
}

@test "another process replaces an unlinked file: its file stays" {
	# without lag the two may meet: the removal was checked, and waits for the directory while the
	# other process renames
	everywhere unlink-replace '[[ $M != *lag && $C == "(absent)" ]]'
	# here it opened the old file: which of the two is later is open
	everywhere unlink-create '[[ $C == theirs || $C == "(absent)" ]]'
}

@test "another process removes an unlinked file before" {
	everywhere unlink-unlink '[[ $C == "(absent)" ]]'
}
