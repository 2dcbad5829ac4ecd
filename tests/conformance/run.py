#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Test suites of others, stock and preloaded: the lists of results must be the same.

Suites: cpython (the installed Python's own tests), stress-ng (file and process
stressors with --verify), fio (many small files with verify=crc32c), and those of
sources.py, which come with the sources of programs: "apt-get source" fetches them
(package lists with deb-src are needed), they are built stock, and kept in DIR.
Each module runs stock, then preloaded in each mode; a line per module and mode.

Passed: the result of stock.  Failed: another result, or a late error.  Skipped:
skipped or failed in stock too, or stock's own second run differs from its first.
Ends with "N passed, N failed, N skipped"; the status is 1 if anything failed.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from sources import SOURCES, read

MODES = {
    "off": ["FASTIO_ENGINE=off"],
    "default": [],
    "sync": ["FASTIO_WARMUP=0", "FASTIO_ENGINE=sync"],
    "uring": ["FASTIO_WARMUP=0", "FASTIO_ENGINE=uring"],
    "lag": ["FASTIO_WARMUP=0", "FASTIO_LAG_US=20000"],
    "synclag": ["FASTIO_WARMUP=0", "FASTIO_ENGINE=sync", "FASTIO_LAG_US=20000"],
}
LIMIT = 170  # seconds for one run of one module

CPYTHON = """os posix io fileio shutil tempfile pathlib tarfile zipfile subprocess glob mmap signal
    threading fcntl file largefile bufio fileinput filecmp mailbox dbm dbm_dumb shelve gzip bz2 lzma
    sqlite3 compileall py_compile import importlib zipimport runpy linecache logging faulthandler popen
    pty openpty fork1 wait3 wait4 resource select selectors poll epoll eintr threadsignals thread
    atexit genericpath posixpath multiprocessing_fork multiprocessing_spawn
    asyncio"""
STRESSORS = """access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify dup eventfd
    fallocate fanotify fcntl fiemap file-ioctl filename flock fpunch fstat getdent handle hdd
    inode-flags inotify io iomix ioprio lease link locka lockf lockofd mknod open pipe procfs rename
    sendfile splice symlink sync-file tee touch unlink utime xattr aio io-uring readahead revio seek
    clone close daemon env exec fork pidfd pthread sigchld sigfd sigq sock sockpair spawn vfork wait
    zombie"""
FIO = {
    "psync": "--ioengine=psync",
    "sync": "--ioengine=sync --fsync=10",
    "vsync": "--ioengine=vsync --end_fsync=1",
    "mmap": "--ioengine=mmap --bs=4k --filesize=4k-64k",
    "libaio": "--ioengine=libaio --iodepth=8",
    "io_uring": "--ioengine=io_uring --iodepth=8",
    "posixaio": "--ioengine=posixaio --iodepth=4",
    "threads": "--ioengine=psync --thread --numjobs=4",
    "processes": "--ioengine=psync --numjobs=4 --unlink=1",
    "random": "--ioengine=psync --rw=randwrite --file_service_type=random",
}


class Missing(Exception):
    """The suite is not installed."""


def stress_ng(module, run):
    status = run(["stress-ng", "--seed", "1", "--verify", "--temp-path", ".", f"--{module}", "1",
                  "--timeout", "2", "--oomable"])
    text = run.log.read_text(errors="replace")
    if "unrecognized option" in text:
        raise Missing(f"stress-ng has no {module}")
    skipped = status in (3, 4) or "skipping" in text or "skipped" in text
    return {module: "skip" if skipped and status in (0, 3, 4) else "fail" if status else "pass"}


def fio(module, run):
    status = run(["fio", f"--name={module}", "--output-format=json", "--output=result.json", "--directory=.",
                  "--rw=write", "--nrfiles=300", "--filesize=512-16k", "--bs=512", "--openfiles=20",
                  "--create_on_open=1", "--file_service_type=sequential", "--verify=crc32c",
                  "--verify_fatal=1", *FIO[module].split()])
    try:
        jobs = json.loads((run.dir / "result.json").read_text())["jobs"]
    except (OSError, ValueError, KeyError):
        jobs = []
    verified = sum(j["read"]["total_ios"] for j in jobs)
    return {module: "fail" if status or not verified or any(j["error"] for j in jobs) else "pass"}


