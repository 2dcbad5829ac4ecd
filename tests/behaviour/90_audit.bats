#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every function of libc is accounted for, and the audit would notice if one were not.

load ../lib/common

TABLE=$ROOT/preload/symbols.def
HARMLESS=$ROOT/preload/harmless.list

setup() {
	common_setup
	cp "$TABLE" "$T/table"
	cp "$HARMLESS" "$T/harmless"
	: >"$T/names"
}

symbols() {
	run "$ROOT/tools/symbol-audit.sh" --table "$T/table" --harmless "$T/harmless" --names "$T/names" "$@"
}

# caught TEXT: the audit fails and says so
caught() {
	assert_failure
	assert_line "$1"
}

# Without the lines of FILE that match, of which there are some
without() {
	grep -q "$2" "$T/$1" || fail "nothing to take out: $2"
	sed -i "/$2/d" "$T/$1"
}

@test "symbols: all of libc is accounted for, and the exports are the table" {
	symbols "$FASTIO_LIB"
	assert_success
	assert_output --regexp '^[0-9]+ functions of libc: [0-9]+ in the table, [0-9]+ harmless$'
}

@test "symbols: a function in neither list" {
	without harmless '^posix_openpt'
	symbols
	caught "unclassified: posix_openpt"
}

@test "symbols: a new function of libc" {
	echo open_quickly >"$T/names"
	symbols
	caught "unclassified: open_quickly"
}

@test "symbols: a missing 64 sibling" {
	without table '^ALIAS(open, open64, open)'
	symbols
	caught "missing sibling of open: open64"
}

@test "symbols: a missing _chk sibling, although a pattern covers it" {
	without table '^SYM(ssize_t, __pread_chk'
	echo '__pread_chk* a pattern' >>"$T/harmless"
	symbols
	caught "missing sibling of pread: __pread_chk"
}

@test "symbols: a missing sibling with underscores" {
	without table '^ALIAS(fd, __close, close)'
	symbols
	caught "missing sibling of close: __close"
}

@test "symbols: a missing _time64 sibling" {
	printf '%s\n' __utimensat_time64 utimensat_time64 >"$T/names"
	echo '*_time64 a pattern' >>"$T/harmless"
	symbols
	caught "missing sibling of utimensat: __utimensat_time64"
	assert_line "missing sibling of utimensat: utimensat_time64"
}

@test "symbols: a missing older relative" {
	without table '__xstat64'
	symbols
	caught "missing sibling of __xstat: __xstat64"
}

@test "symbols: an export that is not in the table" {
	without table '^ALIAS(stat, lstat64, lstat)'
	symbols "$FASTIO_LIB"
	caught "exported but not in the table: lstat64"
}

@test "symbols: a row that is not exported" {
	sed -i 's/^BARRIER(mtrace)/&\nBARRIER(strlen)/' "$T/table"
	symbols "$FASTIO_LIB"
	caught "not exported: strlen"
}

@test "symbols: an export with a version" {
	echo 'int open(void); int open(void) { return 0; }' >"$T/v.c"
	echo 'V_1 { global: open; };' >"$T/v.map"
	${CC:-cc} -shared -fPIC -fno-builtin -Wl,--version-script="$T/v.map" -o "$T/v.so" "$T/v.c"
	symbols "$T/v.so"
	assert_failure
	assert_output --partial "exported with a version"
}

@test "symbols: a harmless name without a reason" {
	echo nothing_at_all >>"$T/harmless"
	symbols
	caught "harmless.list: no reason: nothing_at_all"
}

@test "symbols: a name in both lists" {
	echo 'unlink removes a file' >>"$T/harmless"
	symbols
	caught "in both lists: unlink"
}

@test "symbols: a body of which the audit knows nothing" {
	without table '^TREATED(deferred, unlinkat)'
	symbols
	caught "no TREATED row: unlinkat"
}

# ---- fastio-audit ----

audit() {
	run "${FASTIO_LIB%/*}/fastio-audit" "$@"
}

compile() { # NAME CC-OPTION...
	local name=$1
	shift
	${CC:-cc} -o "$T/$name" -x c - -x none "$@"
}

