#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2317
#
# python.bats - venv, pip, compileall and python's own file calls

load apps

PYTHON=/usr/bin/python3

setup() {
	need "$PYTHON"
	apps_setup
	export SOURCE_DATE_EPOCH=1577836800 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INDEX=1 \
		PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
	unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
}

teardown() {
	apps_teardown
}

# Compiled files that carry the time of their source have to agree with it; then they are left
# out of the comparison, since that time differs from run to run.
check_compiled() {
	"$PYTHON" - "$1" <<-'END' || fail "$1: compiled files do not match their sources"
		import importlib.util, os, struct, sys
		bad = n = 0
		for d, _, names in os.walk("."):
		    for f in names:
		        path = os.path.join(d, f)
		        if not f.endswith(".pyc"):
		            continue
		        with open(path, "rb") as h:
		            magic, flags, when, size = struct.unpack("<4sIII", h.read(16))
		        if flags == 0:
		            st = os.stat(importlib.util.source_from_cache(path))
		            if (int(st.st_mtime), st.st_size) != (when, size):
		                print(path, st.st_mtime, when, st.st_size, size)
		                bad += 1
		            os.unlink(path)
		        n += 1
		sys.exit(bad > 0)
	END
}

# A wheel of many small modules.
wheel() {
	WHEELS=$BATS_FILE_TMPDIR/wheels
	[[ ! -d $WHEELS ]] || return 0
	mkdir "$WHEELS"
	"$PYTHON" "$ROOT/bench/wheel.py" "$WHEELS" $((FILES / 4))
}

@test "python3 -m venv, without and with pip" {
	app -T -n check_compiled "$PYTHON" -m venv --without-pip env
	MODES="auto lag"
	app -T -n check_compiled "$PYTHON" -m venv env
	[[ -x $S/tree.stock/env/bin/pip ]]
}

@test "pip install of a wheel, upgrade, uninstall" {
	wheel
	made() { "$PYTHON" -m venv env; }
	MODES="auto lag"
	app -T -p made -n check_compiled sh -c 'set -e
		env/bin/pip install -q --find-links "$1" manymods; env/bin/manymods
		env/bin/pip install -q --force-reinstall --find-links "$1" manymods
		cp -r env/lib/python3*/site-packages/manymods kept
		env/bin/python -c "import manymods.sub3.mod3 as m; print(m.VALUE)"
		env/bin/pip uninstall -qy manymods; ls env/lib/python3*/site-packages' sh "$WHEELS"
}

@test "pip install --target" {
	wheel
	app -T -n check_compiled "$PYTHON" -m pip install -q --no-compile --target t --find-links "$WHEELS" manymods
}

@test "compileall" {
	sources() {
		local i
		for i in $(seq 300); do echo "x = $i" >"m$i.py"; done
	}
	unset SOURCE_DATE_EPOCH
	app -T -p sources -n check_compiled "$PYTHON" -m compileall -q .
	app -T -p sources -n check_compiled "$PYTHON" -m compileall -q -j 2 .
}

@test "python: tempfile, shutil, pathlib, os, mmap, threads, subprocess" {
	cat >"$SRC/p.py" <<-'END'
		import concurrent.futures, json, mmap, os, pathlib, shutil, subprocess, sys, tempfile
		top = pathlib.Path("p")
		top.mkdir()
		for i in range(300):
		    (top / f"t{i}").write_text("text" * i)
		    if i % 10 == 0:
		        (top / f"t{i}").chmod(0o600)
		    if i % 11 == 0:
		        assert (top / f"t{i}").stat().st_size == 4 * i
		    if i % 13 == 0:
		        with open(top / f"t{i}", "a") as f:
		            f.write("appended")
		    if i % 17 == 0:
		        os.replace(top / f"t{i}", top / f"r{i}")
		    if i % 19 == 0:
		        os.truncate(top / f"t{i}", i) if (top / f"t{i}").exists() else None
		    if i % 23 == 1:
		        with open(top / f"t{i}", "r+b") as f:
		            m = mmap.mmap(f.fileno(), 0)
		            m[0:4] = b"MMAP"
		            m.close()
		def job(i):
		    path = top / f"j{i}"
		    path.write_bytes(bytes([i % 256]) * i)
		    assert path.read_bytes() == bytes([i % 256]) * i
		    if i % 3 == 0:
		        path.unlink()
		    return i
		with concurrent.futures.ThreadPoolExecutor(8) as ex:
		    print(sum(ex.map(job, range(400))))
		for i in range(30):
		    (top / "child").write_text(str(i))
		    out = subprocess.run(["cat", top / "child"], stdout=subprocess.PIPE, text=True).stdout
		    assert out == str(i), (out, i)
		with tempfile.TemporaryDirectory(dir=".") as d:
		    for i in range(50):
		        with tempfile.NamedTemporaryFile(dir=d, delete=False) as f:
		            f.write(b"temporary")
		    print(len(os.listdir(d)))
		shutil.make_archive("made", "tar", "p")
		shutil.unpack_archive("made.tar", "unpacked")
		os.unlink("made.tar")
		print(json.dumps(sorted(os.listdir("unpacked"))))
	END
	app -T -d 50 "$PYTHON" "$SRC/p.py"
}
