#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2317
#
# build.bats - compilers, make and what comes with them

load apps

setup() {
	apps_setup
	unset MAKEFLAGS MFLAGS MAKELEVEL
	UNITS=100
	[[ -z ${FASTIO_TEST_FULL:-} ]] || UNITS=400
}

teardown() {
	apps_teardown
}

project() {
	bash "$ROOT/bench/cproject.sh" . "$UNITS"
	mkdir -p out
}

# Nothing is left to be made: the times of what was made are in order.
made() {
	make -q || fail "$1: not up to date after make"
	out/program >>"$S/$1.out"
}

# The order of a parallel build's output is open.
made_parallel() {
	sort -o "$S/$1.out" "$S/$1.out"
	made "$1"
}

@test "make" {
	app -T -p project -n made make
}

@test "make -j2" {
	app -T -p project -n made_parallel make -j2
}

@test "make after a change, make -B, make of one target" {
	built() {
		project
		make -j2 >/dev/null
		sleep 0.02
		echo '/* changed */' >>unit1.h
	}
	MODES="auto lag"
	app -T -p built -n made sh -c 'make && echo "/* again */" >>unit2.c && make && make'
}

@test "make of this project itself" {
	sources() {
		cp -r "$SRC/project/." .
	}
	mkdir "$SRC/project"
	cp -r "$ROOT"/{Makefile,core,include,preload,bench,tools,tests} "$SRC/project"
	MODES="auto lag"
	app -T -p sources sh -c 'make -j2 build/libfastio.so >/dev/null; nm -D build/libfastio.so | grep -c " T open"'
}

# A project of autoconf and automake: configure is what reads, writes and removes most in a build.
autoconf_project() {
	local made=$BATS_FILE_TMPDIR/autoconf
	if [[ ! -d $made ]]; then
		mkdir "$made.part"
		bash "$ROOT/bench/cproject.sh" "$made.part" 20
		(
			cd "$made.part" || exit
			rm -f Makefile
			cat >configure.ac <<-END
				AC_INIT([many], [1.0])
				AM_INIT_AUTOMAKE([foreign subdir-objects])
				AC_CONFIG_HEADERS([config.h])
				AC_PROG_CC
				AC_PROG_RANLIB
				AM_PROG_AR
				AC_CHECK_HEADERS([unistd.h sys/stat.h no_such_header.h])
				AC_CHECK_FUNCS([openat fsync no_such_function])
				AC_CHECK_SIZEOF([long])
				AC_CONFIG_FILES([Makefile])
				AC_OUTPUT
			END
			cat >Makefile.am <<-END
				bin_PROGRAMS = many
				noinst_LIBRARIES = libmany.a
				libmany_a_SOURCES = $(printf '%s ' unit*.c)
				many_SOURCES = main.c
				many_LDADD = libmany.a
				TESTS = many
			END
			autoreconf -i
		) >"$S/autoreconf" 2>&1 || fail "autoreconf: $(tail -5 "$S/autoreconf")"
		mv "$made.part" "$made"
	fi
	cp -a "$made/." .
}

# Without the log, which names processes, and archives, which have times.
configured() {
	[[ $("$W/root/usr/bin/many") == [0-9]* ]]
	rm -f config.log ./*.a ./*.log.tmp
	sort -o "$S/$1.out" "$S/$1.out"
}

@test "configure, make -j2, make check, install and dist" {
	need autoconf automake
	MODES="auto lag"
	app -T -p autoconf_project -n configured sh -c './configure --prefix=/usr && make -j2 && make check &&
		make install DESTDIR="$PWD/root" && make -s dist && tar tzf many-1.0.tar.gz && rm many-1.0.tar.gz &&
		make distclean && ls'
}

@test "gcc, ar, ld, strip, objcopy" {
	need gcc ar strip objcopy
	sources() {
		local i
		for i in {1..20}; do echo "int f$i(void) { return $i; }" >"f$i.c"; done
		echo 'int f1(void); int main(void) { return f1() - 1; }' >m.c
	}
	app -T -p sources sh -c 'set -e; for i in $(seq 20); do gcc -c -o f$i.o f$i.c; done
		ar rcsD libf.a f*.o; gcc -o m m.c -L. -lf; ./m; strip -o s m; ./s; objcopy -S m t; ./t
		gcc -E m.c >m.i; gcc -save-temps -c m.c; ar t libf.a; ar dD libf.a f3.o; ar t libf.a'
}

@test "gcc with an error: the same message, nothing left" {
	sources() {
		echo 'int main(void) { return undefined; }' >bad.c
		echo 'int f(void); int main(void) { return f(); }' >unlinked.c
	}
	app -T -p sources sh -c 'TMPDIR=$PWD gcc -c bad.c; TMPDIR=$PWD gcc unlinked.c -o a 2>&1 |
		sed "s,$PWD/cc[A-Za-z0-9]*,cc,; s,.*/ld: ,,"; ls'
}

@test "configure-like scripts: compile, run and remove at once" {
	app -T sh -c 'for i in $(seq 15); do
		echo "int main(void) { return $i; }" >conftest.c
		gcc -o conftest conftest.c && ./conftest; echo "$i: $?" >>config.log; rm -f conftest*
		done; cat config.log; sed "s/1/one/" config.log >config.status; mv config.status config.h'
}
