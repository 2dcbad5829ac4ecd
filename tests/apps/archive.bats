#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2317
#
# archive.bats - tar, cp, rm, zip, rsync on a tree

load apps

setup() {
	apps_setup
	make_tree
}

teardown() {
	apps_teardown
}

# Archives are made once per file of tests.
archive() {
	local file=$BATS_FILE_TMPDIR/$1
	[[ -e $file ]] || case $1 in
	*.tar) tar -C "$BATS_FILE_TMPDIR" -cf "$file" tree ;;
	*.tar.gz) tar -C "$BATS_FILE_TMPDIR" -czf "$file" tree ;;
	*.zip) (cd "$BATS_FILE_TMPDIR" && zip -qry "$file" tree) ;;
	esac
	echo "$file"
}

@test "tar xf" {
	app -t -D $((FILES / 20)) tar xf "$(archive a.tar)"
}

@test "tar xf as an unprivileged user" {
	need_root
	need setpriv
	RUNNER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	open_for_all() { chmod 777 .; }
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "${BATS_FILE_TMPDIR%/*}"
	app -t -p open_for_all -D $((FILES / 20)) tar xf "$(archive a.tar)"
}

@test "tar xzf from a pipe, with --touch" {
	app -d $((FILES / 2)) sh -c "cat '$(archive a.tar.gz)' | tar --touch -xz"
}

@test "tar xf over an existing tree, with --overwrite and with --unlink-first" {
	MODES="auto lag"
	old() { cp -r "$TREE" .; }
	app -t -p old tar --overwrite -xf "$(archive a.tar)"
	app -t -p old tar --unlink-first -xf "$(archive a.tar)"
	app -t -p old tar --skip-old-files -xf "$(archive a.tar)"
	app -t -p old tar -k -xf "$(archive a.tar)"
}

@test "tar cf, also of what has just been written" {
	app -T -d $((FILES / 2)) sh -c 'tar xf "$1" && tar --sort=name -cf again.tar tree && rm -r tree' \
		sh "$(archive a.tar)"
	cmp <(tar -tvf "$S/tree.stock/again.tar") <(tar --sort=name -C "$BATS_FILE_TMPDIR" -c tree | tar -tv)
}

@test "a damaged archive: the same message and status" {
	head -c $(($(stat -c %s "$(archive a.tar)") / 2)) "$(archive a.tar)" >"$SRC/half.tar"
	app -T -d $((FILES / 4)) tar xf "$SRC/half.tar"
	[[ $(<"$S/stock.rc") != 0 ]]
}

@test "cp -a" {
	app -t cp -a "$TREE" copy
}

@test "cp -r" {
	app cp -r "$TREE" copy
}

@test "cp -r over an existing tree, cp -u, cp -al, install" {
	MODES="auto lag"
	old() { cp -r "$TREE" copy; }
	app -T -p old cp -rT --remove-destination "$TREE" copy
	app -T -p old cp -rT "$TREE" copy
	app -T -p old cp -al copy linked
	app sh -c 'mkdir bin; find "$1" -maxdepth 1 -type f -exec install -m 711 -t bin {} +' sh "$TREE"
}

@test "rm -rf" {
	old() { cp -r "$TREE" tree; }
	app -T -p old -d 50 -k '.deferred.unlink' rm -rf tree
	[[ -z $(ls "$S/tree.stock") ]]
}

@test "rm -r with what cannot be removed: the same messages" {
	need_root
	need setpriv
	old() {
		cp -r "$TREE" tree
		chown -R 65534:65534 tree
		chmod 555 tree/dir0
		find tree -type d -name 'dir*7' -exec chmod 500 {} + -exec chown root {} +
	}
	RUNNER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	app -T -p old rm -rf tree
}

@test "find -delete, find -exec rm" {
	old() { cp -r "$TREE" tree; }
	app -T -p old -d 50 -k '.deferred.unlink' find tree -name '*[0-4]' -type f -delete
	app -T -p old find tree -name 'file*1' -exec rm {} ';'
}

@test "unzip" {
	need unzip zip
	app -t unzip -q "$(archive a.zip)"
}

@test "unzip -o over an existing tree, unzip of a damaged archive" {
	MODES="auto lag"
	need unzip zip
	old() { cp -r "$TREE" .; }
	app -t -p old unzip -qo "$(archive a.zip)"
	head -c $(($(stat -c %s "$(archive a.zip)") / 2)) "$(archive a.zip)" >"$SRC/half.zip"
	app -T unzip -qo "$SRC/half.zip"
}

@test "zip" {
	need unzip zip
	app -T sh -c 'zip -qryX a.zip "$1" && unzip -Z1 a.zip | sort && rm a.zip' sh "$TREE"
}

@test "python3 -m zipfile -e" {
	need /usr/bin/python3 zip
	app -T -d 1 /usr/bin/python3 -m zipfile -e "$(archive a.zip)" out
}

@test "python's shutil: copytree, rmtree, tarfile" {
	MODES="auto lag"
	need /usr/bin/python3
	cat >"$SRC/p.py" <<-'END'
		import shutil, sys, tarfile
		shutil.copytree(sys.argv[1], "copy", symlinks=True)
		with tarfile.open(sys.argv[2]) as t:
		    t.extractall("out")
		shutil.copytree("out", "again", symlinks=True, copy_function=shutil.copy)
		shutil.rmtree("copy/dir0")
		shutil.move("copy/dir1", "moved")
	END
	app -T /usr/bin/python3 "$SRC/p.py" "$TREE" "$(archive a.tar)"
}

@test "rsync -a" {
	need rsync
	app -t rsync -a "$TREE/" copy
}

@test "rsync over an older tree, in place and with --delete" {
	MODES="auto lag"
	need rsync
	old() {
		cp -a "$TREE" copy
		find copy -name 'file*7' -type f -exec sh -c 'for f; do echo more >>"$f"; done' sh {} +
		find copy -name 'file*8' -type f -delete
		mkdir copy/new
		touch copy/new/{1..50}
	}
	app -t -p old rsync -a --delete "$TREE/" copy
	app -t -p old rsync -a --inplace --checksum "$TREE/" copy
}
