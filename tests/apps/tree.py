#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tree.py DIR FILES - a tree with what archives and copies have to preserve.

The same on every machine: nested directories, sizes from nothing to 300 KB, modes, old times
with nanoseconds, symlinks (dangling ones too), hard links, and, as root, owners.
"""
import os
import random
import sys

top, count = sys.argv[1], int(sys.argv[2])
rnd = random.Random(7)
words = [rnd.randbytes(6).hex() for _ in range(4000)]
dirs = [top]
os.mkdir(top)
for i in range(max(3, count // 25)):
    parent = dirs[rnd.randrange(len(dirs))]
    if parent.count("/") - top.count("/") > 6:
        parent = top
    dirs.append(f"{parent}/dir{i}")
    os.mkdir(dirs[-1])

names = []
for i in range(count):
    kind = rnd.randrange(100)
    size = 0 if kind < 3 else rnd.randrange(60000, 300000) if kind < 4 else int(
        min(50000, rnd.lognormvariate(7.3, 1.3)))
    name = f"{rnd.choice(dirs)}/file{i}"
    if kind == 50:
        name += " with blanks\tand \\ signs"
    elif kind == 51:
        name += " \u00fcn\u00efc\u00f6de \u2713"
    elif kind == 52:
        name += "x" * (200 - len(os.path.basename(name)))
    text = bytearray()
    while len(text) < size:
        text += " ".join(rnd.choices(words, k=200)).encode() + b"\n"
    with open(name, "wb") as f:
        f.write(text[:size])
    os.chmod(name, rnd.choice([0o644, 0o644, 0o644, 0o600, 0o755, 0o444, 0o640]))
    if os.geteuid() == 0 and kind > 80:
        os.chown(name, rnd.randrange(2000), rnd.randrange(2000))
    when = 1500000000 * 10**9 + rnd.randrange(10**17)
    os.utime(name, ns=(when, when))
    names.append(name)
    if kind == 60:
        os.link(name, f"{rnd.choice(dirs)}/hard{i}")
    elif kind == 61:
        os.symlink(os.path.relpath(name, dirs[-1]), f"{dirs[-1]}/soft{i}")
    elif kind == 62:
        os.symlink(f"nowhere/{i}", f"{rnd.choice(dirs)}/dangling{i}")
for i, name in enumerate(dirs):
    os.utime(name, ns=((1400000000 + i) * 10**9,) * 2)