@test "audit: the calls of a program and how they are treated" {
	compile prog <<-'C'
		#include <fcntl.h>
		#include <math.h>
		#include <sys/epoll.h>
		#include <sys/shm.h>
		#include <sys/wait.h>
		#include <unistd.h>
		int main(void)
		{
			unlink("x"); fsync(1); rename("a", "b"); wait(0); epoll_create1(0);
			return open("f", O_RDONLY) + (int)getpid() + !shmat(0, 0, 0);
		}
	C
	audit "$T/prog"
	assert_success
	assert_line --regexp '^  deferred  open unlink$'
	assert_line --regexp '^  narrow    fsync$'
	assert_line --regexp '^  full .* rename'
	assert_line --regexp '^  acquire   wait$'
	assert_line --regexp '^  stop      shmat$'
	assert_line --regexp '^  own       epoll_create1$'
	refute_output --partial unknown
	audit -v "$T/prog"
	assert_line --regexp '^    getpid  +[a-z]'
}

@test "audit: a static binary" {
	compile static -static <<<'int main(void) { return 0; }'
	audit "$T/static"
	assert_failure 1
	assert_line --partial 'WARNING: static'
}

@test "audit: set-user-ID and file capabilities" {
	compile prog <<<'int main(void) { return 0; }'
	audit "$T/prog"
	assert_success
	chmod u+s "$T/prog"
	audit "$T/prog"
	assert_failure 1
	assert_line --partial 'WARNING: set-user-ID'
	chmod u-s "$T/prog"
	setcap cap_net_bind_service+ep "$T/prog" 2>/dev/null || skip "no file capabilities here"
	audit "$T/prog"
	assert_failure 1
	assert_line --partial 'WARNING: file capabilities'
}

@test "audit: system call instructions, in the program and in a library" {
	compile libraw.so -shared -fPIC <<-'C'
		long raw(void);
		long raw(void) { long r; __asm__ volatile("syscall" : "=a"(r) : "a"(39) : "rcx", "r11"); return r; }
	C
	compile prog "$T/libraw.so" <<<'long raw(void); int main(void) { return raw() < 0; }'
	audit "$T/prog"
	assert_success
	audit --libs "$T/prog"
	assert_failure 1
	assert_line --regexp 'WARNING: system call instructions .*: raw$'
	audit --no-code "$T/libraw.so"
	assert_success
}

@test "audit: a Go runtime, here by its note; nothing is deferred beside it" {
	cat >"$T/note.S" <<-'A'
		.section .note.go.buildid, "a", @note
		.long 4, 4, 4
		.asciz "Go\0"
		.long 0
		.section .note.GNU-stack, "", %progbits
	A
	${CC:-cc} -c -o "$T/note.o" "$T/note.S"
	${CC:-cc} -o "$T/go" "$ROOT/tests/progs/mkfiles.c" -D_GNU_SOURCE "$T/note.o"
	audit "$T/go"
	assert_failure 1
	assert_line --partial 'WARNING: a Go runtime'
	mkdir "$T/d"
	(cd "$T/d" && env FASTIO_WARMUP=0 FASTIO_STATS="$T/stats" FASTIO_LOG="$T/log" LD_PRELOAD="$FASTIO_PRELOAD" "$T/go" 50) || true
	run jq -c '[.stop.raw, .deferred.create]' "$T/stats"
	assert_output '[1,0]'
	run cat "$T/log"
	assert_output --partial 'deferral stops: system calls are made without libc'
}

