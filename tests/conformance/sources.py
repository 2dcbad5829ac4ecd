# SPDX-License-Identifier: MIT
"""Test suites that lie in the sources of programs: how to build them, run them and read their results.

A row: Debian's source package; what builds it, stock; what runs one module ({} is the module's entry
in the table, `each` wraps what takes one file of it at a time); a pattern that finds name and result
in a line of the output.
"""

import re
import typing

TAP = r"^(?P<result>not ok|ok) (?P<name>\d+)"
AUTOMAKE = r"^(?P<result>PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): (?P<name>\S+?)(?:\.sh)?$"
CONFIGURE = "FORCE_UNSAFE_CONFIGURE=1 ./configure -q --disable-nls --disable-dependency-tracking CFLAGS=-O1"
MAKE = "make -j2 AUTOMAKE=: ACLOCAL=: AUTOCONF=: AUTOHEADER=: MAKEINFO=: HELP2MAN=:"
POSIX = "fork fsync kill mmap munmap pthread_atfork raise shm_* sigqueue"


class Source(typing.NamedTuple):
    package: str
    build: str
    test: str
    pattern: str
    modules: dict


def each(command, seconds=60):
    """Runs the command for each $t of the module."""
    return f'for t in {{}}; do echo "== $t"; timeout -k 5 {seconds} {command}; echo "== status $?"; done'


def same(names):
    return {name: name for name in names.split()}


SOURCES = {
    "coreutils": Source(
        "coreutils", f"{CONFIGURE} && {MAKE}",
        f"{MAKE} check SUBDIRS=. TESTS=\"$(ls {{}} | grep -v -e /stty -e sample | tr '\\n' ' ')\"", AUTOMAKE,
        {name: f"tests/{name}/*.sh" for name in
         "cp mv rm mkdir rmdir ln touch dd tail-2 tee install du ls chmod chown chgrp split readlink id".split()}
        | {"shred": "tests/misc/shred*.sh tests/misc/truncate*.sh tests/misc/csplit*.sh tests/misc/tac*.sh",
           "sort": "tests/misc/sort-[c-s]*.sh", "env": "tests/misc/nohup*.sh tests/misc/mk*.sh tests/misc/st*.sh"}),
    "tcl": Source(
        "tcl8.6", "tclsh8.6 </dev/null",
        each("tclsh8.6 tests/$t.test -verbose 'pass skip error' -constraints notRoot -tmpdir \"$TMPDIR\""),
        r"^(?:\+\+\+\+|====) (?P<name>\S+) (?:.* )?(?P<result>PASSED|FAILED|SKIPPED)",
        same("fCmd unixFCmd cmdAH io ioCmd chan chanio exec filesystem fileName")),
    "libarchive": Source(
        "libarchive", f"{CONFIGURE} --without-xml2 --without-nettle --without-openssl && "
        f"{MAKE} libarchive_test bsdtar bsdtar_test bsdcpio bsdcpio_test",
        "{}", r"^ *\d+: (?P<name>\S+) +(?P<result>ok \(S\)|ok|FAIL)",
        {"archive1": "./libarchive_test -r $PWD/libarchive/test 0-150",
         "archive2": "./libarchive_test -r $PWD/libarchive/test 151-400",
         "archive3": "./libarchive_test -r $PWD/libarchive/test 401-",
         "bsdtar": "./bsdtar_test -r $PWD/tar/test -p $PWD/bsdtar",
         "bsdcpio": "./bsdcpio_test -r $PWD/cpio/test -p $PWD/bsdcpio"}),
    "node": Source(
        "nodejs", "node --version", "export NODE_TEST_DIR=$TMPDIR; cd test/parallel; " + each("node $t", 15), TAP,
        {"fs1": "test-fs-[a-o]*", "fs2": "test-fs-[p-v]*", "fs3": "test-fs-[w-z]*"}),
    "rsync": Source(
        "rsync", f"{CONFIGURE} --disable-md2man --disable-xxhash --disable-zstd --disable-lz4 --disable-openssl && "
        "make -j2 && make -j2 check TESTLAUNCHER=:",
        "rsync_bin=$PWD/rsync ./runtests.sh {}", r"^(?P<result>PASS|FAIL|SKIP) +(?P<name>\S+)",
        {"all": ""}),
    "posix": Source(
        "posixtestsuite",
        "cd conformance/interfaces && for d in " + POSIX + "; do for c in $d/[0-9]*-[0-9]*.c; do "
        "gcc -w -D_GNU_SOURCE -I../../include -o ${c%.c}.test $c -pthread -lrt || :; done; done",
        "cd conformance/interfaces && " + each("$t").replace("{}", "$(ls -d {})"), "^$",
        {"file": "fsync/*.test mmap/*.test munmap/*.test shm_*/*.test",
         "process": "fork/*.test pthread_atfork/*.test kill/*.test raise/*.test sigqueue/*.test"}),
}


def word(line, result):
    result = result.lower()
    if "# skip" in line.lower() or result == "ok (s)" or result.startswith(("skip", "n/a", "not impl", "omit")):
        return "skip"
    return "pass" if result in ("ok", "pass", "passed", "success") else "fail"


def read(text, pattern):
    """The results in the output of a suite."""
    pattern = re.compile(pattern)
    results, file = {}, ""
    for line in text.splitlines():
        if line.startswith("== status "):
            results[file] = {"0": "pass", "77": "skip"}.get(line.split()[2], "fail")
        elif line.startswith("== "):
            file = line[3:]
        elif found := pattern.search(line):
            results[f"{file} {found['name']}".strip()] = word(line, found["result"])
    return results
