# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# programs.sh - the real programs that are measured; sourced by run.sh
#
# One row each:  name | needs | before | compare | source | command
#   needs    programs that must exist, else the row is left out
#   before   function that prepares $OUT, outside of the timed part
#   compare  how the result is compared with stock's: mtime, nomtime, nolinkmtime (symlinks
#            get none), gone (OUT must not exist), output (what it printed instead of a
#            tree), and '-PATTERN' for paths left out
#   source   functions that make the row's sources in $SRC, once per file system
#   command  run in $OUT/.. (or $OUT when 'before' made it a project)
#
# $SRC and $OUT are on the same file system (while they are made, by a quick way to it if there
# is one, see fs.sh).  Sources are made anew on each file system
# and the warm-up runs bring them into the page cache.
# shellcheck disable=SC2016,SC2034
NPM_CI='npm ci --offline --ignore-scripts --no-audit --no-fund --no-progress --no-update-notifier --loglevel=error --logs-max=0 --userconfig=/dev/null --cache=$SRC/npm/cache --registry=$(cat $SRC/npm/url)'
PROGRAMS=(
	'tar|tar|out_empty|mtime|src_tar|tar xf $SRC/tree.tar -C $OUT'
	'tar-xzf|tar gzip|out_empty|mtime|src_targz|tar xzf $SRC/tree.tgz -C $OUT'
	'dpkg-x|dpkg-deb|out_empty|nomtime|src_deb|dpkg-deb -x $SRC/tree.deb $OUT'
	'rsync-a|rsync|out_empty|mtime|src_tree|rsync -a $SRC/tree/ $OUT'
	'cp-r|cp|out_none|nomtime|src_tree|cp -r $SRC/tree $OUT'
	'cp-a|cp|out_none|mtime|src_tree|cp -a $SRC/tree $OUT'
	'rm-rf|rm|out_tree|gone|src_tree|rm -rf $OUT'
	'copytree|/usr/bin/python3|out_none|mtime nolinkmtime|src_tree|/usr/bin/python3 -c "$COPYTREE" $SRC/tree $OUT'
	'rmtree|/usr/bin/python3|out_tree|gone|src_tree|/usr/bin/python3 -c "$RMTREE" $OUT'
	'rewrite|-|out_files|nomtime|src_none|$BENCH phases --dir $MNT/bench --name out --files $PHASE_FILES --size $SIZE --update-size $((SIZE * 3 / 2)) --phases update'
	'git-add|git|out_add|nomtime -.git/index|src_tree|git -C $OUT add -A'
	'git-checkout|git|out_git|nomtime|src_git|git --git-dir=$SRC/repo.git --work-tree=$OUT checkout -q -f HEAD'
	'git-clone|git|out_none|nomtime -.git/index -.git/logs|src_git|git clone -q --no-hardlinks $SRC/repo.git $OUT'
	'unzip|unzip zip|out_empty|mtime nolinkmtime|src_zip|unzip -q $SRC/tree.zip -d $OUT'
	'zipfile|/usr/bin/python3 zip|out_empty|nomtime|src_zip|/usr/bin/python3 -m zipfile -e $SRC/tree.zip $OUT'
	"npm-ci|npm node|out_npm|nomtime|src_npm|$NPM_CI"
	'pip|/usr/bin/python3|out_none|nomtime -*.pyc|src_wheel|/usr/bin/python3 $PIP/pip install -q --no-index --no-cache-dir --no-warn-script-location --root-user-action ignore --find-links $SRC/wheels --target $OUT manymods'
	'venv|/usr/bin/python3|out_none|nomtime -*.pyc|src_none|/usr/bin/python3 -m venv $OUT'
	'make|make cc|out_empty|nomtime|src_make|make -s -j$CORES -C $SRC/cproject O=$OUT'
)

# measured in fewer rounds; and left out by --quick
SLOW='npm-ci venv make pip rsync-a copytree'
SKIP='venv pip rsync-a copytree rmtree dpkg-x tar-xzf git-add git-checkout'