@test "audit: a Go runtime that is loaded later ends deferral when it starts its threads" {
	cat >"$T/runtime.c" <<-'C'
		#include <pthread.h>
		static void *work(void *arg) { return arg; }
		__attribute__((constructor)) static void begin(void)
		{
		    pthread_t t;
		    if (!pthread_create(&t, NULL, work, NULL))
		        pthread_join(t, NULL);
		}
	C
	cat >"$T/loads.c" <<-'C'
		#include <dlfcn.h>
		#include <stdio.h>
		static int put(const char *dir, int i)
		{
		    char name[64];
		    snprintf(name, sizeof(name), "%s%d", dir, i);
		    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		    return fd < 0 || write(fd, "text", 4) != 4 || close(fd);
		}
		int main(int argc, char **argv)
		{
		    for (int i = 0; i < 20; i++)
		        if (put("before", i))
		            return 1;
		    if (argc > 1 && !dlopen(argv[1], RTLD_NOW))
		        return 2;
		    for (int i = 0; i < 20; i++)
		        if (put("after", i))
		            return 3;
		    return 0;
		}
	C
	printf '%s\n' '.section .note.go.buildid, "a", @note' '.long 4, 4, 4' '.asciz "Go\0"' '.long 0' \
		'.section .note.GNU-stack, "", %progbits' >"$T/note.S"
	${CC:-cc} -shared -fPIC -o "$T/plain.so" "$T/runtime.c"
	${CC:-cc} -shared -fPIC -o "$T/go.so" "$T/runtime.c" "$T/note.S"
	${CC:-cc} -include fcntl.h -include unistd.h -o "$T/loads" "$T/loads.c"
	mkdir "$T/d"
	cd "$T/d"
	FASTIO_WARMUP=0 FASTIO_STATS="$T/stats" LD_PRELOAD="$FASTIO_PRELOAD" "$T/loads" "$T/plain.so"
	run jq -c '[.stop.raw, .deferred.create]' "$T/stats"
	assert_output '[0,40]'
	rm -f "$T/stats" ./*
	FASTIO_WARMUP=0 FASTIO_STATS="$T/stats" LD_PRELOAD="$FASTIO_PRELOAD" "$T/loads" "$T/go.so"
	run jq -c '[.stop.raw, .deferred.create]' "$T/stats"
	assert_output '[1,20]'
	[[ $(cat before* after* | wc -c) == 160 ]]
}

@test "audit: liburing that is loaded later ends deferral" {
	cat >"$T/loads.c" <<-'C'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(int argc, char **argv)
		{
		    for (int i = 0; i < 40; i++) {
		        char name[64];
		        snprintf(name, sizeof(name), "%d", i);
		        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		        if (fd < 0 || write(fd, "text", 4) != 4 || close(fd))
		            return 1;
		        if (i == 19 && !dlopen(argv[1], RTLD_NOW))
		            return 2;
		    }
		}
	C
	mkdir "$T/lib" "$T/d"
	${CC:-cc} -shared -fPIC -o "$T/lib/liburing.so.2" -x c /dev/null
	${CC:-cc} -shared -fPIC -o "$T/user.so" -x c /dev/null -x none -Wl,--no-as-needed "$T/lib/liburing.so.2"
	${CC:-cc} -shared -fPIC -o "$T/other.so" -x c /dev/null
	${CC:-cc} -include fcntl.h -include unistd.h -o "$T/loads" "$T/loads.c"
	cd "$T/d"
	local object want
	for object in user.so lib/liburing.so.2 other.so; do
		rm -f "$T/stats" ./*
		FASTIO_WARMUP=0 FASTIO_STATS="$T/stats" LD_PRELOAD="$FASTIO_PRELOAD" "$T/loads" "$T/$object"
		want='[1,20]'
		[[ $object != other.so ]] || want='[0,40]'
		run jq -c '[.stop.raw, .deferred.create]' "$T/stats"
		assert_output "$want"
		[[ $(cat ./* | wc -c) == 160 ]]
	done
}

@test "audit: scripts, other files, wrong use" {
	printf '#!/usr/bin/env sh\n' >"$T/script"
	chmod +x "$T/script"
	audit --no-code "$T/script"
	assert_line --partial 'is a script of:'
	assert_line --regexp '^  deferred '
	audit "$HARMLESS"
	assert_failure 2
	assert_output --partial 'not an ELF binary'
	audit
	assert_failure 2
	audit --what
	assert_failure 2
	audit --help
	assert_success
	assert_output --partial 'usage: fastio-audit'
	audit --version
	assert_output --regexp '^fastio-audit [0-9]'
}

fuzzed() {
	run "$ROOT/tests/fuzz/audit.sh" --table "$T/table" --left-out "$T/left"
}

@test "symbols: the fuzzer calls each, or there is a reason" {
	cp "$ROOT/tests/fuzz/left-out.list" "$T/left"
	fuzzed
	assert_success
}

@test "symbols: one that the fuzzer does not call, and nobody says why" {
	grep -v '^acct' "$ROOT/tests/fuzz/left-out.list" >"$T/left"
	fuzzed
	caught "neither called nor left out with a reason: acct"
	echo 'acct' >>"$T/left"
	fuzzed
	caught "left-out.list: no reason: acct"
	echo 'open a reason' >>"$T/left"
	fuzzed
	caught "left out, but called: open"
}