def cpython(module, run):
    report = run.dir / "report.xml"
    status = run(["/usr/bin/python3", "-m", "test", "--junit-xml", report, f"test_{module}"])
    results = {"status": "fail" if status else "pass"}
    for case in xml.etree.ElementTree.parse(report).iter("testcase") if report.exists() else ():
        tags = {child.tag for child in case}
        results[case.get("name")] = ("fail" if tags & {"failure", "error"} else
                                     "skip" if "skipped" in tags else "pass")
    return results


def fetch(source, top):
    """The directory of a source package, unpacked and built, or Missing says why not."""
    def unpacked():
        return next(top.glob(f"{source.package}-[0-9]*/"), None)

    top.mkdir(parents=True, exist_ok=True)
    if not unpacked():
        show = subprocess.run(["apt-cache", "showsrc", "--only-source", source.package], check=False,
                              capture_output=True, text=True)
        versions = [line.split()[1] for line in show.stdout.splitlines() if line.startswith("Version:")]
        if not versions:
            raise Missing(f"no source package {source.package} in the package lists (deb-src)")
        for version in reversed(versions):  # the latest may be gone from the mirror
            got = subprocess.run(["apt-get", "-q", "source", f"{source.package}={version}"], cwd=top,
                                 check=False, capture_output=True, text=True)
            if unpacked():
                break
        else:
            raise Missing(f"apt-get source {source.package}: {got.stderr.strip().splitlines()[-1]}")
    tree = unpacked()
    built = tree / ".built"
    if not built.exists():
        with (tree / ".build.log").open("wb") as log:
            if subprocess.run(["sh", "-c", source.build], cwd=tree, stdin=subprocess.DEVNULL, stdout=log,
                              stderr=log, check=False).returncode:
                raise Missing(f"{source.package} cannot be built, see {log.name}")
        built.touch()
    return tree


def from_source(source, tree):
    def suite(module, run):
        status = run(["sh", "-c", source.test.replace("{}", source.modules[module])], tree)
        results = read(run.log.read_text(errors="replace"), source.pattern)
        return {**results, "status": "fail" if status else "pass"}
    return suite


class Run:
    """Runs a command of a suite in a fresh directory, in a mode."""

    def __init__(self, preload, top, name, mode):
        self.dir = top / "w"
        self.log = top / f"{name}.{mode}.log"
        self.stats = top / f"{name}.{mode}.stats"
        self.env = [f"TMPDIR={self.dir}", "LC_ALL=C.UTF-8"]
        if mode != "stock":
            self.env += [f"FASTIO_STATS={self.stats}", f"LD_PRELOAD={preload}", *MODES[mode]]
        self.dir.mkdir()
        self.stats.write_bytes(b"")

    def __call__(self, command, cwd=None):
        with self.log.open("wb") as log:
            child = subprocess.Popen(["env", *self.env, *command], cwd=cwd or self.dir, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, start_new_session=True)
            try:
                return child.wait(LIMIT)
            except subprocess.TimeoutExpired:
                log.write(b"\nhas not ended in time\n")
                return -1
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                child.wait()

    def count(self, group, key=None):
        """The sum of a counter, or a group of them, over all processes."""
        lines = [json.loads(line)[group] for line in self.stats.read_text().splitlines()]
        return sum(sum(line.values()) if key is None else line[key] for line in lines)


SUITES = {"cpython": (cpython, CPYTHON.split()), "stress-ng": (stress_ng, STRESSORS.split()),
          "fio": (fio, list(FIO)), **{name: (None, list(s.modules)) for name, s in SOURCES.items()}}