COPYTREE='import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2], symlinks=True)'
RMTREE='import shutil, sys; shutil.rmtree(sys.argv[1])'
PIP=$(echo /usr/share/python-wheels/pip-*.whl)

# ---- what is there before a run ----

out_none() { :; }
out_empty() { mkdir "$OUT"; }
out_tree() { cp -a "$SRC/tree" "$OUT"; }

out_files() {
	"$BENCH" phases --dir "$MNT/bench" --name out --files "$PHASE_FILES" --size "$SIZE" \
		--phases create >/dev/null
}

out_add() {
	cp -a "$SRC/tree" "$OUT"
	git init -q -b main "$OUT"
	git -C "$OUT" config gc.auto 0
}

out_git() {
	mkdir "$OUT"
	rm -f "$SRC/repo.git/index"
}

out_npm() {
	mkdir "$OUT"
	cp "$SRC/npm/package.json" "$SRC/npm/package-lock.json" "$OUT"
}

# ---- sources ----

src_none() { :; }

src_tree() {
	[ -d "$SRC/tree" ] || "$BENCH" mktree --files "$FILES" "${TREE_ARGS[@]}" --owners "$SRC/tree"
}

src_tar() {
	src_tree
	[ -e "$SRC/tree.tar" ] || tar cf "$SRC/tree.tar" -C "$SRC/tree" --sort=name .
}

src_targz() {
	src_tar
	[ -e "$SRC/tree.tgz" ] || gzip -1 <"$SRC/tree.tar" >"$SRC/tree.tgz"
}

src_deb() {
	src_tree
	[ ! -e "$SRC/tree.deb" ] || return 0
	mkdir "$SRC/tree/DEBIAN"
	printf '%s\n' 'Package: tree' 'Version: 1' 'Architecture: all' 'Maintainer: nobody' \
		'Description: many files' >"$SRC/tree/DEBIAN/control"
	dpkg-deb -Zgzip -z1 -b "$SRC/tree" "$SRC/tree.deb" >/dev/null
	rm -r "$SRC/tree/DEBIAN"
}

src_wheel() {
	[ ! -d "$SRC/wheels" ] || return 0
	[ -e "$PIP" ] || return 1
	mkdir "$SRC/wheels"
	/usr/bin/python3 "$HERE/wheel.py" "$SRC/wheels" $((FILES / 4))
}

src_zip() {
	src_tree
	[ -e "$SRC/tree.zip" ] || (cd "$SRC/tree" && zip -qry "$SRC/tree.zip" .)
}

src_git() {
	src_tree
	[ ! -d "$SRC/repo.git" ] || return 0
	local git=(git -c user.name=bench -c user.email=bench@localhost -c gc.auto=0
		-c maintenance.auto=false --git-dir="$SRC/repo.git" --work-tree="$SRC/tree")
	git init -q --bare -b main "$SRC/repo.git"
	git --git-dir="$SRC/repo.git" config core.bare false
	git --git-dir="$SRC/repo.git" config gc.auto 0
	"${git[@]}" add -A
	GIT_COMMITTER_DATE='2024-01-01T00:00:00Z' "${git[@]}" commit -q -m tree \
		--date 2024-01-01T00:00:00Z
	"${git[@]}" repack -q -a -d
}

# The npm cache is warmed once per session and copied to each file system.
src_npm() {
	[ ! -d "$SRC/npm" ] || return 0
	local warm=$WORK/npm-$NPM_FILES
	if [ ! -d "$warm" ]; then
		say "warming an npm cache ($NPM_FILES files)"
		rm -rf "$warm.part"
		mkdir "$warm.part"
		node "$HERE/npm-cache.js" "$warm.part" "$NPM_FILES" >&2
		mv "$warm.part" "$warm"
	fi
	cp -a "$warm" "$SRC/npm"
}

src_make() {
	[ -d "$SRC/cproject" ] || bash "$HERE/cproject.sh" "$SRC/cproject" "$MAKE_FILES"
}
