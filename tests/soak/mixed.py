#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real programs over and over, started by one process that lives as long and works with files itself.

Every round makes the same tree: its digest, and the number of rounds, are printed at the end.  Checked
after every round: nothing is left in TMPDIR, no child, no descriptor and, from the second round on, no
memory that has grown by more than the limit.
"""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time

HIDDEN = 512  # the library's own descriptors are above
HIDDEN_MAX = 72

PROGRAM = """#include <stdio.h>
int f%(n)d(void);
int f%(n)d(void) { return printf("%(n)d\\n"); }
"""

MAKEFILE = """all: libf.a
libf.a: $(patsubst %.c,%.o,$(wildcard *.c))
\tar rcsD $@ $^
%.o: %.c
\tgcc -O1 -c -o $@ $<
"""


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode or done.stderr:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def put(path, data):
    """A file the way C programs write it: nothing between open, write and close."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, data)
    os.close(fd)


def sources(files):
    for d in range(5):
        os.makedirs(f"src/{d}")
        for i in range(files // 5):
            put(f"src/{d}/f{i}", f"{d} {i}\n".encode() * (1 + i * 7 % 90))
    for i in range(0, files // 5, 2):  # in place, then longer
        put(f"src/1/f{i}", f"again {i}\n".encode() * (1 + i * 5 % 120))
    os.mkdir("c")
    put("c/Makefile", MAKEFILE.encode())
    for n in range(6):
        put(f"c/f{n}.c", (PROGRAM % {"n": n}).encode())


def work(files):
    """One round in the current, empty directory."""
    sources(files)
    run("tar", "cf", "src.tar", "--sort=name", "--mtime=@1000000000", "--owner=0", "--group=0", "src")
    os.mkdir("out")
    run("tar", "xf", "src.tar", "-C", "out")
    run("cp", "-a", "out", "copy")
    run("zip", "-q", "-r", "-X", "src.zip", "src")
    run("unzip", "-q", "src.zip", "-d", "unzipped")
    os.unlink("src.zip")  # holds times
    run("make", "-s", "-j2", cwd="c")
    run("git", "-c", "init.defaultBranch=main", "init", "-q", "repo")
    shutil.copytree("src", "repo/src")
    run("git", "add", ".", cwd="repo")
    run("git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "m", cwd="repo")
    run("git", "clone", "-q", "repo", "clone")
    if run("git", "status", "--porcelain", cwd="clone") or run("git", "fsck", "--strict", cwd="clone"):
        sys.exit("git: the clone is not clean")
    shutil.rmtree("repo")
    shutil.rmtree("clone/.git")
    run("python3", "-c", "import json, pathlib, tempfile\n"
        "with tempfile.TemporaryDirectory() as t:\n"
        "    for i in range(50): pathlib.Path(t, f'{i}').write_text(json.dumps([i] * i))\n"
        "    print(sum(len(p.read_text()) for p in pathlib.Path(t).iterdir()))")
    run("rm", "-rf", "copy/out/src/2", "out/src")
    for i in range(files // 5):
        os.unlink(f"src/3/f{i}")


def digest(top):
    total = hashlib.sha256()
    for path, dirs, names in os.walk(top):
        dirs.sort()
        for name in sorted(names):
            full = os.path.join(path, name)
            with open(full, "rb") as f:
                total.update(f"{full} {os.lstat(full).st_mode}\n".encode() + f.read())
        total.update(f"{path} {dirs}\n".encode())
    return total.hexdigest()


def resident():
    with open("/proc/self/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * 4


def check_left(expected_fds, children):
    numbers = [int(n) for n in os.listdir("/proc/self/fd")]
    fds = len([n for n in numbers if n < HIDDEN])
    if (expected_fds and fds > expected_fds) or len(numbers) - fds > HIDDEN_MAX:
        sys.exit(f"descriptors {numbers}, {expected_fds} after the first round")
    left = os.listdir(os.environ["TMPDIR"])
    if left:
        sys.exit(f"left in TMPDIR: {left}")
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as f:
        now = len(f.read().split())
    if now > children:  # the background task
        sys.exit(f"{now} children")
    return fds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0, help="rounds are begun for so long; 0: one")
    parser.add_argument("--files", type=int, default=300, help="in the source tree")
    parser.add_argument("--children", type=int, default=1, help="of this process, at most")
    parser.add_argument("--grow", type=int, default=4096, help="KiB that memory may grow by")
    parser.add_argument("dir", help="made by each round, and removed")
    arg = parser.parse_args()
    end = time.monotonic() + arg.seconds
    rounds, fds, first, second, most, seen = 0, 0, None, 0, 0, None

    while rounds == 0 or time.monotonic() < end:
        os.mkdir(arg.dir)
        os.chdir(arg.dir)
        work(arg.files)
        seen = digest(".")
        os.chdir("/")
        shutil.rmtree(arg.dir)
        rounds += 1
        first = first or seen
        if seen != first:
            sys.exit(f"round {rounds} made another tree than the first")
        fds = check_left(fds, arg.children)
        most = max(most, resident())
        if rounds == 2:
            second = resident()
        elif rounds > 2 and resident() > second + arg.grow:
            sys.exit(f"memory: {resident()} KiB in round {rounds}, {second} in round 2")
    print(first)
    print(f"rounds {rounds} fds {fds} rss {second} {resident()} most {most}", file=sys.stderr)


main()