def find(suite, sources):
    """What runs a suite, or Missing."""
    if suite in SOURCES:
        return from_source(SOURCES[suite], fetch(SOURCES[suite], sources))
    if not installed(suite):
        raise Missing(f"no {suite} here")
    return SUITES[suite][0]


def installed(suite):
    if suite == "cpython":
        probe = ["/usr/bin/python3", "-c", "import test.test_os"]
        return subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode == 0
    return shutil.which(suite) is not None


def one(args, top, suite, module, mode):
    function = find(suite, args.sources)
    run = Run(args.preload, top, f"{suite}.{module}", mode)
    try:
        results = function(module, run)
        if mode != "stock" and run.count("errors", "late"):
            results["late errors"] = "fail"
        return results, 0 if mode == "stock" else run.count("deferred")
    finally:
        shutil.rmtree(run.dir, ignore_errors=True)


def compare(args, top, suite, module, totals):
    stock, _ = one(args, top, suite, module, "stock")
    for mode in args.modes:
        results, deferred = one(args, top, suite, module, mode)
        differ = [n for n in {**stock, **results} if stock.get(n) != results.get(n)]
        if differ:
            again, _ = one(args, top, suite, module, "stock")
            unsteady = {n for n in differ if again.get(n) != stock.get(n)}
        else:
            unsteady = set()
        failed = [n for n in differ if n not in unsteady]
        passed = [n for n in stock if n not in differ and stock[n] == "pass"]
        counts = len(passed), len(failed), len({**stock, **results}) - len(passed) - len(failed)
        print(f"{suite}:{module} {mode}: %d passed, %d failed, %d skipped" % counts,
              f"(deferred {deferred})", flush=True)
        for name in sorted(unsteady):
            print(f"  not the same in two stock runs: {name}")
        for name in failed:
            print(f"  {name}: stock {stock.get(name, 'none')}, {mode} {results.get(name, 'none')}")
        if failed and not args.keep:
            text = (top / f"{suite}.{module}.{mode}.log").read_text(errors="replace")
            print(*("  | " + line for line in text.splitlines()[-60:]), sep="\n")
        for i in range(3):
            totals[i] += counts[i]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="SUITE[:MODULE]", help="default: all")
    parser.add_argument("--modes", default="default,lag,sync", help=f"of {','.join(MODES)}; default: %(default)s")
    parser.add_argument("--list", action="store_true", help="the modules")
    parser.add_argument("--keep", metavar="DIR", help="output and statistics stay in DIR")
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--lib", default=os.environ.get("FASTIO_TEST_LIB", root / "build/libfastio.so"))
    parser.add_argument("--sources", metavar="DIR", type=pathlib.Path, default=root / "build/conformance",
                        help="where sources are; default: %(default)s")
    args = parser.parse_args()
    every = [f"{s}:{m}" for s, (_, modules) in SUITES.items() for m in modules]
    if args.list:
        print(*every, sep="\n")
        return 0
    what = args.what or every
    args.modes = args.modes.split(",")
    unknown = [m for m in args.modes if m not in MODES]
    if unknown or not os.path.exists(args.lib):
        parser.error(f"no mode {unknown[0]}" if unknown else f"no library {args.lib}")
    # a sanitizer's libraries come first
    args.preload = ":".join(filter(None, [os.environ.get("FASTIO_TEST_FIRST"), str(args.lib)]))
    for name in [n for n in os.environ if n.startswith("FASTIO_") or n == "LD_PRELOAD"]:
        del os.environ[name]
    totals = [0, 0, 0]
    with tempfile.TemporaryDirectory(prefix="fastio-conformance.") as scratch:
        top = pathlib.Path(args.keep or scratch).resolve()
        top.mkdir(parents=True, exist_ok=True)
        for item in (e for w in what for e in ([w] if ":" in w else [e for e in every if e.startswith(w + ":")])):
            suite, module = item.split(":", 1)
            if item not in every:
                parser.error(f"no module {item}")
            try:
                compare(args, top, suite, module, totals)
            except Missing as why:
                print(f"{item}: skipped: {why}", flush=True)
                totals[2] += 1
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
